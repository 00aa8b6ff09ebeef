// A core with two plain memories, an image in them, and the semihosting that ends a scenario.
//
// The memories are those of scenario.ld: Secure at 0x3800_0000, Non-secure at 0x2820_0000, 1 MiB each.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/cpu/core.hpp"

namespace microvisor::board {

inline std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ScenarioBoard final : public Bus {
 public:
  static constexpr std::uint32_t kSize = 0x10'0000;
  static constexpr std::array<std::uint32_t, 2> kBases{0x3800'0000, 0x2820'0000};
  static constexpr std::uint32_t kLog = 0x282F'0000;

  explicit ScenarioBoard(const std::string& image) : core(*this, scheduler) {
    load_elf(read_file(image));
    core.semihosting = true;
    core.reset(kBases[0]);
  }
  // The core holds a reference to its bus.
  ScenarioBoard(const ScenarioBoard&) = delete;
  ScenarioBoard& operator=(const ScenarioBoard&) = delete;

  /// Runs to SYS_EXIT. False if it locked up, asked for a reset or took more than `limit` instructions.
  bool run(std::uint64_t limit) {
    while (core.retired < limit) {
      scheduler.dispatch();
      scheduler.arm_budget(static_cast<std::int64_t>(limit - core.retired));
      switch (core.execute()) {
        case Stop::Budget:
        case Stop::Stalled: break;
        case Stop::Asleep: sleep(); break;
        case Stop::Semihosting:
          if (exit_requested()) return true;
          break;
        case Stop::Lockup:
        case Stop::SystemReset:
        case Stop::Halted: return false;
      }
    }
    return false;
  }

  /// The words that the scenario has logged.
  std::vector<std::uint32_t> log() const {
    std::uint32_t end = 0;
    peek(kLog, 4, end);
    std::vector<std::uint32_t> words;
    for (std::uint32_t address = kLog + 16; address < end && address - kLog < 0x1'0000; address += 4) {
      std::uint32_t word = 0;
      peek(address, 4, word);
      words.push_back(word);
    }
    return words;
  }

  Outcome read(std::uint32_t address, unsigned size, const Access& /*access*/,
               std::uint32_t& value) override {
    return peek(address, size, value) ? Outcome::Ok : Outcome::BusError;
  }
  Outcome write(std::uint32_t address, unsigned size, const Access& /*access*/,
                std::uint32_t value) override {
    return poke(address, size, value) ? Outcome::Ok : Outcome::BusError;
  }
  /// Every access goes the long way from now on: nothing is translated, each instruction is fetched anew.
  void switch_translations_off() {
    translated_ = false;
    core.permissions_changed();
  }

  std::optional<DirectSpan> direct(std::uint32_t address, const Access& /*access*/) override {
    if (!translated_) return std::nullopt;
    for (unsigned index = 0; index < kBases.size(); ++index) {
      if (address - kBases[index] >= kSize) continue;
      return DirectSpan{memories_[index].data(), kBases[index], kSize, true, index * kSize};
    }
    return std::nullopt;
  }
  Time stalled_until() const override { return 0; }
  bool peek(std::uint32_t address, unsigned size, std::uint32_t& value) const override {
    value = 0;
    for (unsigned index = 0; index < kBases.size(); ++index) {
      const std::uint32_t offset = address - kBases[index];
      if (offset >= kSize || offset + size > kSize) continue;
      std::memcpy(&value, memories_[index].data() + offset, size);
      return true;
    }
    return false;
  }
  bool poke(std::uint32_t address, unsigned size, std::uint32_t value) override {
    for (unsigned index = 0; index < kBases.size(); ++index) {
      const std::uint32_t offset = address - kBases[index];
      if (offset >= kSize || offset + size > kSize) continue;
      std::memcpy(memories_[index].data() + offset, &value, size);
      return true;
    }
    return false;
  }
  void set_observer(BusObserver* /*observer*/) override {}

 private:
  std::array<std::vector<std::uint8_t>, 2> memories_{std::vector<std::uint8_t>(kSize),
                                                     std::vector<std::uint8_t>(kSize)};
  bool translated_ = true;

 public:
  Scheduler scheduler;
  Core core;

 private:
  /// The loadable segments of an ELF32 file, at their physical addresses.
  void load_elf(const std::vector<std::uint8_t>& file) {
    ASSERT_GE(file.size(), 52u) << "image missing";
    const auto word = [&file](std::size_t offset) {
      std::uint32_t value = 0;
      std::memcpy(&value, file.data() + offset, 4);
      return value;
    };
    const std::uint32_t table = word(28);
    const std::uint32_t count = word(44) & 0xFFFF;
    for (std::uint32_t index = 0; index < count; ++index) {
      const std::uint32_t header = table + 32 * index;
      if (word(header) != 1) continue;
      const std::uint32_t offset = word(header + 4), address = word(header + 12), size = word(header + 16);
      for (std::uint32_t byte = 0; byte < size; ++byte) poke(address + byte, 1, file[offset + byte]);
    }
  }

  void sleep() {
    const Time due = scheduler.next_due();
    if (due == kNever) return;
    scheduler.interrupt_core();
    scheduler.skip_to(due);
  }

  /// Semihosting: SYS_EXIT ends, everything else succeeds without doing anything.
  bool exit_requested() {
    constexpr std::uint32_t kSysExit = 0x18;
    if (core.state.r[0] == kSysExit) return true;
    core.state.r[0] = 1;
    core.state.r[15] += 2;
    return false;
  }
};

}  // namespace microvisor::board
