// See replay_target.hpp.
#include "cli/debug/replay_target.hpp"

#include <fmt/core.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "cli/failure.hpp"

namespace microvisor::cli::debug {

namespace {

using board::HaltReason;

constexpr std::string_view kHelp =
    "where                                      where the present is in the recording\n"
    "goto begin|end|SECONDS                     makes another moment the present\n"
    "faults nonsecure|all|off                   whose faults halt, before the instruction that causes them\n"
    "world [secure|nonsecure|current]           whose view of the private peripheral bus memory shows\n"
    "state                                      world, mode and resets\n"
    "GDB keeps registers over goto until 'maintenance flush register-cache'.\n";

double seconds(board::Time time) {
  return static_cast<double>(time) / static_cast<double>(board::kTicksPerSecond);
}

}  // namespace

ReplayTarget::ReplayTarget(board::TimeMachine& machine)
    : machine_(machine), bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (bell_.get() < 0) throw Failure("the host has no event descriptor left");
  look_at_present();
  halt_ = {.reason = HaltReason::Request, .watch = {}, .pc = machine.board().core().state.r[15]};
}

void ReplayTarget::look_at_present() {
  view_ = std::make_unique<board::BoardTarget>(machine_.board());
  if (!world_.empty()) view_->monitor(world_);
}

void ReplayTarget::ring(bool on) const {
  std::uint64_t count = 1;
  [[maybe_unused]] const auto done =
      on ? ::write(bell_.get(), &count, sizeof count) : ::read(bell_.get(), &count, sizeof count);
}

void ReplayTarget::go_on(bool stepping) {
  machine_.go_on(stepping);
  ring(true);
}

void ReplayTarget::go_back(bool stepping) {
  machine_.go_back(stepping);
  ring(true);
}

std::optional<TargetEvent> ReplayTarget::poll(std::chrono::milliseconds) {
  if (!machine_.busy()) return std::nullopt;
  const auto halt = machine_.work();
  if (!halt) return TargetEvent{.halt = {}, .text = halt.error().message + "\n", .over = true};
  if (!*halt) return std::nullopt;
  ring(false);
  look_at_present();
  halt_ = **halt;
  const bool faults = halt_.reason == HaltReason::Fault;
  return TargetEvent{.halt = halt_, .text = faults ? "The next instruction faults.\n" : "", .over = false};
}

/// The present stays where it is: the next GDB goes on from there.
void ReplayTarget::release() {
  machine_.forget_halts();
  machine_.interrupt();
  for (bool over = false; machine_.busy() && !over;) {
    const auto event = poll(std::chrono::milliseconds(0));
    over = event && event->over;
  }
}

std::optional<std::string> ReplayTarget::monitor(std::string_view line) {
  const std::string_view word = line.substr(0, line.find(' '));
  if (word == "help") return std::string(kHelp);
  if (word == "where") return where();
  const std::string_view argument = line.substr(std::min(line.size(), word.size() + 1));
  if (word == "goto") return go_to(argument);
  if (word == "faults") return set_faults(argument);
  if (word == "world") world_ = line;
  if (word == "world" || word == "state") return view_->monitor(line);
  return fmt::format("no such command: {} (see 'monitor help')\n", word);
}

std::string ReplayTarget::set_faults(std::string_view whose) {
  using board::FaultHalts;
  if (whose != "nonsecure" && whose != "all" && whose != "off")
    return "faults is one of nonsecure, all, off\n";
  machine_.set_faults(whose == "off"   ? FaultHalts::None
                      : whose == "all" ? FaultHalts::OfBoth
                                       : FaultHalts::OfNonSecure);
  return {};
}

std::string ReplayTarget::where() {
  const board::Position position = machine_.position();
  const board::Mark& end = machine_.recording().end();
  return fmt::format("{:.9f} s of {:.9f} s, {} instructions of {}; {} checkpoints, {:.1f} MiB\n",
                     seconds(position.time), seconds(end.time), position.instructions, end.instructions,
                     machine_.checkpoints().count(),
                     static_cast<double>(machine_.checkpoints().bytes()) / (1 << 20));
}

std::string ReplayTarget::go_to(std::string_view place) {
  double wanted = 0;
  const auto [rest, error] = std::from_chars(place.data(), place.data() + place.size(), wanted);
  const bool number =
      error == std::errc{} && rest == place.data() + place.size() && wanted >= 0 && wanted < 1e9;
  if (!number && place != "begin" && place != "end") return "goto begin, end, or a number of seconds\n";
  const board::Time time =
      place == "begin" ? 0
      : place == "end" ? machine_.recording().end().time
                       : static_cast<board::Time>(wanted * static_cast<double>(board::kTicksPerSecond));
  const auto arrived = machine_.travel(time);
  look_at_present();
  return arrived ? where() : arrived.error().message + "\n";
}

}  // namespace microvisor::cli::debug
