// SYSCFG: locks of the core's security registers, and which world may touch the rest (RM0456 section 15).
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Syscfg {
  volatile std::uint32_t seccfgr;  // 0x00
  volatile std::uint32_t cfgr1;
  volatile std::uint32_t fpuimr;
  volatile std::uint32_t cnslckr;  // 0x0C
  volatile std::uint32_t cslckr;   // 0x10

  static constexpr std::uint32_t kBase = 0x5600'0400;
  // SECCFGR
  static constexpr std::uint32_t kSecure = 1u << 0;
  static constexpr std::uint32_t kClassBSecure = 1u << 1;
  // CSLCKR: set-only until reset
  static constexpr std::uint32_t kLockVectorsAndPriorities = 1u << 0;
  static constexpr std::uint32_t kLockMpu = 1u << 1;
  static constexpr std::uint32_t kLockSau = 1u << 2;
};
static_assert(offsetof(Syscfg, cslckr) == 0x10);

inline Syscfg& syscfg() { return *reinterpret_cast<Syscfg*>(Syscfg::kBase); }

}  // namespace microvisor::firmware::stm32u5
