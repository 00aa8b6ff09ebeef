// The automatic return: an application that keeps crashing gives way to the last good one.
//
// The cloud decides it, not the device: it has every bundle for ever, whatever has given way in the device's
// staging area, and what it deploys goes through the same checks, states and reports as what a person
// deploys. A device whose application crashes stays connected, so the decision reaches it.
//
// Good is an application that was replaced without having crashed too often. These functions know the rules
// and nothing of devices or stores.
#pragma once

#include <string>

#include "cloud/store/store.hpp"

namespace microvisor::cloud {

/// At most so many crashes can be asked for, and are remembered.
inline constexpr std::uint32_t kMaxReturnCrashes = 16;
/// What counts as too often as long as the owner has not said.
inline constexpr std::uint32_t kDefaultReturnCrashes = 3;

/// The application has crashed at `now`. True: too often.
bool note_crash(AppReturn& record, Timestamp now);

/// Instead of `previous` (empty: nothing known) the device runs another application from now on.
void note_replacement(AppReturn& record, const std::optional<std::string>& previous);

/// Whether crashes up to now were too often.
bool crashes_too_often(const AppReturn& record);

}  // namespace microvisor::cloud
