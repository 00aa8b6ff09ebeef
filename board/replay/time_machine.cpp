#include "board/replay/time_machine.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "board/replay/replay.hpp"

namespace microvisor::board {
namespace {

/// Instructions between two looks at whether work() has had its time.
constexpr std::uint64_t kSlice = 500'000;
constexpr Time kSleepSlice = 10 * kTicksPerSecond;
constexpr auto kWorkingTime = std::chrono::milliseconds(10);

tl::unexpected<BoardError> astray() {
  return tl::unexpected(BoardError{BoardError::Kind::Corrupt,
                                   "the replay differs from its recording: a moment is not met again"});
}

/// As far as instructions and entries say.
bool comes_before(const Position& one, const Position& other) {
  return std::tie(one.instructions, one.entries) < std::tie(other.instructions, other.entries);
}

}  // namespace

/// On the way back: the stretch in which `board` runs, what was met in it, and the stretches before it.
struct TimeMachine::Search {
  std::vector<Checkpoint> beginnings;  ///< of stretches; the last one's is the one that is searched
  Position bound;                      ///< the end of that stretch
  std::unique_ptr<Board> board;
  std::optional<Hit> last;
};

tl::expected<std::unique_ptr<TimeMachine>, BoardError> TimeMachine::open(
    const Recording& recording, std::shared_ptr<const Snapshot> beginning) {
  const Position start{
      .instructions = beginning->contents().instructions, .entries = 0, .time = beginning->contents().time};
  std::unique_ptr<TimeMachine> machine(new TimeMachine(recording, {start, std::move(beginning)}));
  if (auto entered = machine->enter(start); !entered) return tl::unexpected(entered.error());
  return machine;
}

TimeMachine::TimeMachine(const Recording& recording, Checkpoint beginning)
    : recording_(recording), checkpoints_(std::move(beginning)) {}

TimeMachine::~TimeMachine() = default;

Position TimeMachine::position_of(Board& board) {
  const Core& core = board.core();
  return {.instructions = core.retired, .entries = core.entries, .time = core.scheduler.now()};
}

bool TimeMachine::at_end(Board& board) const {
  return board.scheduler().now() >= recording_.end().time || !board.memories().supply().on();
}

// --- what to halt at
// ------------------------------------------------------------------------------------------

void TimeMachine::set_breakpoint(std::uint32_t address) {
  breakpoints_.insert(address);
  board::set_breakpoint(present_->core(), address);
}

void TimeMachine::clear_breakpoint(std::uint32_t address) {
  breakpoints_.erase(address);
  board::clear_breakpoint(present_->core(), address);
}

void TimeMachine::add_watch(const Watch& watch) {
  if (std::ranges::find(watches_, watch) == watches_.end()) watches_.push_back(watch);
  board::add_watch(present_->core(), watch);
}

void TimeMachine::remove_watch(const Watch& watch) {
  std::erase(watches_, watch);
  board::remove_watch(present_->core(), watch);
}

void TimeMachine::set_faults(FaultHalts which) { present_->core().halting.faults = faults_ = which; }

void TimeMachine::forget_halts() {
  breakpoints_.clear();
  watches_.clear();
  stop_halting(present_->core());
  set_faults(FaultHalts::OfNonSecure);
}

void TimeMachine::add_halts(Board& board) const {
  for (const std::uint32_t address : breakpoints_) board::set_breakpoint(board.core(), address);
  for (const Watch& watch : watches_) board::add_watch(board.core(), watch);
  board.core().halting.faults = faults_;
}

// --- going to positions
// ---------------------------------------------------------------------------------------

auto TimeMachine::resume(const Checkpoint& checkpoint) -> Expected<std::unique_ptr<Board>> {
  auto board = resume_recorded(recording_, *checkpoint.snapshot);
  if (!board) return board;
  (*board)->core().entries = checkpoint.position.entries;
  (*board)->on_halt([this, made = board->get()](HaltReason reason) {
    halted_ = reason;
    made->stop();
  });
  return board;
}

auto TimeMachine::checkpoint_of(Board& board) -> Expected<Checkpoint> {
  auto snapshot = board.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  return Checkpoint{position_of(board), std::move(*snapshot)};
}

auto TimeMachine::keep_checkpoint(Board& board) -> Expected<void> {
  auto checkpoint = checkpoint_of(board);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  checkpoints_.add(std::move(*checkpoint));
  return {};
}

/// Runs to so many instructions, and leaves a ladder behind if the way is long.
auto TimeMachine::climb(Board& board, std::uint64_t instructions) -> Expected<void> {
  while (board.core().retired < instructions) {
    const std::uint64_t distance = instructions - board.core().retired;
    const bool far = distance > 2 * Checkpoints::kLeastStep;
    if (board.run({.until = recording_.end().time,
                   .instructions = far ? distance - distance / 4 : distance}) != RunEnd::Limit ||
        instructions - board.core().retired == distance) {
      return astray();
    }
    if (!far) continue;
    auto rung = checkpoint_of(board);
    if (!rung) return tl::unexpected(rung.error());
    checkpoints_.add_rung(std::move(*rung));
  }
  return {};
}

/// One instruction, or the entry of an exception in its place. Not halted afterwards: the recording has
/// ended.
void TimeMachine::step(Board& board) {
  Halting& halting = board.core().halting;
  const FaultHalts faults = std::exchange(halting.faults, FaultHalts::None);
  halted_.reset();
  board.go_on(true);
  board.run({.until = recording_.end().time});
  halting.stepping = false;
  halting.faults = faults;
}

auto TimeMachine::board_at(const Position& position) -> Expected<std::unique_ptr<Board>> {
  auto resumed = resume(checkpoints_.before(position));
  if (!resumed) return resumed;
  Board& board = **resumed;
  if (position.instructions > board.core().retired + 1) {
    if (auto run = climb(board, position.instructions - 1); !run) return tl::unexpected(run.error());
  }
  while (comes_before(position_of(board), position)) {
    step(board);
    if (!halted_) return astray();
  }
  if (board.scheduler().now() < position.time) board.run({.until = position.time});
  if (position_of(board) != position) return astray();
  return resumed;
}

auto TimeMachine::enter(const Position& position) -> Expected<void> {
  auto board = board_at(position);
  if (!board) return tl::unexpected(board.error());
  present_ = std::move(*board);
  add_halts(*present_);
  return {};
}

auto TimeMachine::travel(Time time) -> Expected<void> {
  const Time target = std::clamp(time, checkpoints_.beginning().position.time, recording_.end().time);
  auto board = resume(checkpoints_.before(target));
  if (!board) return tl::unexpected(board.error());
  while ((*board)->scheduler().now() < target) {
    const std::uint64_t room = checkpoints_.room(position_of(**board));
    if (room == 0) {
      if (auto kept = keep_checkpoint(**board); !kept) return kept;
      continue;
    }
    if ((*board)->run({.until = target, .instructions = room}) != RunEnd::Limit) break;
  }
  present_ = std::move(*board);
  add_halts(*present_);
  return {};
}

// --- carrying out orders
// --------------------------------------------------------------------------------------

auto TimeMachine::work() -> Outcome {
  switch (order_) {
    case Order::None: return std::nullopt;
    case Order::GoOn: return continue_forward();
    case Order::Step: return step_forward();
    case Order::GoBack: return search_back();
    case Order::StepBack: return step_back();
  }
  return std::nullopt;
}

Halt TimeMachine::halt_here(HaltReason reason, const Watch& watch) {
  watch_told_.reset();
  fault_told_.reset();
  if (order_ == Order::GoBack && reason == HaltReason::Watchpoint) watch_told_ = position();
  if (reason == HaltReason::Fault) fault_told_ = position();
  order_ = Order::None;
  under_way_ = interrupted_ = false;
  search_.reset();
  return {.reason = reason, .watch = watch, .pc = present_->core().state.r[15]};
}

/// Goes on; a fault that has been told is taken first. Then the core is at a place of which nothing is known
/// yet.
void TimeMachine::leave_halt() {
  const bool fault_told = fault_told_ == position();
  if (fault_told) step(*present_);
  present_->go_on(false);
  if (fault_told) present_->core().halting.resumed_at = Halting{}.resumed_at;
}

/// The present is a fault's handler: goes back to what causes the fault.
auto TimeMachine::halt_before_fault() -> Outcome {
  auto halt = step_back();
  if (!halt) return halt;
  return halt_here(HaltReason::Fault);
}

auto TimeMachine::continue_forward() -> Outcome {
  if (interrupted_) return halt_here(HaltReason::Request);
  if (at_end(*present_)) return halt_here(HaltReason::RecordingEnds);
  if (!std::exchange(under_way_, true)) leave_halt();
  if (checkpoints_.room(position()) == 0) {
    if (auto kept = keep_checkpoint(*present_); !kept) return tl::unexpected(kept.error());
  }
  const RunLimits limits{.until = std::min(recording_.end().time, position().time + kSleepSlice),
                         .instructions = std::min(kSlice, checkpoints_.room(position()))};
  halted_.reset();
  const RunEnd end = present_->run(limits);
  if (halted_ == HaltReason::Fault) return halt_before_fault();
  if (halted_) return halt_here(*halted_, present_->core().halting.met);
  if (end != RunEnd::Limit) return halt_here(HaltReason::RecordingEnds);
  return std::nullopt;
}

auto TimeMachine::step_forward() -> Outcome {
  if (at_end(*present_)) return halt_here(HaltReason::RecordingEnds);
  step(*present_);
  return halt_here(halted_.value_or(HaltReason::RecordingEnds), present_->core().halting.met);
}

/// To the last boundary before this one at which a step would have ended.
auto TimeMachine::step_back() -> Outcome {
  const Position now = position();
  if (now <= checkpoints_.beginning().position) return halt_here(HaltReason::RecordingBegins);
  auto resumed = resume(checkpoints_.before(Position{.instructions = now.instructions}));
  if (!resumed) return tl::unexpected(resumed.error());
  Board& board = **resumed;
  const std::uint64_t earlier = now.instructions == 0 ? 0 : now.instructions - 1;
  if (auto run = climb(board, earlier); !run) return tl::unexpected(run.error());
  Position last = position_of(board);
  const bool one_step_away = last.instructions < now.instructions && last.entries == now.entries;
  if (one_step_away && !present_->core().state.asleep) {
    present_ = std::move(*resumed);
    add_halts(*present_);
    return halt_here(HaltReason::Step);
  }
  for (step(board); halted_ && position_of(board) < now; step(board)) last = position_of(board);
  if (auto entered = enter(last); !entered) return tl::unexpected(entered.error());
  return halt_here(HaltReason::Step);
}

auto TimeMachine::search_back() -> Outcome {
  if (interrupted_) return halt_here(HaltReason::Request);
  const Position beginning = checkpoints_.beginning().position;
  if (!search_) {
    search_ = std::make_unique<Search>();
    search_->bound = position();
    if (faults_ != FaultHalts::None || !breakpoints_.empty() || !watches_.empty())
      search_->beginnings = checkpoints_.all_before(position());
  }
  if (!search_->beginnings.empty()) {
    const auto through = search_slice();
    if (!through) return tl::unexpected(through.error());
    if (!*through) return std::nullopt;
    if (const auto hit = search_->last) {
      if (auto entered = enter(hit->position); !entered) return tl::unexpected(entered.error());
      if (hit->reason == HaltReason::Fault) return halt_before_fault();
      return halt_here(hit->reason, hit->watch);
    }
    search_->board.reset();
    search_->bound = search_->beginnings.back().position;
    search_->beginnings.pop_back();
    if (!search_->beginnings.empty()) return std::nullopt;
  }
  if (auto entered = enter(beginning); !entered) return tl::unexpected(entered.error());
  return halt_here(HaltReason::RecordingBegins);
}

/// True when the stretch has been run through.
auto TimeMachine::search_slice() -> Expected<bool> {
  Search& search = *search_;
  if (!search.board) {
    auto board = resume(search.beginnings.back());
    if (!board) return tl::unexpected(board.error());
    search.board = std::move(*board);
    add_halts(*search.board);
  }
  Board& board = *search.board;
  const auto enough = std::chrono::steady_clock::now() + kWorkingTime;
  while (std::chrono::steady_clock::now() < enough) {
    halted_.reset();
    const RunEnd end = board.run({.until = search.bound.time + 1, .instructions = kSlice});
    if (!halted_) {
      if (end != RunEnd::Limit || board.scheduler().now() > search.bound.time) return true;
      continue;
    }
    const Hit hit{position_of(board), *halted_, board.core().halting.met};
    if (hit.position > search.bound) return true;
    if (counts(hit)) search.last = hit;
    board.go_on(false);
  }
  return false;
}

/// An access or a fault that ended where the present is is still to be gone back over; a breakpoint there is
/// not.
bool TimeMachine::counts(const Hit& hit) const {
  if (hit.reason == HaltReason::Fault) return true;
  if (hit.reason == HaltReason::Watchpoint) return hit.position != watch_told_;
  return hit.position < search_->bound;
}

}  // namespace microvisor::board
