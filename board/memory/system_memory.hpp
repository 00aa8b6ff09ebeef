// System memory: boot ROM area and engineering data (RM0456 chapter 76, device electronic signature).
//
// The vendor's boot loader is not part of the model: its area reads zero. OTP cells belong to the flash
// interface.
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::board {

inline constexpr std::uint32_t kSystemMemory = 0x0BF9'0000;
inline constexpr std::uint32_t kSystemMemorySize = 0x2'0000;
inline constexpr std::uint32_t kOtpBase = 0x0BFA'0000;
inline constexpr std::uint32_t kUniqueId = 0x0BFA'0700;
inline constexpr std::uint32_t kFlashSizeRegister = 0x0BFA'07A0;

/// The byte at an address in system memory, OTP excepted.
constexpr std::uint8_t system_memory_byte(std::uint32_t address, const std::array<std::uint8_t, 12>& uid) {
  constexpr std::uint16_t kKilobytes = 2048;
  if (address - kUniqueId < uid.size()) return uid[address - kUniqueId];
  if (address == kFlashSizeRegister) return kKilobytes & 0xFF;
  if (address == kFlashSizeRegister + 1) return kKilobytes >> 8;
  return 0;
}

}  // namespace microvisor::board
