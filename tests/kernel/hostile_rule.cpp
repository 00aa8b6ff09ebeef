#include "tests/kernel/hostile_rule.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "firmware/layout.hpp"

namespace microvisor::tests {

namespace {

using namespace firmware;

constexpr std::uint32_t kUnavailable = 0x0A;
constexpr std::uint32_t kFrameBelow =
    0x200;  // exception frames and a handler's own stack, below the caller's

std::string hex(std::uint32_t value) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "%#x", value);
  return text.data();
}

bool inside(std::uint32_t address, std::uint64_t size, std::uint32_t base, std::uint32_t length) {
  return address >= base && std::uint64_t{address} + size <= std::uint64_t{base} + length;
}

bool overlaps(std::uint32_t address, const Expectation::Bytes& bytes) {
  return address < std::uint64_t{bytes.address} + bytes.size && std::uint64_t{address} + 4 > bytes.address;
}

/// What the guest itself and the hardware write, and what the kernel writes at any time: command, ring, log,
/// what channels send.
bool expected_change(std::uint32_t address, const command& result) {
  static const std::vector<Expectation::Bytes> kAlways{{COMMAND_ADDRESS, sizeof(command)},
                                                       {RING_ADDRESS, 128},
                                                       {LOG_ADDRESS, LOG_SIZE},
                                                       {SEND_BUFFERS_ADDRESS, SEND_BUFFERS_SIZE},
                                                       {0x2000'0000, 0x2000}};
  for (const auto& bytes : kAlways) {
    if (overlaps(address, bytes)) return true;
  }
  return overlaps(address, {result.stack_before - kFrameBelow, kFrameBelow});
}

std::string judge_registers(const command& result, const command& order) {
  if (result.after[1] != order.r[1] || result.after[2] != order.r[2] || result.after[3] != order.r[3])
    return "r1 to r3 changed";
  if (result.r12 != order.target) return "r12 changed to " + hex(result.r12);
  if (result.flags != 0xA000'0000) return "flags changed to " + hex(result.flags);
  if (result.stack_after != result.stack_before) return "stack pointer changed";
  constexpr std::uint32_t kKept[] = {0xA000'0000, 0x5555'5555, 0x6666'6666, 0x7777'7777,
                                     0x8888'8888, 0x9999'9999, 0xAAAA'AAAA, 0xBBBB'BBBB};
  if (!std::equal(std::begin(kKept), std::end(kKept), std::begin(result.kept))) return "r4 to r11 changed";
  return {};
}

std::string judge_status(const CallImage& image, std::uint32_t status, const Expectation& expected) {
  const bool known = status < 64 && ((image.call().statuses >> status) & 1) != 0;
  if (!known && status != kUnavailable) return "status " + hex(status) + " is not one of the call's";
  if (expected.refused && status == 0) return "it was not refused";
  return {};
}

std::string judge_memory(const MemoryPicture& before, const MemoryPicture& after, const command& result,
                         const Expectation& expected) {
  for (std::size_t i = 0; i < before.ram.size(); ++i) {
    if (before.ram[i] == after.ram[i]) continue;
    const std::uint32_t address = CallerMachine::address_of(i);
    if (after.ram[i] == kCanary) return "a canary leaked to " + hex(address);
    if (expected_change(address, result)) continue;
    if (std::any_of(expected.results.begin(), expected.results.end(),
                    [&](const auto& bytes) { return overlaps(address, bytes); }))
      continue;
    return "the call changed " + hex(address) + " from " + hex(before.ram[i]) + " to " + hex(after.ram[i]);
  }
  return {};
}

}  // namespace

bool application_may_write(std::uint32_t address, std::uint64_t size) {
  return inside(address, size, kApplicationRam, kApplicationRamSize) ||
         inside(address, size, kApplicationRam4, kApplicationRam4Size);
}

bool application_may_read(std::uint32_t address, std::uint64_t size) {
  return application_may_write(address, size) ||
         inside(address, size, kApplicationFlash, kApplicationFlashSize);
}

std::vector<Expectation::Bytes> results_of(const CallImage& image) {
  std::vector<Expectation::Bytes> results;
  for (const AimedPointer& pointer : image.pointers()) {
    const std::uint32_t target = image.get(pointer.word);
    if (pointer.written && application_may_write(target, pointer.bytes))
      results.push_back({target, pointer.bytes});
  }
  return results;
}

std::string judge(CallerMachine& caller, const CallImage* image, const MemoryPicture& before,
                  const Outcome& outcome, const Expectation& expected) {
  using Kind = Outcome::Kind;
  if (outcome.kind == Kind::Reset) return "the chip was reset";
  if (outcome.kind == Kind::Stuck && !expected.may_hang) return "nothing came of it";
  if (outcome.kind == Kind::Ended && !expected.may_end && !expected.must_end)
    return "the application was ended";
  if (outcome.kind == Kind::Returned && expected.must_end) return "the application was not ended";
  const MemoryPicture after = caller.picture();
  if (after.secure != before.secure) return "memory of the kernel's changed";
  if (outcome.kind == Kind::Returned && image != nullptr && expected.judged && outcome.result.returned == 1) {
    command order = CallerMachine::order_for(*image);
    for (const std::string& complaint :
         {judge_registers(outcome.result, order), judge_status(*image, outcome.result.after[0], expected),
          judge_memory(before, after, outcome.result, expected)}) {
      if (!complaint.empty()) return complaint;
    }
  }
  if (std::count(after.ram.begin(), after.ram.end(), kCanary) != 0) return "a canary leaked";
  if (outcome.kind != Kind::Stuck && !caller.alive()) return "the next call was not served";
  return caller.board().resets() != 0 ? "the chip was reset" : "";
}

std::string try_hostile(CallerMachine& caller, const CallImage* image, const command& order,
                        const Expectation& expected) {
  if (image != nullptr) {
    caller.prepare(*image, order);
  } else {
    caller.prepare(order);
  }
  const MemoryPicture before = caller.picture();
  caller.begin();
  return judge(caller, image, before, caller.finish(), expected);
}

std::vector<HostileCase> all_hostile_cases() {
  std::vector<HostileCase> all;
  for (auto* make : {pointer_cases, changing_memory_cases, handle_cases, context_cases, return_cases,
                     register_cases, dma_cases}) {
    for (HostileCase& one : make()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace microvisor::tests
