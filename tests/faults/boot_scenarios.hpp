// Devices that hold something which must not run, for faults on the way on which they find that out.
//
// What must not run is the attacker's: an image of vectors and nothing but "b .", so that wherever it is
// entered it stays there and is found.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/layout.hpp"
#include "tests/boot/device.hpp"

namespace microvisor::tests {

/// Of bank 2.
inline constexpr firmware::Pages kAllPages{firmware::kPreboot.first, firmware::kGates.last};

struct Scenario {
  const char* name;
  void (*tamper)(Device&);
  /// The way leads from the first instruction here to the last one before another stage runs, or the device
  /// sleeps for good, or kPastRefusal.
  firmware::Pages way;
  bool kernel_may_run = false;  ///< the genuine one
};

[[nodiscard]] std::span<const Scenario> boot_scenarios();

/// Instructions after which a device has refused the replaced application for good: a while after its way
/// parts from that of a device with the genuine one.
[[nodiscard]] std::uint64_t past_refusal();

/// Whether what must not run on a device of this scenario does so now, or did since watch(). Once a device.
void watch(Device& device);
[[nodiscard]] bool attacker_runs(Device& device, const Scenario& scenario);
[[nodiscard]] bool in_pages(Device& device, firmware::Pages pages);
[[nodiscard]] bool kernel_runs(Device& device);

}  // namespace microvisor::tests
