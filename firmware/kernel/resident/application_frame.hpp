// Where the registers of the application's code lie while an exception of the Secure state has interrupted
// it.
//
// What the stack pointer says is the application's word: it is believed only if the frame lies in its RAM.
// Everything here is part of every system call.
#pragma once

#include <bit>
#include <cstdint>

#include "firmware/kernel/resident/caller.hpp"
#include "firmware/kernel/resident/trap.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

[[gnu::always_inline]] inline std::uint32_t application_control() {
  std::uint32_t control = 0;
  asm volatile("mrs %0, control_ns" : "=r"(control));
  return control;
}

/// CONTROL_NS as far as it holds for the code that was interrupted: handlers are privileged and on the main
/// stack.
[[gnu::always_inline]] inline std::uint32_t control_of(std::uint32_t exc_return) {
  return (exc_return & kReturnThread) != 0 ? application_control() : 0;
}

/// Whether a frame at `sp`, a multiple of 8, lies in [base, base + length). Rotated, what lies elsewhere or
/// off the alignment becomes huge.
[[gnu::always_inline]] inline bool frame_inside(std::uint32_t sp, std::uint32_t size, std::uint32_t base,
                                                std::uint32_t length) {
  return std::rotr(sp - base, 3) <= (length - size) / 8;
}

/// The stack pointer behind the frame of application code that was interrupted. For EXC_RETURN.S = 0 the
/// SPSEL bit speaks of the Secure side, so the stack is told from CONTROL_NS and the mode.
[[gnu::always_inline]] inline std::uint32_t application_stack(std::uint32_t control) {
  std::uint32_t sp = 0;
  if ((control & kControlProcessStack) != 0) {
    asm volatile("mrs %0, psp_ns" : "=r"(sp));
  } else {
    asm volatile("mrs %0, msp_ns" : "=r"(sp));
  }
  return sp;
}

/// Whether a frame of `size` bytes at `sp` is aligned and lies in the application's RAM.
[[gnu::always_inline]] inline bool frame_is_there(std::uint32_t sp, std::uint32_t size = sizeof(Frame)) {
  if (frame_inside(sp, size, kApplicationRam, kApplicationRamSize)) [[likely]]
    return true;
  return frame_inside(sp, size, kApplicationRam4, kApplicationRam4Size);
}

/// The frame of application code that was interrupted; null if it is not in the application's RAM.
[[nodiscard]] inline Frame* application_frame(std::uint32_t exc_return) {
  const std::uint32_t sp = application_stack(control_of(exc_return));
  return frame_is_there(sp) ? reinterpret_cast<Frame*>(sp) : nullptr;
}

}  // namespace microvisor::firmware::kernel
