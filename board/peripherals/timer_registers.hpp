// Registers and bits of the timers (RM0456 54.6, 55.5, 57.8), as far as the model has to name them.
#pragma once

#include <cstdint>

#include "board/peripherals/register_block.hpp"

namespace microvisor::board::timer_registers {

enum Offset : std::uint32_t {
  kCr1 = 0x00,
  kCr2 = 0x04,
  kSmcr = 0x08,
  kDier = 0x0C,
  kSr = 0x10,
  kEgr = 0x14,
  kCcmr1 = 0x18,
  kCcmr2 = 0x1C,
  kCcer = 0x20,
  kCnt = 0x24,
  kPsc = 0x28,
  kArr = 0x2C,
  kRcr = 0x30,
  kCcr1 = 0x34,
  kCcr4 = 0x40,
  kBdtr = 0x44,
  kCcr5 = 0x48,
  kCcr6 = 0x4C,
  kCcmr3 = 0x50,
  kAf1 = 0x60,
  kPlainEnd = 0x70,
  kDcr = 0x3DC,
  kDmar = 0x3E0,
};

// CR1
inline constexpr unsigned kCen = 0, kUdis = 1, kUrs = 2, kOpm = 3, kDir = 4, kArpe = 7, kUifRemap = 11;
inline constexpr std::uint32_t kUif = bit(0), kBif = bit(7), kB2if = bit(8), kSbif = bit(13);
inline constexpr unsigned kMoe = 15, kAoe = 14;
// SMCR
inline constexpr unsigned kEce = 14;
inline constexpr unsigned kSlaveLastEncoder = 3, kSlaveReset = 4, kSlaveGated = 5, kSlaveTrigger = 6,
                          kSlaveClock = 7, kSlaveResetTrigger = 8, kSlaveGatedReset = 9;
// CR2.MMS
inline constexpr unsigned kMasterReset = 0, kMasterEnable = 1, kMasterUpdate = 2, kMasterCompare = 3,
                          kMasterReference1 = 4;
inline constexpr std::uint32_t kTif = bit(6);

constexpr std::uint32_t compare_flag(unsigned channel) {
  return channel < 4 ? bit(1 + channel) : bit(12 + channel);
}

}  // namespace microvisor::board::timer_registers
