#include "tests/kernel/caller_machine.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "firmware/kernel/resident/services.hpp"
#include "firmware/layout.hpp"
#include "tests/kernel/caller_channels.hpp"
#include "tests/kernel/stack_watermarks.hpp"

namespace microvisor::tests {

namespace {

using namespace firmware;

constexpr std::uint64_t kSlice = 500;  // instructions between two looks
// Instructions a command may take: 50 ms, in which the external flash erases a sector.
constexpr std::uint64_t kPatience = 8'000'000;
constexpr std::uint64_t kStart = 4000;  // milliseconds until an application has started again

struct Range {
  std::uint32_t address;
  std::uint32_t bytes;
};
/// What is compared of the application's memory: all that the guest or a case touches, and the ends of
/// regions.
constexpr Range kSeen[] = {
    {0x2000'0000, 0x2000},  // statics and stack of the guest
    {COMMAND_ADDRESS, 0x1000},
    {SPARE_STACK_TOP - 0x400, 0x800},
    {ARENA_ADDRESS, ARENA_SIZE},
    {RING_ADDRESS, 0x1000},
    {SEND_BUFFERS_ADDRESS, SEND_BUFFERS_SIZE},
    {0x2007'F000, 0x1000},
    {kApplicationRam4, kApplicationRam4Size},
};

constexpr std::uint32_t kCanaryBytes = 0x8000;

Range constants() {
  const std::uint32_t begin = kernel_symbol("data_start");
  return {begin, kernel_symbol("ram_code_end") - begin};
}

/// The link's status as calls see it. The place of the member follows from that of the device's identifier,
/// which is easily found: both are of fixed size, so their distance is the same in every build.
std::uint32_t link_status_address(KernelMachine& machine) {
  constexpr std::size_t kDistance =
      offsetof(kernel::Services, link_status) - offsetof(kernel::Services, device_id);
  const std::uint32_t services = kernel_symbol("microvisor::firmware::kernel::the_services");
  for (std::uint32_t at = services; at < services + 0x4000; ++at) {
    if (machine.word(at) == 0x3030'5655 && machine.word(at + 4) == 0x3232'3131)
      return at + kDistance;  // UV001122
  }
  throw std::runtime_error("no device identifier in the kernel's memory");
}

std::shared_ptr<const board::Snapshot> make_without_log() {
  KernelMachine machine("caller");
  fill_stacks(machine.board());
  if (!machine.run_until_line("ready 0", kStart)) throw std::runtime_error("the caller does not start");
  machine.run(2);
  const std::uint32_t canary = canary_address();
  for (std::uint32_t at = canary; at < canary + kCanaryBytes; at += 4) {
    (void)machine.board().bus().poke(at, 4, kCanary);
  }
  // Channels are opened only while the link is up; it is made to look so.
  (void)machine.board().bus().poke(link_status_address(machine), 4,
                                   static_cast<std::uint32_t>(abi::NetworkStatus::CONNECTED));
  return *machine.board().snapshot();
}

const board::Snapshot& without_log() {
  static const std::shared_ptr<const board::Snapshot> snapshot = make_without_log();
  return *snapshot;
}

/// With a log and the opaque channel, and no network interface.
const board::Snapshot& with_room_for_channels() {
  static const std::shared_ptr<const board::Snapshot> snapshot = [] {
    CallerMachine caller(without_log());
    command log{};
    log.target = shape_of("mvServerLoggingInit").address | 1;
    log.r[0] = LOG_ADDRESS;
    log.r[1] = LOG_SIZE;
    caller.prepare(log);
    caller.begin();
    expect_okay(caller.finish(), "mvServerLoggingInit");
    open_opaque_channel(caller);
    return *caller.board().snapshot();
  }();
  return *snapshot;
}

}  // namespace

std::string to_string(Outcome::Kind kind) {
  constexpr const char* kNames[] = {"returned", "ended", "stuck", "reset"};
  return kNames[static_cast<unsigned>(kind)];
}

std::uint32_t canary_address() { return (kernel_symbol("end") + 0x1FFF) & ~0xFFFu; }

void expect_okay(const Outcome& outcome, const char* call) {
  if (outcome.kind == Outcome::Kind::Returned && outcome.result.after[0] == 0) return;
  throw std::runtime_error(std::string(call) + ": " + to_string(outcome.kind) + " " +
                           std::to_string(outcome.result.after[0]));
}

const abi::CallShape& shape_of(std::string_view name) {
  return *std::find_if(std::begin(abi::kCallShapes), std::end(abi::kCallShapes),
                       [&](const abi::CallShape& call) { return call.name == name; });
}

const board::Snapshot& CallerMachine::ready() {
  static const std::shared_ptr<const board::Snapshot> snapshot = [] {
    CallerMachine caller(with_room_for_channels());
    open_message_channels(caller);
    open_network_interface(caller);
    return *caller.board().snapshot();
  }();
  return *snapshot;
}

const board::Snapshot& CallerMachine::ready_for(const abi::CallShape& call, Amount amount) {
  const std::string_view name = call.name;
  if (name == "mvServerLoggingInit") return without_log();
  if (name == "mvOpenChannel" || name == "mvOpenNetworkInterface") return with_room_for_channels();
  if (channel_type_of(call) == abi::ChannelType::OPAQUEBYTES) return ready();
  static std::map<std::pair<std::string_view, Amount>, std::shared_ptr<const board::Snapshot>> snapshots;
  auto& snapshot = snapshots[{name, amount}];
  if (!snapshot) {
    CallerMachine caller;
    prepare_channels(caller, call, amount);
    snapshot = *caller.board().snapshot();
  }
  return *snapshot;
}

void CallerMachine::poke(std::uint32_t address, std::uint32_t value) {
  if (!board().bus().poke(address, 4, value)) throw std::runtime_error("no memory to write");
}

std::array<std::uint32_t, COMMAND_HANDLES> CallerMachine::handles() {
  const command now = read_command();
  std::array<std::uint32_t, COMMAND_HANDLES> result{};
  std::copy(std::begin(now.handle), std::end(now.handle), result.begin());
  return result;
}

std::array<std::uint32_t, 6> CallerMachine::handles_for(const abi::CallShape& call) {
  const auto all = handles();
  std::array<std::uint32_t, 6> result{};
  std::copy_n(all.begin(), result.size(), result.begin());
  result[kChannelHandle] = all[handle_place(channel_type_of(call))];
  result[kInterfaceHandle] = all[kInterfacePlace];
  return result;
}

command CallerMachine::read_command() {
  std::array<std::uint32_t, sizeof(command) / 4> words{};
  for (std::uint32_t i = 0; i < words.size(); ++i) words[i] = word(COMMAND_ADDRESS + 4 * i);
  command result{};
  std::memcpy(&result, words.data(), sizeof result);
  return result;
}

command CallerMachine::order_for(const CallImage& image, std::uint32_t context) {
  command order{};
  order.context = context;
  order.target = image.call().address | 1;
  std::copy(image.registers().begin(), image.registers().end(), std::begin(order.r));
  return order;
}

void CallerMachine::prepare(const CallImage& image, const command& order) {
  for (const auto& [address, value] : image.words()) poke(address, value);
  prepare(order);
}

void CallerMachine::prepare(const command& order) {
  constexpr std::size_t kInputs = offsetof(command, returned) / 4;
  std::array<std::uint32_t, sizeof(command) / 4> words{};
  std::memcpy(words.data(), &order, sizeof order);
  for (std::uint32_t i = 1; i < kInputs; ++i) poke(COMMAND_ADDRESS + 4 * i, words[i]);
  for (std::uint32_t i = kInputs; i < offsetof(command, runs) / 4; ++i) poke(COMMAND_ADDRESS + 4 * i, 0);
}

void CallerMachine::begin() { poke(COMMAND_ADDRESS, COMMAND_GO); }

Outcome CallerMachine::finish() {
  Outcome outcome;
  for (std::uint64_t spent = 0; spent < kPatience; spent += kSlice) {
    board().run({.instructions = kSlice});
    if (board().resets() != 0) {
      outcome.kind = Outcome::Kind::Reset;
      return outcome;
    }
    if (machine_.kernel_word("(anonymous namespace)::running") % 256 == 0) {
      const bool again = machine_.run_until_line("ready ", kStart).has_value();
      outcome.kind = board().resets() != 0 ? Outcome::Kind::Reset
                     : again               ? Outcome::Kind::Ended
                                           : Outcome::Kind::Stuck;
      return outcome;
    }
    if (word(COMMAND_ADDRESS) == COMMAND_DONE) {
      outcome.kind = Outcome::Kind::Returned;
      outcome.result = read_command();
      return outcome;
    }
  }
  return outcome;
}

bool CallerMachine::alive() {
  command order{};
  order.target = 0x0C1F'E000 + 8 * 5 + 1;  // mvGetDeviceId
  order.r[0] = SPARE_STACK_TOP + 0x100;
  order.r[1] = kernel::kDeviceIdSize;
  machine_.run(1);
  prepare(order);
  begin();
  const Outcome outcome = finish();
  return outcome.kind == Outcome::Kind::Returned && outcome.result.after[0] == 0 &&
         outcome.result.returned == 1 && word(order.r[0]) == 0x3030'5655 && word(order.r[0] + 28) != 0;
}

MemoryPicture CallerMachine::picture() {
  MemoryPicture result;
  for (const Range& range : kSeen) {
    for (std::uint32_t at = 0; at < range.bytes; at += 4) result.ram.push_back(word(range.address + at));
  }
  for (const Range& range : {constants(), Range{canary_address(), kCanaryBytes}}) {
    for (std::uint32_t at = 0; at < range.bytes; at += 4) result.secure.push_back(word(range.address + at));
  }
  return result;
}

std::optional<std::size_t> CallerMachine::index_of(std::uint32_t address) {
  std::size_t before = 0;
  for (const Range& range : kSeen) {
    if (address - range.address < range.bytes) return before + (address - range.address) / 4;
    before += range.bytes / 4;
  }
  return std::nullopt;
}

std::uint32_t CallerMachine::address_of(std::size_t index) {
  for (const Range& range : kSeen) {
    if (index < range.bytes / 4) return range.address + static_cast<std::uint32_t>(4 * index);
    index -= range.bytes / 4;
  }
  return 0;
}

}  // namespace microvisor::tests
