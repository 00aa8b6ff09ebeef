// A chain of checks that one disturbed instruction does not get past.
//
// require() stops the device unless a verdict is Valid, and adds the verdict to a sum. Before the kernel is
// entered the sum has to be that of exactly so many Valids, which is looked at twice, and once more by the
// code that enters. So a check that was left out, a stop that was jumped over and a stray jump to the end are
// noticed: whoever wants to pass needs two faults that fit together. tests/faults tries every single one.
#pragma once

#include <cstdint>

#include "firmware/crypto/crypto.hpp"
#include "firmware/device/stage.hpp"

namespace microvisor::firmware {

/// How many checks a kernel has to pass, and the sum that shows it.
inline constexpr std::uint32_t kKernelChecks = 8;
inline constexpr std::uint32_t kKernelAccepted =
    kKernelChecks * static_cast<std::uint32_t>(crypto::Verdict::Valid);

class Checks {
 public:
  /// Inline, so that no call stands for the whole check and can be skipped with it.
  [[gnu::always_inline]] void require(crypto::Verdict verdict, BootCode code, std::uint32_t detail = 0) {
    const volatile crypto::Verdict seen = verdict;
    if (seen != crypto::Verdict::Valid) stop_for_good(code, detail);
    sum_ = sum_ + static_cast<std::uint32_t>(seen);
  }

  /// Stops unless all checks were required, each with Valid; gives the sum.
  [[gnu::always_inline]] std::uint32_t require_all() {
    if (sum_ != kKernelAccepted) stop_for_good(BootCode::Disturbed);
    if (sum_ != kKernelAccepted) stop_for_good(BootCode::Disturbed);
    return sum_;
  }

 private:
  volatile std::uint32_t sum_ = 0;
};

}  // namespace microvisor::firmware
