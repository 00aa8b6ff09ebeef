// Trap gates: what a branch to a gate address looks like, and how the caller goes on.
//
// The gates are plain Secure memory, so the branch raises SecureFault.INVEP with the return address already
// in LR and the gate as the stacked PC (docs/kernel.md). The handler performs the call on the caller's frame
// and returns behind the call.
#pragma once

#include <bit>
#include <cstdint>

#include "abi/interface.hpp"

namespace microvisor::firmware::kernel {

/// The basic exception frame (Armv8-M Architecture Reference Manual, B3.19), on the application's stack.
struct Frame {
  abi::Registers arguments;  // r0 to r3
  std::uint32_t r12, lr, pc, xpsr;
};

inline constexpr std::uint32_t kXpsrThumb = 1u << 24;
inline constexpr std::uint32_t kXpsrIfThen = 0x0600'FC00;
inline constexpr std::uint32_t kXpsrException = 0x1FF;

/// EXC_RETURN (B3.22).
inline constexpr std::uint32_t kReturnSecureFrame = 1u << 6;
inline constexpr std::uint32_t kReturnNoStateContext = 1u << 5;  // DCRS
inline constexpr std::uint32_t kReturnThread = 1u << 3;
inline constexpr std::uint32_t kReturnProcessStack = 1u << 2;
/// Size of the additional state context in front of a frame whose EXC_RETURN.DCRS is zero, in words.
inline constexpr std::uint32_t kStateContextWords = 10;

/// The slot a stacked PC stands for; kGateCount or more if it is no gate.
[[nodiscard]] constexpr unsigned gate_slot(std::uint32_t pc) {
  static_assert(abi::kGateStride == 8);
  // Rotated, what lies below the base or off the stride becomes huge.
  return std::rotr(pc - abi::kGateBase, 3);
}

/// Where a call whose LR is `lr` returns to. A handler whose last act is a tail call arrives with LR =
/// EXC_RETURN, which a stacked PC cannot hold: it goes on at `return_instruction`, a `bx lr` in the
/// application's flash. If that is 0, because there is none, it ends at address 0, which is no memory of its
/// own.
[[nodiscard]] constexpr std::uint32_t return_address(std::uint32_t lr,
                                                     const std::uint32_t& return_instruction) {
  constexpr std::uint32_t kMagic = 0xFE00'0000;  // FNC_RETURN and EXC_RETURN lie above
  if (lr >= kMagic) [[unlikely]]
    return return_instruction | 1;
  return lr;
}

/// Makes the frame return behind the call, to `address`, with `status`.
constexpr void finish_call(Frame& frame, std::uint32_t address, abi::Status status) {
  frame.arguments.r[0] = static_cast<std::uint32_t>(status);
  frame.pc = address & ~1u;
  frame.xpsr = (frame.xpsr & ~(kXpsrIfThen | kXpsrThumb)) | ((address & 1) != 0 ? kXpsrThumb : 0);
}

}  // namespace microvisor::firmware::kernel
