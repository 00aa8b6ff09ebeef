// What the files of the system half share: priorities, the pending and active state of exceptions, the two
// entrances of the exception machinery. Private to board/cpu.
//
// One rule: whoever changes something that decides which exception comes next (a pending or enable bit, a
// priority, a mask) calls reconsider() afterwards; nothing else writes Core::attention.
#pragma once

#include <cstdint>

#include "board/cpu/core.hpp"
#include "board/cpu/memory.hpp"
#include "board/cpu/state.hpp"
#include "board/cpu/system.hpp"
#include "board/cpu/system_units.hpp"

namespace microvisor::board {

constexpr std::uint32_t bit(unsigned position) { return std::uint32_t{1} << position; }
constexpr World other(World world) { return world == kSecure ? kNonSecure : kSecure; }
constexpr bool is_interrupt(unsigned number) { return number >= kFirstInterrupt; }

enum Demcr : std::uint32_t {
  kMonEn = 1u << 16,
  kMonPend = 1u << 17,
  kMonStep = 1u << 18,
  kMonReq = 1u << 19,
  kSdme = 1u << 20,
  kTrcEna = 1u << 24,
};

/// Moves the stack pointer in use out of r[13], and the one in use afterwards into it: wrap it around every
/// change of world, mode or CONTROL.SPSEL.
class StackSwitch {
 public:
  explicit StackSwitch(CoreState& state) : state_(state) { current() = state.r[13]; }
  ~StackSwitch() { state_.r[13] = current(); }
  StackSwitch(const StackSwitch&) = delete;
  StackSwitch& operator=(const StackSwitch&) = delete;

 private:
  std::uint32_t& current() { return state_.stack[state_.world][state_.stack_kind()]; }
  CoreState& state_;
};

// --- which world, which priority (priorities.cpp) -----------------------------------------------------
inline constexpr int kLowestPriority = 256;  ///< of code that is no exception

/// The world an exception is taken to when it is raised in or banked for `world` (B3.9,
/// ExceptionTargetsSecure).
World target_world(const Core& core, unsigned number, World world);
/// True if the exception exists once a world (IsBanked).
bool is_banked(unsigned number);
/// Priority as compared with others: negative for the fixed ones; non-secure priorities are moved up by
/// AIRCR.PRIS. With `group` the sub-priority bits are left out.
int exception_priority(const Core& core, unsigned number, World world, bool group);
/// Lowest number of all active exceptions, masks not looked at.
int raw_priority(const Core& core);
/// Current execution priority: active exceptions and PRIMASK, BASEPRI, FAULTMASK of both worlds.
int execution_priority(const Core& core);
/// The execution priority that there would be with PRIMASK clear in both worlds: what WFI compares with.
int wake_priority(const Core& core);
/// True if `world` runs at negative priority by its own means: MPU_CTRL.HFNMIENA, CCR.BFHFNMIGN
/// (IsReqExcPriNeg).
bool priority_negative(const Core& core, World world);

struct PendingException {
  unsigned number = kNoException;
  World world = kSecure;
  int priority = kLowestPriority;        ///< with sub-priority
  int group_priority = kLowestPriority;  ///< what is compared with the execution priority
};
/// The most urgent exception that is pending and enabled.
PendingException most_urgent(const Core& core);
/// The same among those that target `world` (ICSR.VECTPENDING as Non-secure code may see it).
PendingException most_urgent_in(const Core& core, World world);

/// False if no exception could be taken whatever its priority: the usual case, which saves the search for the
/// most urgent one.
inline bool anything_pending(const Core& core) {
  const SystemControl& control = core.system->control;
  const Nvic& nvic = core.system->nvic;
  return ((nvic.pending[0] & nvic.enabled[0]) | (nvic.pending[1] & nvic.enabled[1]) | control.pending[0] |
          control.pending[1]) != 0;
}
inline bool anything_active(const Core& core) {
  const SystemControl& control = core.system->control;
  const Nvic& nvic = core.system->nvic;
  return (nvic.active[0] | nvic.active[1] | control.active[0] | control.active[1]) != 0;
}

bool is_pending(const Core& core, unsigned number, World world);
bool is_active(const Core& core, unsigned number, World world);
void set_pending(Core& core, unsigned number, World world, bool value);
void set_active(Core& core, unsigned number, World world, bool value);
unsigned active_count(const Core& core);

/// The monitor steps: there is something to look at before every instruction.
inline bool step_armed(const Core& core) {
  constexpr std::uint32_t kBoth = kMonEn | kMonStep;
  return (core.system->debug.demcr & kBoth) == kBoth;
}
/// reconsider() where something is pending or the core sleeps.
void weigh_pending(Core& core);
/// Works out Core::attention again and wakes the core if what is pending demands it.
inline void reconsider(Core& core) {
  if (anything_pending(core) || core.state.asleep) return weigh_pending(core);
  core.attention = core.system->control.reset_requested || step_armed(core);
}
/// As reconsider(), for changes that come from outside the core's own instructions.
void reconsider_from_outside(Core& core);

// --- entry and return (exceptions_entry.cpp, exceptions_return.cpp) -------------------------------------
/// Takes the most urgent pending exception: frame, registers, vector.
void enter_exception(Core& core, std::uint32_t return_address);
/// The usual entry, in one go: no FP context, nothing to hide from the handler, and frame and vector in
/// memory that is known. `exception` has been found to be the one to take. False: nothing has been done.
bool enter_at_once(Core& core, const PendingException& exception, std::uint32_t return_address);
/// The part after the frame is on the stack; `exc_return` describes the frame. Also the way of a tail-chain.
void take_exception(Core& core, std::uint32_t exc_return, bool tail_chain);
void return_from_exception(Core& core, std::uint32_t exc_return);
/// False: a fault has been recorded.
bool return_from_function(Core& core);
void lock_up(Core& core);

enum ExcReturn : std::uint32_t {
  kExcReturnOnes = 0xFFFF'FF80,
  kExcReturnSecureException = 1u << 0,  // ES
  kExcReturnReserved = 1u << 1,
  kExcReturnProcessStack = 1u << 2,     // SPSEL
  kExcReturnThread = 1u << 3,           // Mode
  kExcReturnBasicFrame = 1u << 4,       // FType
  kExcReturnDefaultStacking = 1u << 5,  // DCRS
  kExcReturnSecureStack = 1u << 6,      // S
};
inline constexpr std::uint32_t kFncReturn = 0xFEFF'FFFE;
/// First word of the additional state context; bit 0 is EXC_RETURN.FType (B3.19, integrity signature).
inline constexpr std::uint32_t kIntegritySignature = 0xFEFA'125A;

// --- faults (faults.cpp) ----------------------------------------------------------------------------------
/// Makes a synchronous fault pending, as HardFault if it cannot be taken; `world` is the one that raised it.
void pend_fault(Core& core, unsigned number, World world);
/// HardFault of the world that a fault was for. What even HardFault cannot take is the end: the core locks
/// up.
void pend_hard_fault(Core& core, World world, std::uint32_t status);
/// A fault of stacking or unstacking a frame of `world`: status bits for what went wrong, then pend_fault().
void record_frame_fault(Core& core, FrameAccess failure, World world, std::uint32_t address, bool stacking);
void record_usage_fault_in(Core& core, UsageFault kind, World world);
void record_secure_fault(Core& core, std::uint32_t status);
/// HFSR.VECTTBL: the vector of an exception of `world` could not be read.
void record_vector_fault(Core& core, World world);

// --- status registers' bits ----------------------------------------------------------------------------
enum Cfsr : std::uint32_t {
  kIaccViol = 1u << 0,
  kDaccViol = 1u << 1,
  kMunstkErr = 1u << 3,
  kMstkErr = 1u << 4,
  kMlspErr = 1u << 5,
  kMmarValid = 1u << 7,
  kIbusErr = 1u << 8,
  kPrecisErr = 1u << 9,
  kUnstkErr = 1u << 11,
  kStkErr = 1u << 12,
  kLspErr = 1u << 13,
  kBfarValid = 1u << 15,
  kUndefInstr = 1u << 16,
  kInvState = 1u << 17,
  kInvPc = 1u << 18,
  kNoCp = 1u << 19,
  kStkOf = 1u << 20,
  kUnaligned = 1u << 24,
  kDivByZero = 1u << 25,
};
enum Sfsr : std::uint32_t {
  kInvEp = 1u << 0,
  kInvIs = 1u << 1,
  kInvEr = 1u << 2,
  kAuViol = 1u << 3,
  kInvTran = 1u << 4,
  kSecureLspErr = 1u << 5,
  kSfarValid = 1u << 6,
  kLsErr = 1u << 7,
};
enum Hfsr : std::uint32_t { kVectTbl = 1u << 1, kForced = 1u << 30, kDebugEvt = 1u << 31 };
enum Dfsr : std::uint32_t {
  kDfsrHalted = 1u << 0,  ///< a step has ended
  kDfsrBkpt = 1u << 1,
  kDfsrDwtTrap = 1u << 2
};
enum Ccr : std::uint32_t {
  kUserSetMPend = 1u << 1,
  kUnalignTrp = 1u << 3,
  kDiv0Trp = 1u << 4,
  kBfhfnmIgn = 1u << 8,
  kStkOfHfNmIgn = 1u << 10,
};
enum Fpccr : std::uint32_t {
  kLspAct = 1u << 0,
  kFpUser = 1u << 1,
  kFpSecure = 1u << 2,
  kFpThread = 1u << 3,
  kHfRdy = 1u << 4,
  kMmRdy = 1u << 5,
  kBfRdy = 1u << 6,
  kSfRdy = 1u << 7,
  kMonRdy = 1u << 8,
  kSpLimViol = 1u << 9,
  kUfRdy = 1u << 10,
  kFpTs = 1u << 26,
  kClrOnRetS = 1u << 27,
  kClrOnRet = 1u << 28,
  kLspEnS = 1u << 29,
  kLspEn = 1u << 30,
  kAspEn = 1u << 31,
};

// --- floating-point context (exceptions_fp.cpp) ------------------------------------------------------------
/// True if CPACR of `world` lets code of this privilege use the FPU.
bool fp_permitted(const Core& core, World world, bool privileged);
/// Bytes of the frame that an exception would push now.
std::uint32_t frame_size(const Core& core);
/// FP part of stacking: saves or reserves at `frame` (address of the whole frame). False: a fault is pending.
bool stack_fp(Core& core, std::uint32_t frame, std::uint32_t limit_base, bool frame_written);
/// FP part of unstacking for EXC_RETURN.FType = 0. False: a fault is pending.
bool unstack_fp(Core& core, std::uint32_t frame, World world, bool privileged);
/// FPCCR.CLRONRET: scratch registers are cleared before anything else can run. False: a fault is pending.
bool clear_fp_on_return(Core& core);

// --- SysTick (systick.cpp), NVIC (nvic.cpp), register files
// --------------------------------------------------
void systick_reset(Core& core);
void systick_rearm(Core& core);
std::uint32_t systick_read(Core& core, World world, unsigned offset, bool peek);
void systick_write(Core& core, World world, unsigned offset, std::uint32_t value, std::uint32_t mask);

/// NVIC registers, `offset` from 0xE000_E000 (0x100 to 0x5EF and STIR 0xF00); `view` is the world whose view
/// is shown.
std::uint32_t nvic_read(const Core& core, World view, unsigned offset);
void nvic_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask);
void nvic_deactivate(Core& core, unsigned line);
inline bool line_is_high(const Core& core, unsigned line) {
  return (core.system->nvic.level[line / 64] >> (line % 64) & 1) != 0;
}

std::uint32_t scb_read(const Core& core, World view, unsigned offset, bool secure);
void scb_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask, bool secure);
std::uint32_t protection_read(const Core& core, World view, unsigned offset, bool secure);
void protection_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask,
                      bool secure);
std::uint32_t float_read(const Core& core, World view, unsigned offset);
void float_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask);
/// Debug block: `address` is the whole address (FPB, DWT, ITM, DEMCR ...).
std::uint32_t debug_read(Core& core, std::uint32_t address, bool secure, bool peek);
void debug_write(Core& core, std::uint32_t address, std::uint32_t value, std::uint32_t mask, bool secure);
/// DWT alone (dwt.cpp), `offset` from 0xE000_1000.
std::uint32_t dwt_read(Core& core, unsigned offset, bool peek);
void dwt_write(Core& core, unsigned offset, std::uint32_t value, std::uint32_t mask);

// --- debug events (debug_events.cpp) ---------------------------------------------------------------------
/// DEMCR.SDME: DebugMonitor targets Secure, and Secure code can be debugged.
bool secure_debug_monitor(const Core& core);
/// SDME stays what it is now until DebugMonitor, about to be pended or made active, has ended.
void fix_monitor_target(Core& core);
/// Whether a probe could halt Secure code (DHCSR.S_SDE).
bool secure_halting_allowed(const Core& core);
/// Whether code of `world` may be watched without being stopped: trace, counters, DWT.
bool noninvasive_allowed(const Core& core, World world);
/// An event of `world` may pend DebugMonitor, its priority looked at or not (CanPendMonitorOnEvent).
bool monitor_can_pend(const Core& core, World world, bool check_priority);
/// Makes DebugMonitor pending, with its reason in DFSR (0 for none).
void pend_monitor(Core& core, std::uint32_t reason);
/// What FPB and DWT watch may have changed.
void update_watch(Core& core);
/// The end of a step, if the instruction at hand is one: after everything that the instruction itself does,
/// before the exceptions it asks for are taken (SetMonStep).
void finish_step(Core& core);

// --- DWT (dwt.cpp)
// ------------------------------------------------------------------------------------------
bool dwt_enabled(const Core& core);
/// Adds what the comparators watch.
void dwt_add_ranges(const Core& core, DebugWatch& watch);
/// Comparators on the instruction at `address`, which is about to be executed.
void dwt_match_instruction(Core& core, std::uint32_t address);
/// CYCCNT. Whoever changes what makes it run reads it before and sets it again afterwards.
std::uint32_t dwt_cycles(const Core& core);
void dwt_set_cycles(Core& core, std::uint32_t value);
void dwt_rearm_cycle_match(Core& core);
void dwt_on_cycle_match_due(Core& core);

/// What a mask write makes of a register.
constexpr std::uint32_t merged(std::uint32_t old, std::uint32_t value, std::uint32_t mask) {
  return (old & ~mask) | (value & mask);
}

// --- SAU, IDAU, MPU (attribution.cpp)
// ---------------------------------------------------------------------------
struct SecurityResult {
  bool secure = true;
  bool callable = false;
  bool exempt = false;  ///< takes the state of the access
  bool region_valid = false;
  std::uint8_t region = 0;
  std::uint32_t base = 0;
  std::uint32_t limit = 0xFFFF'FFFF;
};
/// SAU and IDAU for one address; `world` decides for exempt addresses (SecurityCheck).
SecurityResult check_security(const Core& core, std::uint32_t address, bool fetch, World world);

struct ProtectionResult {
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool device = false;
  bool region_valid = false;
  bool overlapping = false;
  std::uint8_t region = 0;
  std::uint32_t base = 0;
  std::uint32_t limit = 0xFFFF'FFFF;
};
/// The MPU of `world` for one address, the default memory map where it does not rule (MPUCheck).
ProtectionResult check_protection(const Core& core, std::uint32_t address, World world, bool privileged,
                                  bool use_mpu);

}  // namespace microvisor::board
