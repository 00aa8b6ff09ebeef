// NVIC: interrupt lines of the core (Armv8-M Architecture Reference Manual, D1.2). A line belongs to one
// world, chosen in ITNS; the Secure view reaches all of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Nvic {
  volatile std::uint32_t iser[16];  // 0x100
  std::uint32_t reserved0[16];
  volatile std::uint32_t icer[16];  // 0x180
  std::uint32_t reserved1[16];
  volatile std::uint32_t ispr[16];  // 0x200
  std::uint32_t reserved2[16];
  volatile std::uint32_t icpr[16];  // 0x280
  std::uint32_t reserved3[16];
  volatile std::uint32_t iabr[16];  // 0x300
  std::uint32_t reserved4[16];
  volatile std::uint32_t itns[16];  // 0x380
  std::uint32_t reserved5[16];
  volatile std::uint8_t ipr[480];  // 0x400

  static constexpr std::uint32_t kBase = 0xE000'E100;
  static constexpr unsigned kLines = 126;  // STM32U585: 0 to 125 (RM0456 table 160)
  static constexpr unsigned kWords = 4;
};
static_assert(offsetof(Nvic, itns) == 0x280 && offsetof(Nvic, ipr) == 0x300);

inline Nvic& nvic() { return *reinterpret_cast<Nvic*>(Nvic::kBase); }

/// Interrupt lines of the STM32U585 that the firmware names (RM0456 table 160).
enum Line : std::uint8_t {
  kLineRtcSecure = 3,
  kLineTamp = 4,
  kLineRamcfg = 5,
  kLineFlash = 6,
  kLineFlashSecure = 7,
  kLineGtzc = 8,
  kLineRcc = 9,
  kLineRccSecure = 10,
  kLineIwdg = 27,
  kLineSaes = 28,
  kLineTim5 = 48,
  kLineUsart1 = 61,
  kLineLpuart1 = 66,
  kLineOtgFs = 73,
  kLineCrs = 74,
  kLineOctospi1 = 76,
  kLineRng = 94,
  kLinePka = 97,
  kLineIcache = 107,
  kLineOtfdec1 = 108,
  kLineDcache1 = 111,
};

constexpr std::uint32_t line_bit(unsigned line) { return 1u << (line % 32); }

inline void enable_line(unsigned line) { nvic().iser[line / 32] = line_bit(line); }
inline void disable_line(unsigned line) { nvic().icer[line / 32] = line_bit(line); }
inline void pend_line(unsigned line) { nvic().ispr[line / 32] = line_bit(line); }
inline void clear_pending_line(unsigned line) { nvic().icpr[line / 32] = line_bit(line); }
[[nodiscard]] inline bool line_is_pending(unsigned line) {
  return (nvic().ispr[line / 32] & line_bit(line)) != 0;
}
[[nodiscard]] inline bool line_is_active(unsigned line) {
  return (nvic().iabr[line / 32] & line_bit(line)) != 0;
}
[[nodiscard]] inline bool line_is_nonsecure(unsigned line) {
  return (nvic().itns[line / 32] & line_bit(line)) != 0;
}

}  // namespace microvisor::firmware::stm32u5
