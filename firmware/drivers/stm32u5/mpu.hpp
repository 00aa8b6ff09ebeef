// MPU (Armv8-M Architecture Reference Manual, D1.2): one for each world.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Mpu {
  volatile std::uint32_t type;  // 0xD90
  volatile std::uint32_t ctrl;
  volatile std::uint32_t rnr;
  volatile std::uint32_t rbar;
  volatile std::uint32_t rlar;  // 0xDA0
  std::uint32_t aliases[6];
  std::uint32_t reserved;
  volatile std::uint32_t mair0;  // 0xDC0
  volatile std::uint32_t mair1;

  static constexpr std::uint32_t kNonSecureBase = 0xE002'ED90;
  static constexpr unsigned kRegions = 8;
};
static_assert(offsetof(Mpu, mair0) == 0x30);

inline Mpu& mpu_nonsecure() { return *reinterpret_cast<Mpu*>(Mpu::kNonSecureBase); }

}  // namespace microvisor::firmware::stm32u5
