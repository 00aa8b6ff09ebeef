#include "tests/kernel/injection.hpp"
#include "board/cpu/quiet_tracer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <stdexcept>

#include "firmware/layout.hpp"
#include "tests/kernel/caller_channels.hpp"

namespace microvisor::tests {

namespace {

constexpr unsigned kLine = 50;  // TIM7, whose handler counts
constexpr std::uint32_t kPriorityWord = 0xE000'E400 + kLine / 4 * 4;
constexpr std::uint32_t kGetMicroseconds = 0x0C1F'E011;
constexpr std::uint32_t kHandlerResult = SPARE_STACK_TOP + 0x200;
constexpr std::uint64_t kLongestPath = 20'000;      // of calls that do not wait
constexpr std::uint64_t kLongestRequest = 100'000;  // of those that send or read messages, which never do
constexpr std::uint64_t kRounds = 1'000;
constexpr std::uint64_t kLongestWait = 20'000;
constexpr std::size_t kTraps = 500;  // of one call that are looked at

/// Secure register block of the flash (RM0456 section 7.9).
constexpr std::uint32_t kFlash = 0x5002'2000;

/// Notes when the handler is entered.
class EntryWatch final : public board::QuietTracer {
 public:
  void exception_entered(unsigned number, board::World world, std::uint32_t) override {
    if (number == 16 + kLine && world == board::kNonSecure) entered = true;
  }
  bool entered = false;
};

/// Results that tell a time, which an interrupt changes: the records and log lines a call makes have one too.
std::vector<Expectation::Bytes> time_results(const CallImage& image) {
  std::vector<Expectation::Bytes> times{{RING_ADDRESS, 128}, {LOG_ADDRESS, LOG_SIZE}};
  const std::string_view name = image.call().name;
  if (name == "mvGetMicroseconds" || name == "mvGetWallTime")
    times.push_back({image.pointers()[0].target, 8});
  return times;
}

}  // namespace

void begin_erase_of_bank_2(CallerMachine& caller) {
  constexpr std::uint32_t kPage = firmware::kPreviousKernel.first;
  caller.poke(kFlash + 0x0C, 0x4567'0123);
  caller.poke(kFlash + 0x0C, 0xCDEF'89AB);
  caller.poke(kFlash + 0x2C, 1u << 1 | kPage << 3 | 1u << 11);
  caller.poke(kFlash + 0x2C, 1u << 1 | kPage << 3 | 1u << 11 | 1u << 16);
  if (!flash_is_busy(caller)) throw std::runtime_error("no erase of the flash has begun");
}

bool flash_is_busy(CallerMachine& caller) { return (caller.word(kFlash + 0x24) & 1u << 16) != 0; }

std::uint64_t longest_wait(board::Board& board, unsigned moments,
                           const std::function<void(unsigned)>& before) {
  std::mt19937_64 random(7);
  EntryWatch watch;
  board.core().tracer = &watch;
  std::uint64_t longest = 0;
  for (unsigned i = 0; i < moments; ++i) {
    if (before) before(i);
    board.run({.instructions = 1 + random() % 4000});
    watch.entered = false;
    board.core().set_line(kLine, true);
    board.core().set_line(kLine, false);
    for (std::uint64_t wait = 0; wait < kLongestWait; ++wait) {
      board.run({.instructions = 1});
      if (!watch.entered) continue;
      longest = std::max(longest, wait);
      break;
    }
    if (!watch.entered) throw std::runtime_error("an interrupt is lost");
    board.run({.instructions = 200});  // its handler ends
  }
  board.core().tracer = nullptr;
  return longest;
}

std::uint64_t longest_wait_in_background(unsigned moments) {
  CallerMachine caller;
  board::SerialPort& modem = *caller.board().serial(0x4600'2400);
  return longest_wait(caller.board(), moments, [&](unsigned i) {
    if (modem.chip_ready()) modem.byte_to_chip(static_cast<std::uint8_t>(i));
  });
}

std::string_view to_string(Amount amount) { return amount == Amount::Typical ? "typical" : "largest"; }

bool Injection::possible(const abi::CallShape& call) {
  const std::string_view name = call.name;
  return name != "mvRestart" && name != "mvDeepSleep" && name != "mvPowerSave" && name != "mvTestingComplete";
}

Injection::Injection(const abi::CallShape& call, Amount amount, const Disturbance& disturbance)
    : call_(call), amount_(amount), disturbance_(disturbance) {
  measure_path();
}

void Injection::prepare(CallerMachine& caller) const {
  const CallImage image = caller.image_of(call_, amount_);
  command order = CallerMachine::order_for(image);
  order.write[0][0] = kPriorityWord;
  order.write[0][1] = std::uint32_t{disturbance_.priority} << (kLine % 4 * 8);
  order.writes = 1;
  if (disturbance_.handler_calls) {
    order.handler_target = kGetMicroseconds;
    order.handler_r[0] = kHandlerResult;
  }
  caller.prepare(image, order);
}

void Injection::measure_path() {
  CallerMachine caller(call_, amount_);
  prepare(caller);
  times_ = time_results(caller.image_of(call_, amount_));
  times_.push_back({kHandlerResult, 8});
  caller.begin();
  const command sites = caller.read_command();
  const auto& state = caller.board().core().state;
  for (std::uint64_t i = 0; state.r[15] != sites.call_site; ++i) {
    if (i == kLongestPath) throw std::runtime_error("the call is not reached");
    caller.board().run({.instructions = 1});
  }
  if (disturbance_.erase) begin_erase_of_bank_2(caller);
  at_branch_ = *caller.board().snapshot();
  const bool waits = channel_type_of(call_) == abi::ChannelType::OPAQUEBYTES;
  const std::uint64_t longest = waits ? kLongestPath : kLongestRequest;
  while (state.r[15] != sites.return_site && path_ != longest) {
    caller.board().run({.instructions = 1});
    ++path_;
    if (state.r[15] == (call_.address & ~1u) && traps_.size() < kTraps) traps_.push_back(path_);
  }
  // A call that waits is made again and again; its first rounds are like the others.
  if (path_ == longest) path_ = kRounds;
  const Outcome outcome = caller.finish();
  if (outcome.kind != Outcome::Kind::Returned)
    throw std::runtime_error("the call does not succeed undisturbed");
  undisturbed_ = outcome.result;
  if (disturbance_.compare) reference_ = caller.picture();
}

Injected Injection::run() {
  Injected result;
  result.id = std::string(call_.name) + "/" + std::string(to_string(amount_)) + "/" +
              std::to_string(disturbance_.priority) + (disturbance_.handler_calls ? "/calling" : "") +
              (disturbance_.erase ? "/erase" : "");
  result.path = path_;
  if (disturbance_.at_traps) {
    for (const std::uint64_t at : traps_) {
      for (const std::uint64_t more : {0, 1, 2}) disturb(at + more, result);
    }
    return result;
  }
  const std::uint64_t distance = std::max(disturbance_.distance, path_ / disturbance_.at_most);
  for (std::uint64_t at = disturbance_.first; at <= path_; at += distance) disturb(at, result);
  return result;
}

void Injection::disturb(std::uint64_t instruction, Injected& result) const {
  CallerMachine caller(*at_branch_);
  board::Board& board = caller.board();
  ++result.runs;
  if (instruction != 0) board.run({.instructions = instruction});
  EntryWatch watch;
  board.core().tracer = &watch;
  board.core().set_line(kLine, true);
  board.core().set_line(kLine, false);
  const board::Time began = board.scheduler().now();
  std::uint64_t wait = 0;
  for (; wait < kLongestWait; ++wait) {
    const board::Time now = board.scheduler().now();
    board.run({.instructions = 1});
    if (!watch.entered) continue;
    const double waited = static_cast<double>(now - began) / static_cast<double>(board::kTicksPerMicrosecond);
    result.longest_microseconds = std::max(result.longest_microseconds, waited);
    break;
  }
  board.core().tracer = nullptr;
  if (wait > result.longest_wait) {
    result.longest_wait = wait;
    result.longest_wait_at = instruction;
  }
  if (!disturbance_.compare) return;
  const std::string complaint = compare(caller, caller.finish());
  if (!complaint.empty()) result.failures.push_back(std::to_string(instruction) + ": " + complaint);
}

std::string Injection::compare(CallerMachine& caller, const Outcome& outcome) const {
  if (outcome.kind != Outcome::Kind::Returned) return to_string(outcome.kind);
  const command& result = outcome.result;
  if (result.handler_runs != 1) return "the handler ran " + std::to_string(result.handler_runs) + " times";
  if (result.handler_status != 0) return "the handler's call failed";
  // All results of the call stand in one piece of the block, from `returned` to `stack_before`.
  constexpr std::size_t kFrom = offsetof(command, returned);
  constexpr std::size_t kTo = offsetof(command, handler_runs);
  const auto* ours = reinterpret_cast<const char*>(&result);
  const auto* theirs = reinterpret_cast<const char*>(&undisturbed_);
  if (std::memcmp(ours + kFrom, theirs + kFrom, kTo - kFrom) != 0) return "results or registers differ";
  const MemoryPicture picture = caller.picture();
  if (picture.secure != reference_.secure) return "the kernel's constants differ";
  for (std::size_t i = 0; i < picture.ram.size(); ++i) {
    if (picture.ram[i] == reference_.ram[i]) continue;
    const std::uint32_t address = CallerMachine::address_of(i);
    const bool below_stack = address < result.stack_before && address >= result.stack_before - 0x200;
    const bool command_block = address - COMMAND_ADDRESS < sizeof(command);
    const bool time = std::any_of(times_.begin(), times_.end(),
                                  [&](const auto& bytes) { return address - bytes.address < bytes.size; });
    if (!below_stack && !command_block && !time) return "memory differs at " + std::to_string(address);
  }
  return {};
}

}  // namespace microvisor::tests
