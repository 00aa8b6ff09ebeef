// The processor core: one struct that owns its parts, and the loop that runs it.
//
// Two halves meet here. The *execution* half (decoder, translators, interpreter, memory paths) runs
// instructions; the *system* half (exceptions, NVIC, SCS, SysTick, SAU, MPU, special registers, Security
// Extension) decides what happens at the borders between them. The execution half calls the functions
// declared in system.hpp; the system half reads and writes memory through memory.hpp.
//
// A Core belongs to one board and lives on that board's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include "board/bus/bus.hpp"
#include "board/bus/scheduler.hpp"
#include "board/cpu/debug_watch.hpp"
#include "board/cpu/halting.hpp"
#include "board/cpu/state.hpp"
#include "board/cpu/tracer.hpp"

namespace microvisor::board {

class DecodeCache;   // decode_cache.hpp (execution)
struct Tlb;          // memory.hpp (execution)
struct SystemUnits;  // system_units.hpp (system): NVIC, SCB, SAU, MPUs, SysTicks, pending faults

/// Why execute() came back.
enum class Stop : std::uint8_t {
  Budget,       ///< the scheduler's budget is used up or was cut: look at events and come back
  Asleep,       ///< WFI or WFE: skip to the next event
  Stalled,      ///< a memory is busy: skip to Bus::stalled_until()
  Lockup,       ///< fault inside a fault handler of highest priority
  SystemReset,  ///< AIRCR.SYSRESETREQ
  Semihosting,  ///< BKPT 0xAB with semihosting on: R0 is the operation, R1 its argument; PC is at the BKPT
  Halted,       ///< for a debugger outside: see Halting::reason
};

/// Levels of the authentication inputs of the core (DBGEN, NIDEN, SPIDEN, SPNIDEN), which the chip's
/// life-cycle state drives. The defaults let Non-secure code be debugged.
struct DebugAuthentication {
  bool invasive = true;
  bool noninvasive = true;
  bool secure_invasive = false;
  bool secure_noninvasive = false;
};

/// Signals from the chip that the core does not own.
struct CoreSignals {
  bool lock_secure_vtor_aircr = false;  ///< SYSCFG_CSLCKR.LOCKSVTAIRCR
  bool lock_secure_mpu = false;         ///< LOCKSMPU
  bool lock_sau = false;                ///< LOCKSAU
  bool lock_nonsecure_vtor = false;     ///< SYSCFG_CNSLCKR.LOCKNSVTOR
  bool lock_nonsecure_mpu = false;      ///< LOCKNSMPU
  DebugAuthentication debug;            ///< changed by set_debug_authentication() (system.hpp) only
};

struct Record;   // record.hpp (execution): one decoded instruction
struct TlbBank;  // memory.hpp (execution)

/// What the interpreter keeps between two instructions besides the architectural state. Private to the
/// execution half; everything in it can be rebuilt from `state` at an instruction boundary.
struct Execution {
  const TlbBank* bank = nullptr;    ///< translations of the current world and privilege
  const Record* records = nullptr;  ///< records of the page being executed (or the single-step buffer)
  std::uint32_t page_address = 0;   ///< guest address of records[0]
  std::uint32_t page_bytes =
      0;  ///< kPageBytes, or 0 in the single-step buffer: branches stay inside below it
  std::uint32_t stack_limit = 0;  ///< of the stack in use; 0 if unchecked
  std::uint32_t align_mask = 0;   ///< 3 with CCR.UNALIGN_TRP, else 0
  bool flushed = false;           ///< translations were flushed: the interpreter leaves its page
  std::int64_t budget_mark = 0;   ///< budget at the last moment `retired` was brought up to date
  bool fp_ready = false;          ///< prepare_fp() has succeeded in this context
  bool stalled = false;           ///< the access that just failed met a busy memory: nothing was recorded
  bool wait = false;              ///< a vector or frame access met a busy memory: wait at the next boundary
  bool single = false;            ///< one instruction only (DEMCR.MON_STEP): nothing may lead on to the next
  std::uint32_t target = 0;       ///< of a branch on its way through jump_magic()
  std::uint32_t base_before =
      0;  ///< what its base register was, if `writes_base`: a refused load gives it back
  bool writes_base = false;
  std::array<std::uint32_t, 32> buffer{};  ///< words loaded together, before they are committed
  std::uint8_t exit = 0;                   ///< why the handlers returned
  std::uint64_t share_at = 0;              ///< when a core that never sleeps looks what it can share
};

struct Core final : InterruptSink, BusObserver {
  Core(Bus& bus_, Scheduler& scheduler_);
  ~Core() override;
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Warm reset: architectural reset values, VTOR_S = `vector_table` (7 low bits zero), then SP and PC from
  /// there.
  void reset(std::uint32_t vector_table);

  /// Runs until something named in Stop happens. `scheduler.budget` is exact on return.
  Stop execute();

  // InterruptSink
  void set_line(unsigned line, bool level) override;
  void raise_nmi() override;
  void raise_event() override;
  // BusObserver
  void memory_changed(std::uint32_t physical, std::uint32_t size) override;
  void permissions_changed() override;

  /// Registers of PPB blocks for a debugger; no side effects.
  [[nodiscard]] std::uint32_t peek_ppb(std::uint32_t address, World world) const;

  void serialise(class Archive& archive);

  Bus& bus;
  Scheduler& scheduler;
  CoreState state;
  CoreSignals signals;
  bool semihosting = false;
  /// Instructions retired since power-on.
  std::uint64_t retired = 0;
  /// Exceptions entered and resets. With `retired` it tells apart all boundaries at which the core can halt;
  /// no part of its state.
  std::uint64_t entries = 0;

  std::unique_ptr<SystemUnits> system;
  std::unique_ptr<Tlb> tlb;
  std::unique_ptr<DecodeCache> decoded;
  /// Set by the system half when something may have to be taken before the next instruction (a pending
  /// exception, a changed mask, a reset request): the interpreter then calls service(). It also ends the
  /// current block.
  bool attention = false;
  Execution execution;
  DebugWatch watch;
  Halting halting;
  Tracer* tracer = nullptr;              ///< not owned; may be null (set_tracer())
  std::set<std::uint32_t> trace_points;  ///< even addresses, as code reaches them (add_trace_point())

  /// Called when Non-secure state is entered for the first time after a reset: the application's start. May
  /// be empty.
  std::function<void()> on_first_nonsecure;
  bool nonsecure_seen = false;  ///< since the last reset
  void note_nonsecure() {
    if (nonsecure_seen) return;
    nonsecure_seen = true;
    if (on_first_nonsecure) on_first_nonsecure();
  }
};

}  // namespace microvisor::board
