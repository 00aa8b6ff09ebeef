// Trap gates: what a branch to a gate address looks like, and how the caller goes on.
//
// The gates are plain Secure memory, so the branch raises SecureFault.INVEP with the return address already
// in LR and the gate as the stacked PC (docs/kernel.md). The handler performs the call on the caller's frame
// and returns behind the call.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/interface.hpp"

namespace microvisor::firmware::kernel {

/// The basic exception frame (Armv8-M Architecture Reference Manual, B3.19), on the application's stack.
struct Frame {
  std::uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
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

/// The slot a stacked PC stands for; nothing if it is no gate.
[[nodiscard]] constexpr std::optional<unsigned> gate_slot(std::uint32_t pc) {
  const std::uint32_t offset = pc - abi::kGateBase;  // below the base it becomes huge
  if (offset >= abi::kGateCount * abi::kGateStride || offset % abi::kGateStride != 0) return std::nullopt;
  return offset / abi::kGateStride;
}

/// Makes the frame return behind the call with `status`. A handler whose last act is a tail call arrives with
/// LR = EXC_RETURN, which a stacked PC cannot hold: it goes on at `return_instruction`, a `bx lr` in the
/// application's flash.
constexpr void finish_call(Frame& frame, abi::Status status, std::uint32_t return_instruction) {
  constexpr std::uint32_t kMagic = 0xFE00'0000;  // FNC_RETURN and EXC_RETURN lie above
  const std::uint32_t to = frame.lr >= kMagic ? return_instruction | 1 : frame.lr;
  frame.r0 = static_cast<std::uint32_t>(status);
  frame.pc = to & ~1u;
  frame.xpsr = (frame.xpsr & ~(kXpsrIfThen | kXpsrThumb)) | ((to & 1) != 0 ? kXpsrThumb : 0);
}

}  // namespace microvisor::firmware::kernel
