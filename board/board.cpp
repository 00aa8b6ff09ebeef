// The loop that lets a board's time pass.
#include "board/board.hpp"

#include <algorithm>
#include <utility>

#include "board/cpu/system.hpp"
#include "board/debug/semihosting.hpp"
#include "board/fault/fault_injector.hpp"

namespace microvisor::board {
namespace {

using Clock = std::chrono::steady_clock;

/// The core comes back at least this often, so that outside events, stop() and pacing get their turn.
constexpr Time kSlice = 1000 * kTicksPerMicrosecond;
/// Virtual time may run ahead of the host's by this much before a running core is held back.
constexpr Time kLead = 2000 * kTicksPerMicrosecond;
/// A host that falls behind by more than this is not asked to catch up.
constexpr auto kLargestLag = std::chrono::milliseconds(200);
/// Whatever can end a lockup has done so after this time: the longest period of IWDG is 131 s.
constexpr Time kLongestWatchdog = 140 * kTicksPerSecond;
constexpr auto kLongestWait = std::chrono::milliseconds(100);

Time ticks_of(Clock::duration span) {
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
  return nanoseconds <= 0 ? 0 : static_cast<Time>(nanoseconds) * kTicksPerMicrosecond / 1000;
}

std::string_view name_of(PowerMode mode) {
  constexpr std::string_view kNames[] = {"Run",    "Sleep",  "Stop 0",  "Stop 1",
                                         "Stop 2", "Stop 3", "Standby", "Shutdown"};
  return kNames[static_cast<std::size_t>(mode)];
}

Clock::duration host_span_of(Time ticks) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(ticks / kTicksPerMicrosecond * 1000));
}

}  // namespace

RunEnd Board::run(const RunLimits& limits) {
  const auto started = Clock::now();
  const std::uint64_t first_instruction = core_.retired;
  was_paced_ = false;
  std::optional<RunEnd> end;
  while (!end) end = step(limits, first_instruction);
  time_in_run_ += Clock::now() - started;
  return *end;
}

std::optional<RunEnd> Board::step(const RunLimits& limits, std::uint64_t first_instruction) {
  if (!memories_.supply().on()) return RunEnd::PowerCut;
  take_posted();
  if (stop_.exchange(false)) return RunEnd::Stopped;
  if (halted_) {
    wait_for_posted();
    return std::nullopt;
  }
  scheduler_.dispatch();
  if (!memories_.supply().on()) return RunEnd::PowerCut;
  if (wanted_reset_) {
    if (auto done = perform_reset(*wanted_reset_); !done) {
      report(done.error().message);
      return RunEnd::LockedUp;
    }
    if (halted_) return std::nullopt;
  }
  const std::uint64_t executed = core_.retired - first_instruction;
  const Time now = scheduler_.now();
  if (now >= limits.until || executed >= limits.instructions) return RunEnd::Limit;
  if (sleeping_ && !core_.state.asleep) leave_sleep();
  keep_pace();
  std::uint64_t room = limits.instructions - executed;
  if (faults_ != nullptr) {
    room = std::min(room, faults_->room());
    if (room == 0) return act_on_faults(limits);
  }

  const Time span = std::min(kSlice, limits.until - now);
  const std::uint64_t fitting = (span + scheduler_.instruction_ticks() - 1) / scheduler_.instruction_ticks();
  if (core_.halting.stepping) room = 1;
  scheduler_.arm_budget(static_cast<std::int64_t>(std::min(fitting, room)));
  return handle(core_.execute(), limits);
}

FaultInjector& Board::injector() {
  if (faults_ == nullptr) {
    faults_ = std::make_unique<FaultInjector>(core_, memories_.supply(),
                                              [this](std::string_view line) { report(line); });
  }
  return *faults_;
}

void Board::inject(const Fault& fault) { injector().add(fault); }

std::optional<RunEnd> Board::act_on_faults(const RunLimits& limits) {
  // Without budget the core only takes what is pending; then it stands before the instruction in question.
  scheduler_.interrupt_core();
  const Stop stop = core_.execute();
  if (stop != Stop::Budget) return handle(stop, limits);
  faults_->act();
  return std::nullopt;
}

std::optional<RunEnd> Board::handle(Stop stop, const RunLimits& limits) {
  switch (stop) {
    case Stop::Budget: return std::nullopt;
    case Stop::Asleep: enter_sleep(); return rest(limits, RunEnd::Idle);
    case Stop::Lockup: return rest_locked_up(limits);
    case Stop::Stalled:
      scheduler_.interrupt_core();
      scheduler_.skip_to(std::min({scheduler_.next_due(), bus_.stalled_until(), limits.until}));
      return std::nullopt;
    case Stop::SystemReset: request_reset(ResetCause::Software); return std::nullopt;
    case Stop::Semihosting:
      if (const auto status = semihosting_->perform(core_.state)) {
        exit_status_ = *status;
        return RunEnd::Exited;
      }
      core_.halting.due |= core_.halting.stepping;
      return std::nullopt;
    case Stop::Halted: halt(core_.halting.reason); return std::nullopt;
  }
  return std::nullopt;
}

std::optional<RunEnd> Board::rest(const RunLimits& limits, RunEnd if_forever) {
  scheduler_.interrupt_core();
  if (wanted_reset_) return std::nullopt;
  const Time target = std::min(scheduler_.next_due(), limits.until);
  const bool awaiting = options_.host != nullptr && options_.host->awaiting();
  if (target == kNever && !awaiting) {
    if (posted_any_) return std::nullopt;
    if (!attended_) return if_forever;
    wait_for_posted();
    return std::nullopt;
  }
  if (awaiting || options_.real_time) {
    wait_outside(target);
  } else {
    scheduler_.skip_to(target);
  }
  return std::nullopt;
}

std::optional<RunEnd> Board::rest_locked_up(const RunLimits& limits) {
  if (!locked_up_since_) {
    locked_up_since_ = scheduler_.now();
    report("the core is locked up: a fault while a fault of highest priority was being handled");
    if (attended_) {
      halt(HaltReason::LockedUp);
      return std::nullopt;
    }
  }
  const Time given_up = *locked_up_since_ + kLongestWatchdog + 1;
  if (scheduler_.now() >= given_up) return RunEnd::LockedUp;
  RunLimits sooner = limits;
  sooner.until = std::min(limits.until, given_up);  // at the same moment whatever the pace
  return rest(sooner, RunEnd::LockedUp);
}

void Board::enter_sleep() {
  sleeping_ = true;
  const PowerMode mode = chip_->power().core_asleep(deep_sleep_requested(core_));
  // HCLK stands in Stop modes, and the SysTicks with it.
  if (mode >= PowerMode::Stop0 && !std::exchange(core_clock_stopped_, true)) stop_core_clock(core_);
  if (std::exchange(traced_mode_, mode) != mode && core_.tracer != nullptr)
    core_.tracer->asleep(name_of(mode));
}

void Board::leave_sleep() {
  if (!std::exchange(sleeping_, false)) return;
  traced_mode_ = PowerMode::Run;
  if (core_.tracer != nullptr) core_.tracer->awake();
  if (std::exchange(core_clock_stopped_, false)) start_core_clock(core_);
  chip_->power().core_awake();
}

bool Board::deep_sleep() const { return core_clock_stopped_; }

bool Board::paced() const {
  return options_.real_time || (options_.host != nullptr && options_.host->awaiting());
}

void Board::keep_pace() {
  if (options_.host != nullptr) options_.host->poll(std::chrono::microseconds(0));
  if (!paced()) {
    was_paced_ = false;
    return;
  }
  const auto host_now = Clock::now();
  const Time now = scheduler_.now();
  const bool begins = !std::exchange(was_paced_, true);
  if (begins || host_now - host_anchor_ > host_span_of(now - virtual_anchor_) + kLargestLag) {
    host_anchor_ = host_now;
    virtual_anchor_ = now;
  }
  const Time allowed = virtual_anchor_ + ticks_of(host_now - host_anchor_);
  if (now > allowed + kLead) wait_outside(now);
}

void Board::wait_outside(Time target) {
  const Time now = scheduler_.now();
  const auto host_now = Clock::now();
  if (!std::exchange(was_paced_, true)) {
    host_anchor_ = host_now;
    virtual_anchor_ = now;
  }
  const Time allowed = virtual_anchor_ + ticks_of(host_now - host_anchor_);
  if (target <= allowed + kLead) {  // the host's waits are never as short as the bytes of a serial line
    scheduler_.interrupt_core();
    return scheduler_.skip_to(std::max(now, target));
  }
  const Time wanted = std::min<Time>(target - allowed, kTicksPerSecond);
  const auto timeout = std::chrono::ceil<std::chrono::microseconds>(
      std::min<Clock::duration>(host_span_of(wanted) + std::chrono::microseconds(1), kLongestWait));
  if (options_.host != nullptr) {
    options_.host->poll(timeout);
  } else {
    std::unique_lock lock(posted_mutex_);
    posted_signal_.wait_for(lock, timeout, [this] { return posted_any_.load() || stop_.load(); });
  }
  // What came from outside may have armed something earlier.
  const Time reached = virtual_anchor_ + ticks_of(Clock::now() - host_anchor_);
  scheduler_.interrupt_core();
  scheduler_.skip_to(std::max(now, std::min({target, reached, std::max(now, scheduler_.next_due())})));
}

void Board::stop() {
  {
    const std::lock_guard lock(posted_mutex_);
    stop_ = true;
  }
  posted_signal_.notify_all();
  if (options_.host != nullptr) options_.host->wake();
}

void Board::post(std::function<void()> task) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
    posted_any_ = true;
  }
  posted_signal_.notify_all();
  if (options_.host != nullptr) options_.host->wake();
}

void Board::take_posted() {
  if (!posted_any_) return;
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
    posted_any_ = false;
  }
  for (const auto& task : tasks) task();
}

void Board::wait_for_posted() {
  std::unique_lock lock(posted_mutex_);
  posted_signal_.wait(lock, [this] { return posted_any_.load() || stop_.load(); });
}

void Board::halt(HaltReason reason) {
  if (std::exchange(halted_, true)) return;
  core_.halting.due = core_.halting.stepping = false;
  if (halt_listener_) halt_listener_(reason);
}

void Board::go_on(bool stepping) {
  halted_ = false;
  was_paced_ = false;  // the host's time that has passed meanwhile is not made up for
  resume_from_halt(core_, stepping);
}

BoardStatistics Board::statistics() const {
  return {.instructions = core_.retired,
          .wall_seconds = std::chrono::duration<double>(time_in_run_).count(),
          .virtual_seconds = static_cast<double>(scheduler_.now()) / static_cast<double>(kTicksPerSecond)};
}

}  // namespace microvisor::board
