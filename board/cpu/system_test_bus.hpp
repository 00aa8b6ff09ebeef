// What the tests of the system half stand on: a core on a bus with four plain memories, and short names for
// its state.
//
// The map is the chip's in small: Non-secure code and data at 0x0800_0000 and 0x2000_0000, Secure ones at
// 0x0C00_0000 and 0x3000_0000, 64 KiB each, nothing anywhere else (a bus error). Both vector tables are
// filled so that the handler of exception n starts at handler(world, n).
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/cpu/core.hpp"
#include "board/cpu/exceptions.hpp"
#include "board/cpu/psr.hpp"

namespace microvisor::board {

class FourMemories final : public Bus {
 public:
  static constexpr std::uint32_t kSize = 0x1'0000;
  static constexpr std::array<std::uint32_t, 4> kBases{0x0800'0000, 0x0C00'0000, 0x2000'0000, 0x3000'0000};

  Outcome read(std::uint32_t address, unsigned size, const Access& /*access*/,
               std::uint32_t& value) override {
    return peek(address, size, value) ? Outcome::Ok : Outcome::BusError;
  }
  Outcome write(std::uint32_t address, unsigned size, const Access& /*access*/,
                std::uint32_t value) override {
    return poke(address, size, value) ? Outcome::Ok : Outcome::BusError;
  }
  std::optional<DirectSpan> direct(std::uint32_t address, const Access& /*access*/) override {
    for (unsigned index = 0; index < kBases.size(); ++index) {
      if (address - kBases[index] >= kSize) continue;
      return DirectSpan{memories_[index].data(), kBases[index], kSize, true, physical(kBases[index])};
    }
    return std::nullopt;
  }
  Time stalled_until() const override { return 0; }
  bool peek(std::uint32_t address, unsigned size, std::uint32_t& value) const override {
    value = 0;
    const std::uint8_t* host = find(address, size);
    if (host == nullptr) return false;
    std::memcpy(&value, host, size);
    return true;
  }
  bool poke(std::uint32_t address, unsigned size, std::uint32_t value) override {
    auto* host = const_cast<std::uint8_t*>(find(address, size));
    if (host == nullptr) return false;
    std::memcpy(host, &value, size);
    if (observer_ != nullptr) observer_->memory_changed(physical(address), size);
    return true;
  }
  void set_observer(BusObserver* observer) override { observer_ = observer; }

 private:
  const std::uint8_t* find(std::uint32_t address, unsigned size) const {
    for (unsigned index = 0; index < kBases.size(); ++index) {
      const std::uint32_t offset = address - kBases[index];
      if (offset < kSize && offset + size <= kSize) return memories_[index].data() + offset;
    }
    return nullptr;
  }
  static std::uint32_t physical(std::uint32_t address) {
    for (unsigned index = 0; index < kBases.size(); ++index) {
      if (address - kBases[index] < kSize) return index * kSize + (address - kBases[index]);
    }
    return 0;
  }

  BusObserver* observer_ = nullptr;
  std::array<std::vector<std::uint8_t>, 4> memories_{
      std::vector<std::uint8_t>(kSize), std::vector<std::uint8_t>(kSize), std::vector<std::uint8_t>(kSize),
      std::vector<std::uint8_t>(kSize)};
};

class SystemTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kVectorsNs = 0x0800'0000;
  static constexpr std::uint32_t kVectorsS = 0x0C00'0000;
  static constexpr std::uint32_t kCodeNs = 0x0800'4000;
  static constexpr std::uint32_t kCodeS = 0x0C00'4000;
  // Tops of the four stacks.
  static constexpr std::uint32_t kMspNs = 0x2000'4000;
  static constexpr std::uint32_t kPspNs = 0x2000'8000;
  static constexpr std::uint32_t kMspS = 0x3000'4000;
  static constexpr std::uint32_t kPspS = 0x3000'8000;
  static constexpr std::uint32_t kScs = 0xE000'0000;
  static constexpr std::uint32_t kScsNs = 0xE002'0000;

  SystemTest() {
    for (unsigned number = 0; number < kExceptionCount; ++number) {
      bus.poke(kVectorsNs + 4 * number, 4, handler(kNonSecure, number) | 1);
      bus.poke(kVectorsS + 4 * number, 4, handler(kSecure, number) | 1);
    }
    bus.poke(kVectorsS, 4, kMspS);
    core.reset(kVectorsS);
    set_vector_table(core, kNonSecure, kVectorsNs);
    set_sau(0, 0x0800'0000, 0x0800'FFFF, false);
    set_sau(1, 0x2000'0000, 0x2000'FFFF, false);
    scs(0xEDD0, 1);                                      // SAU on
    scs(0xED24, bit(16) | bit(17) | bit(18) | bit(19));  // all configurable faults enabled
    scs_ns(0xED24, bit(16) | bit(18));
    core.state.stack = {{{kMspNs, kPspNs}, {kMspS, kPspS}}};
    for (unsigned index = 0; index < 13; ++index) core.state.r[index] = 0x1000 + index;
    core.state.r[14] = 0x0000'1EEF;
    core.state.r[15] = kCodeS;
  }

  static std::uint32_t handler(World world, unsigned number) {
    return (world == kSecure ? 0x0C00'1000u : 0x0800'1000u) + 0x10 * number;
  }

  void set_sau(unsigned region, std::uint32_t first, std::uint32_t last, bool callable) {
    scs(0xEDD8, region);
    scs(0xEDDC, first);
    scs(0xEDE0, (last & ~0x1Fu) | (callable ? 3 : 1));
  }
  /// Secure view, Non-secure view of an SCS register; 0xEDxx and the like are the low 16 bits of its address.
  void scs(unsigned offset, std::uint32_t value) {
    EXPECT_TRUE(write_ppb(core, kScs + offset, 4, true, true, value));
  }
  void scs_ns(unsigned offset, std::uint32_t value) {
    EXPECT_TRUE(write_ppb(core, kScsNs + offset, 4, true, true, value));
  }
  void scs_byte(unsigned offset, std::uint32_t value) {
    EXPECT_TRUE(write_ppb(core, kScs + offset, 1, true, true, value));
  }
  void scs_ns_byte(unsigned offset, std::uint32_t value) {
    EXPECT_TRUE(write_ppb(core, kScsNs + offset, 1, true, true, value));
  }
  std::uint32_t scs(unsigned offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(read_ppb(core, kScs + offset, 4, true, true, value));
    return value;
  }
  std::uint32_t scs_ns(unsigned offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(read_ppb(core, kScsNs + offset, 4, true, true, value));
    return value;
  }
  std::uint32_t word(std::uint32_t address) {
    std::uint32_t value = 0;
    EXPECT_TRUE(bus.peek(address, 4, value)) << std::hex << address;
    return value;
  }

  /// Puts the core into Thread mode of a world, on one of its stacks.
  void run_thread(World world, StackKind kind, bool privileged = true) {
    CoreState& state = core.state;
    const StackSwitch stack(state);
    state.world = world;
    state.ipsr = 0;
    state.process_stack[world] = kind == kProcess;
    state.unprivileged_thread[world] = !privileged;
    state.r[15] = world == kSecure ? kCodeS : kCodeNs;
  }
  /// Makes an interrupt line of `world` ready and pending, without taking it.
  void pend_line(unsigned line, World world, std::uint8_t priority) {
    Nvic& nvic = core.system->nvic;
    const std::uint64_t mask = std::uint64_t{1} << (line % 64);
    nvic.enabled[line / 64] |= mask;
    if (world == kNonSecure) nvic.nonsecure[line / 64] |= mask;
    nvic.priority[line] = priority;
    set_pending(core, kFirstInterrupt + line, world, true);
    reconsider(core);
  }
  void place(std::uint32_t address, const std::vector<unsigned>& halves) {
    for (const unsigned half : halves) {
      ASSERT_TRUE(bus.poke(address, 2, half));
      address += 2;
    }
  }
  /// Runs `count` instructions.
  Stop go(std::int64_t count) {
    scheduler.arm_budget(count);
    return core.execute();
  }
  /// A stack pointer wherever it is kept at the moment.
  std::uint32_t stack_of(World world, StackKind kind) const {
    const bool in_use = core.state.world == world && core.state.stack_kind() == kind;
    return in_use ? core.state.r[13] : core.state.stack[world][kind];
  }
  bool take() { return core.attention && service(core); }
  /// BX to a value that may be magic, at r[15]: true if it was.
  bool branch(std::uint32_t target) {
    const MagicBranch result = branch_magic(core, target);
    if (result == MagicBranch::Refused) take_fault(core, core.state.r[15]);
    return result != MagicBranch::Ordinary;
  }

  FourMemories bus;
  Scheduler scheduler;
  Core core{bus, scheduler};
};

}  // namespace microvisor::board
