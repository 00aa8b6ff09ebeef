// Who makes the call that is being performed.
#pragma once

#include <cstdint>

#include "abi/interface.hpp"

namespace microvisor::firmware::kernel {

/// The code that makes a call. Stack pointer, LR and arguments tell it from all other calls that may be under
/// way: no two stacks of an application are in one place.
struct Caller {
  abi::Registers arguments{};
  std::uint32_t stack_pointer = 0;
  std::uint32_t lr = 0;
  std::uint32_t control = 0;  // its CONTROL_NS; 0 of a handler, which is privileged and on the main stack

  [[nodiscard]] bool same_call(const Caller& other) const {
    return stack_pointer == other.stack_pointer && lr == other.lr && arguments.r[0] == other.arguments.r[0] &&
           arguments.r[1] == other.arguments.r[1] && arguments.r[2] == other.arguments.r[2] &&
           arguments.r[3] == other.arguments.r[3];
  }
};
inline constexpr std::uint32_t kControlUnprivileged = 1u << 0;  // nPRIV
inline constexpr std::uint32_t kControlProcessStack = 1u << 1;  // SPSEL

/// Of the call that is being performed. Calls exclude each other, so one is enough.
inline Caller caller;

/// A body's answer when it has not finished: the PC stays at the gate, and the caller makes the call again by
/// itself, after interrupts that wait. No status of the interface.
inline constexpr auto kAgain = static_cast<abi::Status>(~std::uint32_t{0});

}  // namespace microvisor::firmware::kernel
