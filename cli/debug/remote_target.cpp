// See remote_target.hpp.
#include "cli/debug/remote_target.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "cli/debug/application_registers.hpp"
#include "cli/debug/stop_text.hpp"

namespace microvisor::cli::debug {

using namespace std::chrono_literals;
using board::Halt;
using board::HaltReason;
using wire::Opcode;

namespace {

/// Enough for the frames that `backtrace` looks at first, and the code that `step` and `display/i` do.
constexpr std::uint16_t kStackBytes = 1024, kCodeBefore = 64, kCodeAfter = 192;
static_assert(kStackBytes + kCodeBefore + kCodeAfter <= wire::kMaximumSurroundings);
/// Bytes that are fetched at a time: what is asked for and what probably comes next.
constexpr std::uint32_t kPiece = 512;
constexpr auto kPatience = 30s;

HaltReason reason_of(wire::StopReason reason) {
  switch (reason) {
    case wire::StopReason::Breakpoint:
    case wire::StopReason::BreakpointInstruction: return HaltReason::Breakpoint;
    case wire::StopReason::Watchpoint: return HaltReason::Watchpoint;
    case wire::StopReason::Step: return HaltReason::Step;
    case wire::StopReason::Start: return HaltReason::Reset;
    case wire::StopReason::Halt:
    case wire::StopReason::Fault: break;
  }
  return HaltReason::Request;
}

std::uint32_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) value |= std::uint32_t{bytes[i]} << 8 * i;
  return value;
}

/// A single command was done.
bool succeeded(const std::optional<std::vector<OwnedAnswer>>& answers) {
  return answers && !answers->empty() && answers->front().answer.status == wire::Status::Ok;
}

/// The device's comparators take 1, 2 or 4 aligned bytes each.
std::vector<wire::Watchpoint> pieces_of(const board::Watch& watch) {
  const auto access = static_cast<std::uint8_t>((watch.reads ? wire::Watchpoint::kRead : 0) |
                                                (watch.writes ? wire::Watchpoint::kWrite : 0));
  std::vector<wire::Watchpoint> pieces;
  for (std::uint32_t at = watch.address, rest = watch.size; rest != 0;) {
    std::uint32_t size = 4;
    while (size > rest || at % size != 0) size /= 2;
    pieces.push_back({.address = at, .size = static_cast<std::uint8_t>(size), .access = access});
    at += size;
    rest -= size;
  }
  return pieces;
}

OwnedCommand command(wire::Command what) { return {.command = what, .data = {}}; }

}  // namespace

/// The first message is short, so that a device has room for it before it knows who sends it.
tl::expected<void, std::string> RemoteTarget::open() {
  const auto answers = session_.exchange({command({.opcode = Opcode::Configure,
                                                   .stack_bytes = kStackBytes,
                                                   .code_before = kCodeBefore,
                                                   .code_after = kCodeAfter})});
  if (!answers) return tl::unexpected(session_.why());
  return {};
}

tl::expected<void, std::string> RemoteTarget::attach() {
  released_ = false;
  if (!session_.post_and_expect_news({command({.opcode = Opcode::Halt})}))
    return tl::unexpected(session_.why());
  if (!wait_for_stop(kPatience)) {
    return tl::unexpected(session_.over() ? session_.why()
                                          : "the application does not halt: it is not running");
  }
  return {};
}

Halt RemoteTarget::take_stop(const OwnedStop& stop) {
  stop_ = stop;
  registers_ = stop.stop.registers;
  halted_ = true;
  memory_.forget_ram();
  memory_.put(stop.stop.stack_address, stop.stack);
  memory_.put(stop.stop.code_address, stop.code);
  halt_ = {.reason = reason_of(stop.stop.reason),
           .watch = {},
           .pc = registers_[15],
           .signal = signal_of(stop.stop)};
  for (const board::Watch& watch : watches_) {
    const bool met = halt_.reason == HaltReason::Watchpoint && stop.stop.address - watch.address < watch.size;
    if (met) halt_.watch = watch;
  }
  return halt_;
}

std::optional<Halt> RemoteTarget::wait_for_stop(std::chrono::seconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!session_.over() && std::chrono::steady_clock::now() < until) {
    if (const auto event = poll(100ms); event && event->halt) return event->halt;
  }
  return std::nullopt;
}

std::optional<TargetEvent> RemoteTarget::poll(std::chrono::milliseconds wait) {
  session_.keep_alive();
  const auto news = session_.take_news(wait);
  if (!news) {
    if (!session_.over()) return std::nullopt;
    return TargetEvent{.halt = {}, .text = session_.why() + "\n", .over = true};
  }
  switch (news->kind) {
    case wire::ItemKind::Stopped: {
      if (released_) return run_on(news->stop);
      if (news->answered < gone_on_) return std::nullopt;  // of the time before it went on
      const std::string text = describe_stop(news->stop.stop);
      return TargetEvent{.halt = take_stop(news->stop), .text = text, .over = false};
    }
    case wire::ItemKind::Restarted:
      forget_halt();
      return TargetEvent{.halt = {}, .text = describe_restart(news->wake_reason), .over = false};
    case wire::ItemKind::Ended: return TargetEvent{.halt = {}, .text = describe_end(news->end), .over = true};
    case wire::ItemKind::Answer: return take_failure(news->failure);
  }
  return std::nullopt;
}

/// A halt that was asked for just before GDB left: nobody is there any more who could let it go on.
std::optional<TargetEvent> RemoteTarget::run_on(const OwnedStop& stop) {
  static_cast<void>(take_stop(stop));
  static_cast<void>(resume(command({.opcode = Opcode::Continue})));
  return TargetEvent{};
}

/// What stands behind a command that fails is not done: the application has not gone on. One that runs
/// already, because GDB leaves or because it has been started anew, is no failure.
std::optional<TargetEvent> RemoteTarget::take_failure(const wire::Answer& failure) {
  if (failure.status == wire::Status::NotHalted) return std::nullopt;
  points_changed_ = true;
  if (halted_) return TargetEvent{.halt = {}, .text = describe_failure(failure), .over = false};
  halted_ = true;
  return TargetEvent{.halt = halt_, .text = describe_failure(failure), .over = false};
}

std::string_view RemoteTarget::description() const { return application_description(); }
std::string_view RemoteTarget::memory_map() const { return application_memory_map(); }

std::string RemoteTarget::state() const {
  if (!halted_) return "running";
  const std::uint32_t exception = registers_[static_cast<unsigned>(wire::Register::Xpsr)] & 0x1FF;
  return exception == 0 ? "thread mode" : fmt::format("handler of exception {}", exception);
}

unsigned RemoteTarget::register_count() const { return static_cast<unsigned>(gdb_registers().size()); }

std::string_view RemoteTarget::register_name(unsigned number) const { return gdb_registers()[number].name; }

std::vector<std::uint8_t> RemoteTarget::read_register(unsigned number) const {
  return register_bytes(registers_, number);
}

bool RemoteTarget::write_register(unsigned number, std::span<const std::uint8_t> bytes) {
  if (!halted_ || number >= register_count()) return false;
  const GdbRegister& reg = gdb_registers()[number];
  if (bytes.size() * 8 != reg.bits) return false;
  for (unsigned word = 0; word * 4 < bytes.size(); ++word) {
    const auto which = static_cast<std::uint8_t>(reg.first + word);
    const std::uint32_t value = little_endian(bytes.subspan(4 * word));
    if (registers_[which] == value) continue;
    registers_[which] = value;
    writes_.push_back(command({.opcode = Opcode::WriteRegister, .value = value, .number = which}));
  }
  return true;
}

/// One exchange for what is missing, and a little more.
bool RemoteTarget::fetch(std::uint32_t address, const MemoryRange& range) {
  const std::uint32_t first = std::max(address & ~(MemoryCache::kLine - 1), range.first);
  const std::uint32_t size = std::min(kPiece, range.rest(first));
  const auto answers = session_.exchange(
      {command({.opcode = Opcode::ReadMemory, .address = first, .count = static_cast<std::uint16_t>(size)})});
  if (!succeeded(answers)) return false;
  memory_.put(first, answers->front().data);
  return true;
}

std::vector<std::uint8_t> RemoteTarget::read_peripheral(std::uint32_t address, std::uint32_t size) {
  size = std::min<std::uint32_t>(size, kPiece);
  const auto answers = session_.exchange({command(
      {.opcode = Opcode::ReadMemory, .address = address, .count = static_cast<std::uint16_t>(size)})});
  if (!succeeded(answers)) return {};
  return answers->front().data;
}

std::vector<std::uint8_t> RemoteTarget::read_memory(std::uint32_t address, std::uint32_t size) {
  const MemoryRange* range = range_of(address);
  if (range == nullptr || size == 0) return {};
  size = std::min(size, range->rest(address));
  if (!flush()) return {};
  if (range->kind == MemoryRange::Kind::Peripheral) return read_peripheral(address, size);
  while (const auto unknown = memory_.first_unknown(address, size)) {
    if (fetch(*unknown, *range)) continue;
    size = *unknown - address;  // as far as there is memory
    break;
  }
  return memory_.get(address, size).value_or(Bytes{});
}

/// Peripherals and whatever the device may refuse are written at once, so that GDB hears of it.
bool RemoteTarget::write_now(OwnedCommand what) {
  if (!flush()) return false;
  const auto answers = session_.exchange({std::move(what)});
  return succeeded(answers);
}

bool RemoteTarget::write_memory(std::uint32_t address, std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return true;
  const MemoryRange* range = range_of(address);
  if (range == nullptr || bytes.size() > range->rest(address)) return false;
  constexpr std::size_t kMost = 1024;
  for (std::size_t at = 0; at < bytes.size(); at += kMost) {
    const auto piece = bytes.subspan(at, std::min(kMost, bytes.size() - at));
    OwnedCommand write{
        .command = {.opcode = Opcode::WriteMemory, .address = address + static_cast<std::uint32_t>(at)},
        .data = Bytes(piece.begin(), piece.end())};
    if (range->kind != MemoryRange::Kind::Ram) {
      if (!write_now(std::move(write))) return false;
      continue;
    }
    memory_.overwrite(write.command.address, piece);
    writes_.push_back(std::move(write));
  }
  return true;
}

/// What waits goes first, so that reads see it.
bool RemoteTarget::flush() {
  if (writes_.empty()) return !session_.over();
  const bool posted = session_.post(writes_);
  writes_.clear();
  return posted;
}

/// Of different addresses.
std::size_t RemoteTarget::breakpoint_count() const {
  std::size_t count = 0;
  for (auto at = breakpoints_.begin(); at != breakpoints_.end(); at = breakpoints_.upper_bound(*at)) ++count;
  return count;
}

bool RemoteTarget::takes_breakpoint(std::uint32_t address) const {
  return breakpoints_.contains(address & ~1u) || breakpoint_count() < wire::kMaximumBreakpoints;
}

bool RemoteTarget::takes_watch(const board::Watch& watch) const {
  std::size_t count = pieces_of(watch).size();
  for (const board::Watch& other : watches_) count += pieces_of(other).size();
  return count <= wire::kMaximumWatchpoints;
}

void RemoteTarget::set_breakpoint(std::uint32_t address) {
  breakpoints_.insert(address & ~1u);
  points_changed_ = true;
}
void RemoteTarget::clear_breakpoint(std::uint32_t address) {
  if (const auto found = breakpoints_.find(address & ~1u); found != breakpoints_.end())
    breakpoints_.erase(found);
  points_changed_ = true;
}
void RemoteTarget::add_watch(const board::Watch& watch) {
  watches_.push_back(watch);
  points_changed_ = true;
}
void RemoteTarget::remove_watch(const board::Watch& watch) {
  if (const auto found = std::find(watches_.begin(), watches_.end(), watch); found != watches_.end())
    watches_.erase(found);
  points_changed_ = true;
}

std::vector<wire::Watchpoint> RemoteTarget::watchpoints() const {
  std::vector<wire::Watchpoint> all;
  for (const board::Watch& watch : watches_) {
    const auto pieces = pieces_of(watch);
    all.insert(all.end(), pieces.begin(), pieces.end());
  }
  return all;
}

void RemoteTarget::collect_breakpoints(std::vector<OwnedCommand>& commands) {
  if (!points_changed_) return;
  points_changed_ = false;
  OwnedCommand set{.command = {.opcode = Opcode::SetBreakpoints}, .data = {}};
  for (auto at = breakpoints_.begin(); at != breakpoints_.end(); at = breakpoints_.upper_bound(*at)) {
    std::array<std::uint8_t, wire::kBreakpointBytes> entry{};
    wire::write_breakpoint(*at, entry);
    set.data.insert(set.data.end(), entry.begin(), entry.end());
  }
  OwnedCommand watch{.command = {.opcode = Opcode::SetWatchpoints}, .data = {}};
  for (const wire::Watchpoint& one : watchpoints()) {
    std::array<std::uint8_t, wire::kWatchpointBytes> entry{};
    wire::write_watchpoint(one, entry);
    watch.data.insert(watch.data.end(), entry.begin(), entry.end());
  }
  commands.push_back(std::move(set));
  commands.push_back(std::move(watch));
}

/// The application has begun anew: what was to be written was meant for the one before.
void RemoteTarget::forget_halt() {
  halted_ = false;
  writes_.clear();
  memory_.forget_ram();
}

/// All that has been asked for since the stop, and the command itself, in one message. One that has been
/// started anew behind GDB's back cannot be stepped: it is halted where it is.
bool RemoteTarget::resume(OwnedCommand what) {
  const bool steps = what.command.opcode == Opcode::Step || what.command.opcode == Opcode::StepRange;
  if (steps && !halted_) what = command({.opcode = Opcode::Halt});
  std::vector<OwnedCommand> commands;
  commands.swap(writes_);
  collect_breakpoints(commands);
  commands.push_back(std::move(what));
  halted_ = false;
  const bool posted = session_.post_and_expect_news(commands);
  gone_on_ = session_.posted();
  return posted;
}

void RemoteTarget::halt() { static_cast<void>(session_.post({command({.opcode = Opcode::Halt})})); }

void RemoteTarget::go_on(bool stepping) {
  static_cast<void>(resume(command({.opcode = stepping ? Opcode::Step : Opcode::Continue})));
}

bool RemoteTarget::step_through(std::uint32_t first, std::uint32_t end) {
  return resume(command({.opcode = Opcode::StepRange, .address = first, .end = end}));
}

bool RemoteTarget::reset() {
  if (!resume(command({.opcode = Opcode::Restart, .halt = true}))) return false;
  return wait_for_stop(kPatience).has_value();
}

void RemoteTarget::release() {
  released_ = true;
  breakpoints_.clear();
  watches_.clear();
  points_changed_ = true;
  static_cast<void>(resume(command({.opcode = Opcode::Continue})));
}

void RemoteTarget::leave() {
  if (!session_.over()) static_cast<void>(session_.exchange({command({.opcode = Opcode::Detach})}));
}

std::optional<std::string> RemoteTarget::monitor(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(' '));
  const std::string_view rest =
      name.size() == line.size() ? std::string_view{} : line.substr(name.size() + 1);
  if (name == "help") {
    std::string text;
    for (const MonitorWord& word : words_) text += fmt::format("{:<10} {}\n", word.name, word.help);
    return text;
  }
  for (const MonitorWord& word : words_) {
    if (word.name == name) return word.run(rest);
  }
  return std::nullopt;
}

}  // namespace microvisor::cli::debug
