// A recording in which a debugger can go forward and back.
//
// There is one present: a board that was run from a checkpoint to a position. Going back means to make
// another one, from the checkpoint before, and to run it forward. To find where to stop, each stretch between
// two checkpoints is run through, from the present on backwards, until one has a breakpoint or a watchpoint
// in it; the last of these before the present is the place.
//
// Work that may take long is done in slices: an order is given (go_on, go_back), and work() goes on with it
// until it says how the board has halted. While no order is being carried out the present stands still.
//
// A watchpoint that is met on the way back halts behind the access, as on the way forward: GDB then steps
// back over it. A fault halts before the instruction that causes it. Belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "board/board.hpp"
#include "board/debug/debug_target.hpp"
#include "board/replay/checkpoints.hpp"
#include "board/replay/recording.hpp"

namespace microvisor::board {

class TimeMachine {
 public:
  /// Stands at the beginning. The recording must outlive it. Missing, Corrupt, System.
  static tl::expected<std::unique_ptr<TimeMachine>, BoardError> open(
      const Recording& recording, std::shared_ptr<const Snapshot> beginning);
  ~TimeMachine();
  TimeMachine(const TimeMachine&) = delete;
  TimeMachine& operator=(const TimeMachine&) = delete;

  /// The present; another one after each order. To be looked at only.
  [[nodiscard]] Board& board() { return *present_; }
  [[nodiscard]] Position position() { return position_of(*present_); }

  void set_breakpoint(std::uint32_t address);
  void clear_breakpoint(std::uint32_t address);
  void add_watch(const Watch& watch);
  void remove_watch(const Watch& watch);
  /// At which faults to halt: those of Non-secure code until told otherwise.
  void set_faults(FaultHalts which);
  /// All of the above as at the beginning.
  void forget_halts();

  // Orders.
  void go_on(bool stepping) { order_ = stepping ? Order::Step : Order::GoOn; }
  void go_back(bool stepping) { order_ = stepping ? Order::StepBack : Order::GoBack; }
  /// Ends what is being done: on the way forward where it is, on the way back where it began.
  void interrupt() { interrupted_ = busy(); }
  [[nodiscard]] bool busy() const { return order_ != Order::None; }
  /// Goes on with the order for about a hundredth of a second. The halt, when it has been carried out; System
  /// if the host has no memory left.
  [[nodiscard]] tl::expected<std::optional<Halt>, BoardError> work();

  /// Makes the first boundary at or after `time` the present, whatever lies between.
  [[nodiscard]] tl::expected<void, BoardError> travel(Time time);

  [[nodiscard]] const Recording& recording() const { return recording_; }
  [[nodiscard]] const Checkpoints& checkpoints() const { return checkpoints_; }

 private:
  enum class Order : std::uint8_t { None, GoOn, Step, GoBack, StepBack };
  struct Hit {
    Position position;
    HaltReason reason;
    Watch watch;
  };
  struct Search;
  template <typename Value>
  using Expected = tl::expected<Value, BoardError>;
  using Outcome = Expected<std::optional<Halt>>;

  TimeMachine(const Recording& recording, Checkpoint beginning);

  [[nodiscard]] static Position position_of(Board& board);
  [[nodiscard]] Expected<std::unique_ptr<Board>> resume(const Checkpoint& checkpoint);
  [[nodiscard]] static Expected<Checkpoint> checkpoint_of(Board& board);
  void add_halts(Board& board) const;

  // Going to positions.
  [[nodiscard]] Expected<std::unique_ptr<Board>> board_at(const Position& position);
  [[nodiscard]] Expected<void> climb(Board& board, std::uint64_t instructions);
  void step(Board& board);
  void leave_halt();
  [[nodiscard]] Expected<void> enter(const Position& position);

  // Carrying out orders.
  [[nodiscard]] Outcome continue_forward();
  [[nodiscard]] Outcome step_forward();
  [[nodiscard]] Outcome step_back();
  [[nodiscard]] Outcome halt_before_fault();
  [[nodiscard]] Outcome search_back();
  [[nodiscard]] Expected<bool> search_slice();
  [[nodiscard]] bool counts(const Hit& hit) const;
  [[nodiscard]] Halt halt_here(HaltReason reason, const Watch& watch = {});
  [[nodiscard]] Expected<void> keep_checkpoint(Board& board);
  [[nodiscard]] bool at_end(Board& board) const;

  const Recording& recording_;
  Checkpoints checkpoints_;
  std::unique_ptr<Board> present_;
  std::set<std::uint32_t> breakpoints_;
  std::vector<Watch> watches_;
  FaultHalts faults_ = FaultHalts::OfNonSecure;
  Order order_ = Order::None;
  bool under_way_ = false;  ///< the order GoOn has begun
  bool interrupted_ = false;
  std::unique_ptr<Search> search_;
  std::optional<HaltReason> halted_;    ///< how the board that ran last has halted
  std::optional<Position> watch_told_;  ///< where the last order, on its way back, met a watchpoint
  std::optional<Position> fault_told_;  ///< where the last order has halted before a fault
};

}  // namespace microvisor::board
