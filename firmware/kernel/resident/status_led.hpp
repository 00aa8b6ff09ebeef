// The status LED: a pattern for each state of the connection, for somebody who stands before the device.
//
// Dark unless the application wants it (mvSystemLedEnable), or there is none that could. The tasklet shows it
// and comes again for the next change; dark and lit need no changes, so a LED that is off costs nothing.
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::firmware::kernel {

enum class Indication : std::uint8_t {
  Off,         // nobody wants it, or the device is offline because it wants to be
  Connecting,  // modem, network, gateway
  Connected,
  Updating,  // an update is being fetched or verified
  Waiting,   // the last attempt has failed, the next one is waited for
};

class StatusLed {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// `now` in microseconds of clock_microseconds(). A pattern begins with its indication.
  void show(Indication indication, std::uint64_t now) {
    if (indication != indication_) {
      indication_ = indication;
      begin(0, now);
    } else if (now >= changes_at_) {
      begin(step_ + 1, now);
    }
  }
  [[nodiscard]] Indication indication() const { return indication_; }
  [[nodiscard]] bool lit() const { return step_ % 2 == 0; }
  /// When to call show() again; kNever if the LED stays as it is.
  [[nodiscard]] std::uint64_t changes_at() const { return changes_at_; }

 private:
  /// Milliseconds lit, dark, lit, dark; 0: left out.
  using Pattern = std::array<std::uint16_t, 4>;
  static constexpr std::uint16_t kForEver = 0xFFFF;
  static constexpr std::array<Pattern, 5> kPatterns{{
      {0, kForEver},
      {500, 500},
      {kForEver},
      {100, 100},
      {100, 200, 100, 1600},
  }};

  void begin(std::uint32_t step, std::uint64_t now) {
    const Pattern& pattern = kPatterns[static_cast<std::uint8_t>(indication_)];
    step_ = step % pattern.size();
    while (pattern[step_] == 0) step_ = (step_ + 1) % pattern.size();
    const std::uint32_t duration = pattern[step_];
    changes_at_ = duration == kForEver ? kNever : now + std::uint64_t{duration} * 1000;
  }

  Indication indication_ = Indication::Off;
  std::uint32_t step_ = 1;
  std::uint64_t changes_at_ = kNever;
};

}  // namespace microvisor::firmware::kernel
