// What is Microvisor's on this board: the one table of reserved peripherals, pins, interrupt lines and
// memories.
//
// Start-up closes what stands here and leaves the rest to the application; the end of an application that
// touches one of these is explained with the names from here; docs/reserved.md and the hostile tests are
// generated from it. Security bits are those of GTZC_TZSC and TZIC (RM0456 section 5.6), reserved pins keep
// clear of PA5, PA7, PB6, PB9, PB11, PD5 and PF3, which existing applications use.
//
// Of the serial ports USART1 is the second module's, because it alone has RX, TX, RTS and CTS together on
// port G, which is Microvisor's anyway (data sheet, alternate function AF7): no other port has to stay
// switched on for it. Existing applications use USART2.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

/// How a peripheral is kept from the application.
enum class Guard : std::uint8_t {
  Tzsc,     ///< its bit in TZSC: non-secure accesses read zero, write nothing and leave a flag in TZIC
  OwnBits,  ///< bits in its own SECCFGR: those parts read zero and ignore writes
  SauHole,  ///< the SAU has no region there: a SecureFault in the core
};

/// What becomes of an application that writes there.
enum class OnTouch : std::uint8_t { EndsApplication, Ignored };

struct ReservedPeripheral {
  const char* name;
  std::uint32_t address;  // non-secure alias
  std::uint32_t size;
  Guard guard;
  std::uint8_t controller;     // 1 or 2: GTZC; 0: none
  std::uint8_t security_word;  // SECCFGR and PRIVCFGR register, from 0 (Guard::Tzsc)
  std::uint8_t flag_word;      // TZIC SR and IER register, from 0
  std::uint8_t bit;            // of both; for other guards of the flag only
  OnTouch on_touch;
  const char* purpose;
};

inline constexpr std::array kReservedPeripherals{
    ReservedPeripheral{"TIM5", 0x4000'0C00, 0x400, Guard::Tzsc, 1, 0, 0, 3, OnTouch::EndsApplication,
                       "scheduler and microsecond clock"},
    ReservedPeripheral{"WWDG", 0x4000'2C00, 0x400, Guard::Tzsc, 1, 0, 0, 6, OnTouch::EndsApplication,
                       "could reset the chip"},
    ReservedPeripheral{"IWDG", 0x4000'3000, 0x400, Guard::Tzsc, 1, 0, 0, 7, OnTouch::EndsApplication,
                       "watchdog of the kernel"},
    ReservedPeripheral{"CRS", 0x4000'6000, 0x400, Guard::Tzsc, 1, 0, 0, 15, OnTouch::EndsApplication,
                       "trims the clock of the random number generator; through mvPeriphPoke32"},
    ReservedPeripheral{"ICACHE", 0x4003'0400, 0x400, Guard::Tzsc, 1, 2, 2, 6, OnTouch::Ignored,
                       "instruction cache, always on"},
    ReservedPeripheral{"DCACHE1", 0x4003'1400, 0x400, Guard::Tzsc, 1, 2, 2, 7, OnTouch::Ignored,
                       "data cache"},
    ReservedPeripheral{"OTG_FS", 0x4204'0000, 0x4'0000, Guard::Tzsc, 1, 2, 2, 10, OnTouch::EndsApplication,
                       "bus master whose transactions cannot be told apart"},
    ReservedPeripheral{"RNG", 0x420C'0800, 0x400, Guard::Tzsc, 1, 2, 2, 13, OnTouch::EndsApplication,
                       "random numbers for TLS"},
    ReservedPeripheral{"PKA", 0x420C'2000, 0x2000, Guard::Tzsc, 1, 2, 2, 14, OnTouch::EndsApplication,
                       "public-key arithmetic"},
    ReservedPeripheral{"SAES", 0x420C'0C00, 0x400, Guard::Tzsc, 1, 2, 2, 15, OnTouch::EndsApplication,
                       "wraps secrets with the chip's key"},
    ReservedPeripheral{"OCTOSPIM", 0x420C'4000, 0x400, Guard::Tzsc, 1, 2, 2, 16, OnTouch::EndsApplication,
                       "routes OCTOSPI1 to its pins"},
    ReservedPeripheral{"OCTOSPI1", 0x420D'1400, 0x400, Guard::Tzsc, 1, 2, 2, 20, OnTouch::EndsApplication,
                       "external flash: staged updates"},
    ReservedPeripheral{"RAMCFG", 0x4002'6000, 0x1000, Guard::Tzsc, 1, 2, 2, 22, OnTouch::EndsApplication,
                       "could erase any SRAM"},
    ReservedPeripheral{"USART1", 0x4001'3800, 0x400, Guard::Tzsc, 1, 1, 1, 3, OnTouch::EndsApplication,
                       "Wi-Fi module"},
    ReservedPeripheral{"LPUART1", 0x4600'2400, 0x400, Guard::Tzsc, 2, 0, 0, 1, OnTouch::EndsApplication,
                       "modem"},
    ReservedPeripheral{"FLASH", 0x4002'2000, 0x400, Guard::SauHole, 1, 0, 3, 1, OnTouch::EndsApplication,
                       "program memory and option bytes; FLASH_ACR through mvPeriphPeek32"},
    ReservedPeripheral{"OTFDEC1", 0x420C'5000, 0x400, Guard::OwnBits, 1, 0, 3, 3, OnTouch::EndsApplication,
                       "decryption of the external flash"},
    ReservedPeripheral{"GTZC1 TZSC", 0x4003'2400, 0x400, Guard::OwnBits, 1, 0, 3, 14,
                       OnTouch::EndsApplication, "security of peripherals (readable)"},
    ReservedPeripheral{"GTZC1 TZIC", 0x4003'2800, 0x400, Guard::OwnBits, 1, 0, 3, 15,
                       OnTouch::EndsApplication, "record of illegal accesses"},
    ReservedPeripheral{"GTZC1 MPCBB1", 0x4003'2C00, 0x400, Guard::OwnBits, 1, 0, 3, 25,
                       OnTouch::EndsApplication, "security of SRAM1"},
    ReservedPeripheral{"GTZC1 MPCBB2", 0x4003'3000, 0x400, Guard::OwnBits, 1, 0, 3, 27,
                       OnTouch::EndsApplication, "security of SRAM2"},
    ReservedPeripheral{"GTZC1 MPCBB3", 0x4003'3400, 0x400, Guard::OwnBits, 1, 0, 3, 29,
                       OnTouch::EndsApplication, "security of SRAM3"},
    ReservedPeripheral{"SYSCFG", 0x4600'0400, 0x400, Guard::OwnBits, 2, 0, 1, 0, OnTouch::EndsApplication,
                       "locks of the core's security registers"},
    ReservedPeripheral{
        "RTC", 0x4600'7800, 0x400, Guard::OwnBits, 2, 0, 1, 1, OnTouch::EndsApplication,
        "setting and calibration of the clock, alarm B; alarm A and wake-up timer are the application's"},
    ReservedPeripheral{"TAMP", 0x4600'7C00, 0x400, Guard::OwnBits, 2, 0, 1, 2, OnTouch::EndsApplication,
                       "tamper control and backup registers 0 to 15; 16 to 31 are the application's"},
    ReservedPeripheral{"PWR", 0x4602'0800, 0x400, Guard::OwnBits, 2, 0, 1, 3, OnTouch::Ignored,
                       "voltage and low-power modes, WKUP8; the other wake-up pins are the application's"},
    ReservedPeripheral{
        "RCC", 0x4602'0C00, 0x400, Guard::OwnBits, 2, 0, 1, 4, OnTouch::Ignored,
        "clock tree; bits of the application's peripherals are open, also through mvPeriphPoke32"},
    ReservedPeripheral{"EXTI", 0x4602'2000, 0x400, Guard::OwnBits, 2, 0, 1, 6, OnTouch::Ignored,
                       "line 16 (supply monitor); the other lines are the application's"},
    ReservedPeripheral{"GTZC2 TZSC", 0x4602'3000, 0x400, Guard::OwnBits, 2, 0, 1, 14,
                       OnTouch::EndsApplication, "security of peripherals (readable)"},
    ReservedPeripheral{"GTZC2 TZIC", 0x4602'3400, 0x400, Guard::OwnBits, 2, 0, 1, 15,
                       OnTouch::EndsApplication, "record of illegal accesses"},
    ReservedPeripheral{"GTZC2 MPCBB4", 0x4602'3800, 0x400, Guard::OwnBits, 2, 0, 1, 25,
                       OnTouch::EndsApplication, "security of SRAM4"},
};

struct ReservedPin {
  char port;
  std::uint8_t pin;
  std::uint8_t alternate;  // 0xFF: plain output
  const char* purpose;
};
inline constexpr std::uint8_t kPlainOutput = 0xFF;

inline constexpr std::array kReservedPins{
    ReservedPin{'G', 7, 8, "LPUART1 TX, to the modem"},
    ReservedPin{'G', 8, 8, "LPUART1 RX, from the modem"},
    ReservedPin{'G', 6, 8, "LPUART1 RTS, to the modem"},
    ReservedPin{'G', 5, 8, "LPUART1 CTS, from the modem"},
    ReservedPin{'G', 9, 7, "USART1 TX, to the Wi-Fi module"},
    ReservedPin{'G', 10, 7, "USART1 RX, from the Wi-Fi module"},
    ReservedPin{'G', 12, 7, "USART1 RTS, to the Wi-Fi module"},
    ReservedPin{'G', 11, 7, "USART1 CTS, from the Wi-Fi module"},
    ReservedPin{'E', 10, 10, "OCTOSPI1 clock"},
    ReservedPin{'E', 11, 10, "OCTOSPI1 chip select"},
    ReservedPin{'E', 12, 10, "OCTOSPI1 data 0"},
    ReservedPin{'E', 13, 10, "OCTOSPI1 data 1"},
    ReservedPin{'E', 14, 10, "OCTOSPI1 data 2"},
    ReservedPin{'E', 15, 10, "OCTOSPI1 data 3"},
    ReservedPin{'C', 1, 10, "OCTOSPI1 data 4"},
    ReservedPin{'C', 2, 10, "OCTOSPI1 data 5"},
    ReservedPin{'C', 3, 10, "OCTOSPI1 data 6"},
    ReservedPin{'C', 0, 3, "OCTOSPI1 data 7"},
    ReservedPin{'E', 3, 3, "OCTOSPI1 data strobe"},
    ReservedPin{'H', 7, kPlainOutput, "status LED, active low"},
};
inline constexpr ReservedPin kStatusLed = kReservedPins.back();

/// Pins of a port that are Microvisor's, as a mask.
[[nodiscard]] constexpr std::uint32_t reserved_pins(char port) {
  std::uint32_t mask = 0;
  for (const ReservedPin& pin : kReservedPins) {
    if (pin.port == port) mask |= 1u << pin.pin;
  }
  return mask;
}

struct ReservedLine {
  std::uint8_t line;
  const char* name;
};

/// Interrupt lines that stay Secure. All others are the application's.
inline constexpr std::array kReservedLines{
    ReservedLine{0, "WWDG"},      ReservedLine{1, "PVD_PVM"},   ReservedLine{3, "RTC_S"},
    ReservedLine{4, "TAMP"},      ReservedLine{5, "RAMCFG"},    ReservedLine{6, "FLASH"},
    ReservedLine{7, "FLASH_S"},   ReservedLine{8, "GTZC"},      ReservedLine{9, "RCC"},
    ReservedLine{10, "RCC_S"},    ReservedLine{27, "IWDG"},     ReservedLine{28, "SAES"},
    ReservedLine{48, "TIM5"},     ReservedLine{61, "USART1"},   ReservedLine{66, "LPUART1"},
    ReservedLine{73, "OTG_FS"},   ReservedLine{74, "CRS"},      ReservedLine{76, "OCTOSPI1"},
    ReservedLine{77, "PWR_S3WU"}, ReservedLine{94, "RNG"},      ReservedLine{97, "PKA"},
    ReservedLine{107, "ICACHE"},  ReservedLine{108, "OTFDEC1"}, ReservedLine{111, "DCACHE1"},
};

[[nodiscard]] constexpr bool line_is_reserved(unsigned line) {
  for (const ReservedLine& reserved : kReservedLines) {
    if (reserved.line == line) return true;
  }
  return false;
}

struct ReservedMemory {
  const char* name;
  std::uint32_t address;  // by the alias the application would try
  std::uint32_t size;
  const char* purpose;
};

inline constexpr std::array kReservedMemories{
    ReservedMemory{"flash bank 2", 0x0810'0000, 0x10'0000, "boot stages, kernel, vault"},
    ReservedMemory{"flash bank 2, secure alias", kMicrovisorFlash, 0x10'0000 - kPageSize, "the same"},
    ReservedMemory{"flash bank 1, secure alias", 0x0C00'0000, 0x10'0000,
                   "the application's flash is reached at 0x08000000 only"},
    ReservedMemory{"upper half of SRAM3", 0x2008'0000, kMicrovisorRamSize, "kernel"},
    ReservedMemory{"SRAM, secure alias", 0x3000'0000, 0xC'0000,
                   "kernel, and the application's RAM by a wrong name"},
    ReservedMemory{"SRAM, code bus", 0x0A00'0000, 0xC'0000, "second way to the SRAMs"},
    ReservedMemory{"SRAM, code bus, secure alias", 0x0E00'0000, 0xC'0000, "second way to the SRAMs"},
    ReservedMemory{"BKPSRAM", 0x4003'6400, kBackupRamSize, "what the kernel keeps across resets"},
    ReservedMemory{"peripherals, secure alias", 0x5000'0000, 0x1000'0000,
                   "the application's peripherals are reached at 0x40000000"},
    ReservedMemory{"system memory and OTP", 0x0BF9'0000, 0x1'0500,
                   "vendor's boot loader, one-time programmable rows"},
    ReservedMemory{"external flash", 0x9000'0000, 0x1000'0000, "staged updates"},
};

}  // namespace microvisor::firmware::kernel
