// How soon an application that has failed is started again: at once would keep a device busy with failing,
// too late would cost service. The pause doubles from `minimum` to `maximum` and begins anew after a run of
// kHealthyRun.
#pragma once

#include <algorithm>
#include <cstdint>

namespace microvisor::firmware::kernel {

class RestartPolicy {
 public:
  static constexpr std::uint64_t kHealthyRun = 60'000'000;  // microseconds
  static constexpr std::uint32_t kDefaultMinimum = 1'000;   // milliseconds
  static constexpr std::uint32_t kDefaultMaximum = 60'000;

  /// From the bundle's crash policy; zeros mean the defaults.
  void configure(std::uint32_t minimum_ms, std::uint32_t maximum_ms) {
    minimum_ = minimum_ms != 0 ? minimum_ms : kDefaultMinimum;
    maximum_ = maximum_ms != 0 ? maximum_ms : kDefaultMaximum;
    if (maximum_ < minimum_) maximum_ = minimum_;
    pause_ = 0;
  }
  /// Goes on with a series of failures that a reset of the chip has interrupted; milliseconds, 0: none.
  void resume(std::uint32_t pause_ms) { pause_ = std::min(pause_ms, maximum_); }
  /// The latest pause of the series, milliseconds.
  [[nodiscard]] std::uint32_t pause_ms() const { return pause_; }
  void started(std::uint64_t now) { started_ = now; }
  /// The application has failed at `now`: the microseconds until its next start.
  [[nodiscard]] std::uint64_t failed(std::uint64_t now) {
    if (now - started_ >= kHealthyRun) pause_ = 0;
    pause_ = pause_ == 0 ? minimum_ : (pause_ > maximum_ / 2 ? maximum_ : 2 * pause_);
    return std::uint64_t{pause_} * 1000;
  }

 private:
  std::uint32_t minimum_ = kDefaultMinimum;
  std::uint32_t maximum_ = kDefaultMaximum;
  std::uint32_t pause_ = 0;
  std::uint64_t started_ = 0;
};

}  // namespace microvisor::firmware::kernel
