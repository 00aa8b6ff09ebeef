// What a block needs around it to be tested alone: interrupt lines that remember their level, clocks of a
// fixed frequency, time that passes on request, and the four accesses.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "board/bus/clocks.hpp"
#include "board/bus/peripheral.hpp"
#include "board/bus/scheduler.hpp"

namespace microvisor::board::testing {

class RecordedLines final : public InterruptSink {
 public:
  void set_line(unsigned line, bool level) override {
    if (level && !lines_[line]) ++rises_[line];
    lines_[line] = level;
  }
  void raise_nmi() override { ++nmis; }
  void raise_event() override { ++events; }
  [[nodiscard]] bool level(unsigned line) const { return lines_[line]; }
  [[nodiscard]] unsigned rises(unsigned line) const { return rises_[line]; }
  unsigned nmis = 0;
  unsigned events = 0;

 private:
  std::array<bool, 128> lines_{};
  std::array<unsigned, 128> rises_{};
};

class FixedClocks final : public Clocks {
 public:
  explicit FixedClocks(std::uint32_t hertz = 160'000'000) : hertz_(hertz) {}
  [[nodiscard]] std::uint32_t hclk() const override { return hertz_; }
  [[nodiscard]] std::uint32_t pclk1() const override { return hertz_; }
  [[nodiscard]] std::uint32_t pclk2() const override { return hertz_; }
  [[nodiscard]] std::uint32_t pclk3() const override { return hertz_; }
  [[nodiscard]] std::uint32_t kernel_clock(std::uint32_t) const override {
    return kernel_hertz != 0 ? kernel_hertz : hertz_;
  }
  [[nodiscard]] bool enabled(std::uint32_t) const override { return true; }
  [[nodiscard]] bool stopped() const override { return halted; }
  void on_change(std::function<void()> listener) override { listeners_.push_back(std::move(listener)); }
  void change(std::uint32_t hertz) {
    hertz_ = hertz;
    for (const auto& listener : listeners_) listener();
  }
  std::uint32_t kernel_hertz = 0;
  bool halted = false;

 private:
  std::uint32_t hertz_;
  std::vector<std::function<void()>> listeners_;
};

inline constexpr Access kSecure{.secure = true, .privileged = true};
inline constexpr Access kNonSecure{.secure = false, .privileged = true};
inline constexpr Access kUnprivileged{.secure = false, .privileged = false};

inline std::uint32_t read(Peripheral& block, std::uint32_t offset, const Access& access = kSecure,
                          unsigned size = 4) {
  std::uint32_t value = 0xDEAD'BEEF;
  block.read(offset, size, access, value);
  return value;
}
inline void write(Peripheral& block, std::uint32_t offset, std::uint32_t value,
                  const Access& access = kSecure, unsigned size = 4) {
  block.write(offset, size, access, value);
}
inline void set_bits(Peripheral& block, std::uint32_t offset, std::uint32_t mask,
                     const Access& access = kSecure) {
  write(block, offset, read(block, offset, access) | mask, access);
}
inline void clear_bits(Peripheral& block, std::uint32_t offset, std::uint32_t mask,
                       const Access& access = kSecure) {
  write(block, offset, read(block, offset, access) & ~mask, access);
}

/// Lets virtual time pass up to `moment`, firing what falls due on the way.
inline void run_until(Scheduler& scheduler, Time moment) {
  while (scheduler.next_due() <= moment) {
    scheduler.skip_to(scheduler.next_due());
    scheduler.dispatch();
  }
  scheduler.skip_to(moment);
}
inline void run_for(Scheduler& scheduler, Time ticks) { run_until(scheduler, scheduler.now() + ticks); }
inline constexpr Time microseconds(std::uint64_t count) { return count * kTicksPerMicrosecond; }
inline constexpr Time milliseconds(std::uint64_t count) { return microseconds(count * 1000); }
inline constexpr Time seconds(std::uint64_t count) { return count * kTicksPerSecond; }

}  // namespace microvisor::board::testing
