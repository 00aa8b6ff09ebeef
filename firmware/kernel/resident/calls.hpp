// System calls: from a slot and what is known of the caller to a status.
//
// All of it is inline but for the bodies: the application's interrupts wait until a call is over, and most
// calls are shorter than what leads to them.
#pragma once

#include <array>
#include <cstdint>

#include "abi/dispatch.hpp"
#include "abi/interface.hpp"

namespace microvisor::firmware::kernel {

/// The code that makes a call: its argument registers, and what tells it from all other code.
struct Caller {
  abi::Registers arguments{};
  std::uint32_t stack_pointer = 0;
  std::uint32_t lr = 0;
  std::uint32_t control = 0;  // its CONTROL_NS; 0 of a handler, which is privileged and on the main stack
};
inline constexpr std::uint32_t kControlUnprivileged = 1u << 0;  // nPRIV
inline constexpr std::uint32_t kControlProcessStack = 1u << 1;  // SPSEL

/// Of the call that is being performed. Calls exclude each other, so one is enough.
inline Caller caller;

/// A body's answer when it has not finished: the caller is to make the call again. No status of the
/// interface.
inline constexpr auto kAgain = static_cast<abi::Status>(~std::uint32_t{0});

extern const std::array<abi::CallFunction, abi::kGateCount> call_bodies;

/// Performs the call of `slot` for `caller`. Short: what is longer answers kAgain.
[[nodiscard]] inline abi::Status perform_call(unsigned slot, bool in_handler) {
  if (in_handler && !abi::allowed_in_handlers(static_cast<abi::Gate>(slot))) [[unlikely]] {
    return abi::Status::UNAVAILABLE;
  }
  return call_bodies[slot](caller.arguments);
}

}  // namespace microvisor::firmware::kernel
