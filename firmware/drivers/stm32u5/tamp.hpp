// TAMP and the security side of RTC (RM0456 sections 63 and 64).
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Tamp {
  volatile std::uint32_t cr1;  // 0x00
  std::uint32_t reserved0[7];
  volatile std::uint32_t seccfgr;  // 0x20
  volatile std::uint32_t privcfgr;

  static constexpr std::uint32_t kBase = 0x5600'7C00;
  static constexpr std::uint32_t kSecure = 1u << 31;
  static constexpr std::uint32_t kCounterSecure = 1u << 15;
  /// The first 16 backup registers can be read and written by the Secure world only.
  static constexpr std::uint32_t kSixteenBackupRegisters = (16u << 16) | 16u;
};
static_assert(offsetof(Tamp, seccfgr) == 0x20);

inline Tamp& tamp() { return *reinterpret_cast<Tamp*>(Tamp::kBase); }

/// RTC_SECCFGR, and the bits that are Microvisor's: alarm B (check-in), calibration and setting of the clock.
inline constexpr std::uint32_t kRtcSecurity = 0x5600'7820;
inline constexpr std::uint32_t kRtcSecureParts = (1u << 1) | (1u << 13) | (1u << 14);

}  // namespace microvisor::firmware::stm32u5
