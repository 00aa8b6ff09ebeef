// SAU: security attribution of addresses (Armv8-M Architecture Reference Manual, D1.2), with the secure fault
// registers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Sau {
  volatile std::uint32_t ctrl;  // 0xDD0
  volatile std::uint32_t type;
  volatile std::uint32_t rnr;
  volatile std::uint32_t rbar;
  volatile std::uint32_t rlar;  // 0xDE0
  volatile std::uint32_t sfsr;
  volatile std::uint32_t sfar;

  static constexpr std::uint32_t kBase = 0xE000'EDD0;
  static constexpr std::uint32_t kEnable = 1;
  static constexpr unsigned kRegions = 8;
  // SFSR
  static constexpr std::uint32_t kInvalidEntry = 1u << 0;
  static constexpr std::uint32_t kInvalidTransition = 1u << 4;
  static constexpr std::uint32_t kAddressValid = 1u << 6;
};
static_assert(offsetof(Sau, sfsr) == 0x14);

inline Sau& sau() { return *reinterpret_cast<Sau*>(Sau::kBase); }

}  // namespace microvisor::firmware::stm32u5
