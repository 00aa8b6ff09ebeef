// EXTI: edges on pins and of some blocks (RM0456 section 23). Lines belong to one world each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Exti {
  volatile std::uint32_t rtsr1;  // 0x00
  volatile std::uint32_t ftsr1;
  volatile std::uint32_t swier1;
  volatile std::uint32_t rpr1;
  volatile std::uint32_t fpr1;  // 0x10
  volatile std::uint32_t seccfgr1;
  volatile std::uint32_t privcfgr1;
  std::uint32_t reserved0[17];
  volatile std::uint32_t exticr[4];  // 0x60
  volatile std::uint32_t lockr;      // 0x70
  std::uint32_t reserved1[3];
  volatile std::uint32_t imr1;  // 0x80
  volatile std::uint32_t emr1;

  static constexpr std::uint32_t kBase = 0x5602'2000;
};
static_assert(offsetof(Exti, seccfgr1) == 0x14 && offsetof(Exti, exticr) == 0x60 &&
              offsetof(Exti, imr1) == 0x80);

inline Exti& exti() { return *reinterpret_cast<Exti*>(Exti::kBase); }

}  // namespace microvisor::firmware::stm32u5
