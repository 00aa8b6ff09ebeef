// SCB: the system control block of the core (Armv8-M Architecture Reference Manual, D1.2), in the Secure view
// and, through the alias at 0xE002'0000, in the Non-secure one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Scb {
  volatile std::uint32_t cpuid;  // 0xD00
  volatile std::uint32_t icsr;
  volatile std::uint32_t vtor;  // 0xD08
  volatile std::uint32_t aircr;
  volatile std::uint32_t scr;  // 0xD10
  volatile std::uint32_t ccr;
  volatile std::uint8_t shpr[12];  // 0xD18: priorities of exceptions 4 to 15, one byte each
  volatile std::uint32_t shcsr;    // 0xD24
  volatile std::uint32_t cfsr;
  volatile std::uint32_t hfsr;  // 0xD2C
  volatile std::uint32_t dfsr;
  volatile std::uint32_t mmfar;  // 0xD34
  volatile std::uint32_t bfar;
  volatile std::uint32_t afsr;
  std::uint32_t reserved0[18];
  volatile std::uint32_t cpacr;  // 0xD88
  volatile std::uint32_t nsacr;

  static constexpr std::uint32_t kSecureBase = 0xE000'ED00;
  static constexpr std::uint32_t kNonSecureBase = 0xE002'ED00;

  // ICSR
  static constexpr std::uint32_t kPendSvSet = 1u << 28;
  static constexpr std::uint32_t kPendSvClear = 1u << 27;
  static constexpr std::uint32_t kSysTickSet = 1u << 26;
  static constexpr std::uint32_t kSysTickClear = 1u << 25;
  // AIRCR
  static constexpr std::uint32_t kKey = 0x05FAu << 16;
  static constexpr std::uint32_t kSystemReset = 1u << 2;
  static constexpr std::uint32_t kSystemResetSecureOnly = 1u << 3;
  static constexpr std::uint32_t kNonSecureFaults = 1u << 13;  // BFHFNMINS
  static constexpr std::uint32_t kPrioritiseSecure = 1u << 14;
  // SCR
  static constexpr std::uint32_t kSleepDeep = 1u << 2;
  static constexpr std::uint32_t kSleepDeepSecureOnly = 1u << 3;
  static constexpr std::uint32_t kSendEventOnPend = 1u << 4;
  // CCR: reset value of the implemented bits (STKALIGN is always one)
  static constexpr std::uint32_t kCcrReset = 0x0000'0201;
  static constexpr std::uint32_t kDivideByZeroTrap = 1u << 4;
  // SHCSR
  static constexpr std::uint32_t kSecureFaultActive = 1u << 4;
  static constexpr std::uint32_t kMonitorActive = 1u << 8;
  static constexpr std::uint32_t kPendSvActive = 1u << 10;
  static constexpr std::uint32_t kSysTickActive = 1u << 11;
  static constexpr std::uint32_t kActive = 0x0FFF;            // one bit an exception
  static constexpr std::uint32_t kFaultEnables = 0xFu << 16;  // MemManage, BusFault, UsageFault, SecureFault
  // CFSR
  static constexpr std::uint32_t kImpreciseBusError = 1u << 10;
  static constexpr std::uint32_t kPreciseBusError = 1u << 9;
  static constexpr std::uint32_t kBusFaults = 0x0000'FF00;
  static constexpr std::uint32_t kBfarValid = 1u << 15;
  static constexpr std::uint32_t kMmfarValid = 1u << 7;
  // DFSR
  static constexpr std::uint32_t kDebugStep = 1u << 0;
  static constexpr std::uint32_t kDebugBreakpoint = 1u << 1;
  static constexpr std::uint32_t kDebugWatchpoint = 1u << 2;
  // HFSR
  static constexpr std::uint32_t kForced = 1u << 30;
  // NSACR, CPACR
  static constexpr std::uint32_t kFpuNonSecure = 3u << 10;
  static constexpr std::uint32_t kFpuFullAccess = 0xFu << 20;
};
static_assert(offsetof(Scb, shcsr) == 0x24 && offsetof(Scb, cpacr) == 0x88);

inline Scb& scb() { return *reinterpret_cast<Scb*>(Scb::kSecureBase); }
inline Scb& scb_nonsecure() { return *reinterpret_cast<Scb*>(Scb::kNonSecureBase); }

/// Number of the exception that is running; 0 in thread mode.
inline std::uint32_t current_exception() {
  std::uint32_t ipsr = 0;
  asm volatile("mrs %0, ipsr" : "=r"(ipsr));
  return ipsr;
}

/// Index into Scb::shpr of a system exception, 4 to 15.
constexpr unsigned priority_index(unsigned exception) { return exception - 4; }

/// Floating-point context control (D1.2.100); the Non-secure view is kNonSecureOffset higher.
inline constexpr std::uint32_t kFpccr = 0xE000'EF34;
inline constexpr std::uint32_t kFpccrReset = 0xC000'0000;  // ASPEN, LSPEN
inline constexpr std::uint32_t kMvfr0 = 0xE000'EF40;       // zero: no FPU
inline constexpr std::uint32_t kNonSecureOffset = 0x2'0000;

inline volatile std::uint32_t& core_register(std::uint32_t address) {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

/// Resets the chip through AIRCR.
[[noreturn]] inline void system_reset() {
  asm volatile("dsb" : : : "memory");
  scb().aircr = Scb::kKey | (scb().aircr & 0xFFF8u) | Scb::kSystemReset;
  asm volatile("dsb" : : : "memory");
  for (;;) {
  }
}

}  // namespace microvisor::firmware::stm32u5
