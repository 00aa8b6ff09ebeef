// System calls: from a slot and what is known of the caller to a status.
//
// All of it is inline but for the bodies: the application's interrupts wait until a call is over, and most
// calls are shorter than what leads to them.
#pragma once

#include <array>
#include <cstdint>

#include "abi/dispatch.hpp"
#include "abi/interface.hpp"
#include "firmware/kernel/resident/caller.hpp"

namespace microvisor::firmware::kernel {

extern const std::array<abi::CallFunction, abi::kGateCount> call_bodies;
extern const std::array<abi::CallFunction, abi::kFlashCallCount> flash_call_bodies;

/// Performs the call of `slot` for `caller`. Short: what is longer answers kAgain.
[[nodiscard]] inline abi::Status perform_call(unsigned slot, bool in_handler) {
  if (in_handler && !abi::allowed_in_handlers(static_cast<abi::Gate>(slot))) [[unlikely]] {
    return abi::Status::UNAVAILABLE;
  }
  return call_bodies[slot](caller.arguments);
}

}  // namespace microvisor::firmware::kernel
