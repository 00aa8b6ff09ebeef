// A virtual STM32U585 board: chip, memories, and the loop that lets its time pass.
//
// The Board owns everything from the core to the NOR cells and connects it. It lives on one thread, the one
// that calls run(); only stop() and post() may be called from others. What stands outside (modem, terminal,
// buttons) is given to it or connects to its serial ports and pins.
//
// Time: run() executes instructions until the next event is due, dispatches it, and while the core sleeps
// skips to the next one. With real-time pacing virtual time does not run ahead of the host's; without it, it
// does so freely, except in so far as HostEvents awaits an answer from outside.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/cpu/core.hpp"
#include "board/debug/semihosting.hpp"
#include "board/matrix/system_bus.hpp"
#include "board/memory/board_memories.hpp"
#include "board/memory/sram.hpp"
#include "board/modem/network.hpp"
#include "board/peripherals/registry.hpp"

namespace microvisor::board {

class Dbgmcu;
class Dcache;
class FaultInjector;
struct Fault;
class RegisterFile;
class Snapshot;
class Syscfg;
struct LoadedImage;
enum class Ram : std::uint8_t;

struct BoardOptions {
  /// One line a message for the person who runs the board: first touch of an unmodelled block, resets. May be
  /// empty.
  std::function<void(std::string_view)> report;
  /// BKPT 0xAB reaches the host: console, clocks and exit.
  bool semihosting = false;
  SemihostingPorts host_calls;
  /// Virtual time keeps to the host's clock.
  bool real_time = false;
  /// Source of outside events (the modem's network); may be null. Must outlive the board.
  HostEvents* host = nullptr;
  /// NIDEN at RDP level 2, which no public text tells (debug_authentication.hpp).
  bool watchpoints_at_rdp2 = false;
};

/// How far run() goes. The first limit reached ends it.
struct RunLimits {
  Time until = kNever;  ///< virtual time since power-on
  std::uint64_t instructions = ~std::uint64_t{0};
};

enum class RunEnd : std::uint8_t {
  Limit,     ///< time or instructions are used up
  Stopped,   ///< stop() was called
  Exited,    ///< semihosting exit: see exit_status()
  LockedUp,  ///< lockup that no watchdog has ended
  Idle,      ///< asleep, and nothing is ever going to happen
  PowerCut,  ///< an injected fault, or a board directory that can no longer be written; see supply()
};

struct BoardStatistics {
  std::uint64_t instructions = 0;
  double wall_seconds = 0;  ///< spent in run()
  double virtual_seconds = 0;
};

class Board {
 public:
  /// Builds the board and switches it on. Unbootable if the option bytes do not lead to user code.
  static tl::expected<std::unique_ptr<Board>, BoardError> create(BoardMemories memories,
                                                                 BoardOptions options = {});
  /// The board of a snapshot, about to do what that one did next. `attach` connects what stands outside and
  /// names its parts by include(); it is called before they get their state back. Missing if the snapshot has
  /// a part that is not attached, Corrupt, System.
  static tl::expected<std::unique_ptr<Board>, BoardError> resume(
      const Snapshot& snapshot, BoardOptions options = {}, const std::function<void(Board&)>& attach = {});
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  RunEnd run(const RunLimits& limits = {});

  /// Source of outside events, when it could not be named at creation. Must outlive the board.
  void set_host(HostEvents* host) { options_.host = host; }

  /// Ends run() soon. From any thread, also before run().
  void stop();
  /// Has `task` called on the board's thread, at the virtual time reached then. From any thread.
  void post(std::function<void()> task);

  /// Loads bare firmware and makes it the one to boot: segments at their physical addresses, SECBOOTADD0 =
  /// the lowest flash segment, then power-on. BadImage if it does not fit the chip.
  tl::expected<void, BoardError> boot_image(const LoadedImage& image);
  /// Off and on again: volatile memories are lost, the backup domain stays. Also the way on after a power
  /// cut.
  tl::expected<void, BoardError> power_cycle();
  /// Ends the board: what remains without power. Only the destructor may be called afterwards.
  [[nodiscard]] BoardMemories take_memories();
  /// Makes a part outside of the chip (a modem, a sensor) one of the board's as far as snapshots go.
  /// `serialise` is called by snapshot() and resume().
  void include(std::string name, std::function<void(Archive&)> serialise);
  /// The board as it is, on its thread and not within run(). System (no memory, no power).
  [[nodiscard]] tl::expected<std::shared_ptr<const Snapshot>, BoardError> snapshot();

  /// Has a fault happen (board/fault/fault.hpp). Any number of them, before or between runs.
  void inject(const Fault& fault);
  /// Null if none was ever asked for.
  [[nodiscard]] const FaultInjector* faults() const { return faults_.get(); }
  /// Pulls NRST; the reset happens before the next instruction.
  void reset_pin() { request_reset(ResetCause::Pin); }

  // For a debugger outside of the chip (board/debug/), on the board's thread, see post(). While the board is
  // halted, run() does nothing but what is posted, and virtual time stands still.
  void halt(HaltReason reason);
  /// Goes on from a halt, for one instruction if `stepping`.
  void go_on(bool stepping);
  [[nodiscard]] bool halted() const { return halted_; }
  /// Called each time the board has halted.
  void on_halt(std::function<void(HaltReason)> listener) { halt_listener_ = std::move(listener); }
  /// With a debugger attached, a core that is locked up or sleeps for ever does not end run(): the first
  /// halts, the second waits.
  void set_attended(bool attended) { attended_ = attended; }
  /// Halts at the first instruction after every reset.
  void set_halt_on_reset(bool halt) { halt_on_reset_ = halt; }
  /// A reset of the whole chip, done when this returns.
  tl::expected<void, BoardError> reset_at_once() { return perform_reset(ResetCause::Pin); }

  [[nodiscard]] SerialPort* serial(std::uint32_t base) { return chip_->serial(base); }
  /// I2C bus at this non-secure base address, to attach targets; nullptr if there is none.
  [[nodiscard]] I2cBus* i2c(std::uint32_t base) { return chip_->i2c(base); }
  [[nodiscard]] Pins& pins() { return chip_->pins(); }
  [[nodiscard]] const Clocks& clocks() const { return chip_->clocks(); }
  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] Core& core() { return core_; }
  [[nodiscard]] SystemBus& bus() { return bus_; }
  [[nodiscard]] Flash& flash() { return *flash_; }
  [[nodiscard]] BoardMemories& memories() { return memories_; }
  [[nodiscard]] int exit_status() const { return exit_status_; }
  [[nodiscard]] BoardStatistics statistics() const;
  /// Called after each reset with its cause, on the board's thread.
  void on_reset(std::function<void(ResetCause)> listener) { reset_listener_ = std::move(listener); }
  /// Asleep in a mode in which HCLK stands.
  [[nodiscard]] bool deep_sleep() const;
  /// Resets since create(), the first power-on not counted.
  [[nodiscard]] std::uint64_t resets() const { return resets_; }

 private:
  Board(BoardMemories memories, BoardOptions options, Sram sram);

  // Assembly (board_assembly.cpp)
  void build_security();
  void build_flash();
  void build_memory_blocks();
  void build_chip();
  void place_unmodelled();
  void report(std::string_view line) const;
  void erase(Ram which);
  /// A stretch of an SRAM by its physical number (bus.hpp).
  void erase_at(std::uint32_t physical, std::uint32_t size);
  void erase(std::span<std::uint8_t> memory, std::uint32_t physical);

  // Resets (board_reset.cpp)
  void request_reset(ResetCause cause);
  tl::expected<void, BoardError> perform_reset(ResetCause cause);
  [[nodiscard]] tl::expected<std::uint32_t, BoardError> boot_address() const;
  void erase_for_reset(ResetCause cause);
  [[nodiscard]] DebugAuthentication debug_inputs() const;

  // Snapshots (board_snapshot.cpp)
  void serialise(Archive& archive);
  void load(const Snapshot& snapshot);

  // The loop (board.cpp)
  [[nodiscard]] std::optional<RunEnd> step(const RunLimits& limits, std::uint64_t first_instruction);
  [[nodiscard]] std::optional<RunEnd> handle(Stop stop, const RunLimits& limits);
  [[nodiscard]] std::optional<RunEnd> rest(const RunLimits& limits, RunEnd if_forever);
  [[nodiscard]] std::optional<RunEnd> rest_locked_up(const RunLimits& limits);
  void enter_sleep();
  void leave_sleep();
  /// Made when the first fault is asked for.
  FaultInjector& injector();
  /// What faults ask for at this boundary; the run's end if it is one.
  [[nodiscard]] std::optional<RunEnd> act_on_faults(const RunLimits& limits);
  void take_posted();
  void wait_for_posted();
  [[nodiscard]] bool paced() const;
  void keep_pace();
  /// Waits for the host: at most until its clock has reached what `target` stands for; moves virtual time
  /// along.
  void wait_outside(Time target);

  BoardMemories memories_;
  BoardOptions options_;
  Scheduler scheduler_;
  SystemBus bus_;
  Core core_;
  Sram sram_;
  std::unique_ptr<class Gtzc> gtzc_;
  std::unique_ptr<Flash> flash_;
  std::unique_ptr<class Ramcfg> ramcfg_;
  std::unique_ptr<class Icache> icache_;
  std::unique_ptr<Dcache> dcache_;
  std::unique_ptr<Syscfg> syscfg_;
  std::unique_ptr<Dbgmcu> dbgmcu_;
  std::unique_ptr<ChipPeripherals> chip_;
  std::vector<PlacedBlock> chip_blocks_;
  std::vector<std::unique_ptr<RegisterFile>> register_files_;
  std::vector<Peripheral*> reset_order_;
  std::unique_ptr<Semihosting> semihosting_;
  std::unique_ptr<FaultInjector> faults_;
  std::map<std::string, std::function<void(Archive&)>> parts_;

  std::optional<ResetCause> wanted_reset_;
  std::function<void(ResetCause)> reset_listener_;
  std::uint64_t resets_ = 0;
  bool sleeping_ = false;
  bool core_clock_stopped_ = false;
  PowerMode traced_mode_ = PowerMode::Run;  ///< the mode that the tracer knows of
  std::optional<Time> locked_up_since_;
  bool halted_ = false;
  bool attended_ = false;
  bool halt_on_reset_ = false;
  std::function<void(HaltReason)> halt_listener_;
  int exit_status_ = 0;

  // Pacing: a pair of moments that belong together.
  bool was_paced_ = false;
  std::chrono::steady_clock::time_point host_anchor_;
  Time virtual_anchor_ = 0;
  std::chrono::nanoseconds time_in_run_{0};

  std::atomic<bool> stop_{false};
  std::atomic<bool> posted_any_{false};
  std::mutex posted_mutex_;
  std::condition_variable posted_signal_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace microvisor::board
