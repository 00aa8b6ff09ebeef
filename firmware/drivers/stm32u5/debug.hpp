// Debug units of the core as software of the Secure state sees them: DebugMonitor's control, breakpoints
// (FPB) and watchpoints (DWT). Armv8-M Architecture Reference Manual, part B "Debug" and D1.2; the counts are
// of the Cortex-M33 of the STM32U5 (its Technical Reference Manual, sections 13 and 14).
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct DebugControl {
  volatile std::uint32_t demcr;  // 0xDFC
  std::uint32_t reserved0;
  volatile std::uint32_t dauthctrl;  // 0xE04, Secure only

  static constexpr std::uint32_t kBase = 0xE000'EDFC;
  // DEMCR. Without SDME DebugMonitor is the Non-secure state's.
  static constexpr std::uint32_t kMonitorEnable = 1u << 16;
  static constexpr std::uint32_t kMonitorPend = 1u << 17;
  static constexpr std::uint32_t kMonitorStep = 1u << 18;
  static constexpr std::uint32_t kTrace = 1u << 24;  // TRCENA: without it there is no DWT
  // DAUTHCTRL: SPIDENSEL, INTSPIDEN. Both set give DEMCR.SDME, whatever the debug port's inputs say.
  static constexpr std::uint32_t kSecureSelfHosted = 3;
};
static_assert(offsetof(DebugControl, dauthctrl) == 8);

struct BreakpointUnit {
  volatile std::uint32_t ctrl;  // 0xE000'2000
  std::uint32_t reserved0;
  volatile std::uint32_t comparators[8];  // address, bit 0: enabled

  static constexpr std::uint32_t kBase = 0xE000'2000;
  static constexpr std::uint32_t kEnable = 3;   // KEY, ENABLE
  static constexpr std::uint32_t kDisable = 2;  // KEY
  static constexpr unsigned kCount = 8;
};

struct WatchpointUnit {
  struct Comparator {
    volatile std::uint32_t value;
    std::uint32_t reserved0;
    volatile std::uint32_t function;
    std::uint32_t reserved1;
  };
  volatile std::uint32_t ctrl;  // 0xE000'1000
  volatile std::uint32_t cyccnt;
  std::uint32_t reserved0[6];
  Comparator comparators[4];  // 0x20

  static constexpr std::uint32_t kBase = 0xE000'1000;
  static constexpr unsigned kCount = 4;
  static constexpr std::uint32_t kCycleCounter = 1;  // CTRL.CYCCNTENA
  // FUNCTION: MATCH, with ACTION = debug event
  static constexpr std::uint32_t kReadOrWrite = 4 | 1u << 4;
  static constexpr std::uint32_t kWrite = 5 | 1u << 4;
  static constexpr std::uint32_t kRead = 6 | 1u << 4;
  static constexpr unsigned kSizeShift = 10;           // DATAVSIZE: logarithm of the bytes
  static constexpr std::uint32_t kMatched = 1u << 24;  // reading clears it
};
static_assert(offsetof(WatchpointUnit, comparators) == 0x20);

inline DebugControl& debug_control() { return *reinterpret_cast<DebugControl*>(DebugControl::kBase); }
inline BreakpointUnit& breakpoint_unit() { return *reinterpret_cast<BreakpointUnit*>(BreakpointUnit::kBase); }
inline WatchpointUnit& watchpoint_unit() { return *reinterpret_cast<WatchpointUnit*>(WatchpointUnit::kBase); }

}  // namespace microvisor::firmware::stm32u5
