// What preboot decides: which stage runs next, in which copy, and that each start of something unproven is
// counted.
//
// Counting is one row of the boot record per start. A kernel on trial has so many starts to prove itself;
// then the upgrader is to bring the previous one back. A copy of the upgrader has so many to get somewhere;
// then the other copy tries, and after that the bootrom decides with what there is. A loss of power is no
// fault of the upgrader's and is not counted: whoever pulls the plug again and again ends where he stops
// pulling.
#pragma once

#include "firmware/boot_status.hpp"
#include "firmware/vault/boot_record.hpp"

namespace microvisor::firmware {

/// Starts that a kernel on trial, and each copy of the upgrader, has.
inline constexpr std::uint8_t kTrialStarts = 5;
inline constexpr std::uint8_t kUpgraderStarts = 3;

struct BootChoice {
  BootStage stage;  ///< Bootrom or Upgrader
  vault::Copy copy;
  bool watched;  ///< it has yet to prove itself: the watchdog runs from here on
  friend bool operator==(const BootChoice&, const BootChoice&) = default;
};

/// Decides by `record`, which is in force, and writes its successor if there is something to count. If the
/// flash does not take it, the choice is the same.
[[nodiscard]] BootChoice choose_stage(storage::Flash& flash, const vault::BootRecord& record,
                                      bool after_power_loss);

}  // namespace microvisor::firmware
