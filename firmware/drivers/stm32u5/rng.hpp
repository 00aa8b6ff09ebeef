// RNG: the true random number generator (RM0456 section 45).
#pragma once

#include <cstdint>
#include <span>

namespace microvisor::firmware::stm32u5 {

struct Rng {
  volatile std::uint32_t cr;  // 0x00
  volatile std::uint32_t sr;
  volatile std::uint32_t dr;
  volatile std::uint32_t nscr;
  volatile std::uint32_t htcr;  // 0x10

  static constexpr std::uint32_t kBase = 0x520C'0800;
  static constexpr std::uint32_t kEnable = 1u << 2;
  static constexpr std::uint32_t kConditioningReset = 1u << 30;
  static constexpr std::uint32_t kDataReady = 1u << 0;
  static constexpr std::uint32_t kClockError = 1u << 1;  // CECS
  static constexpr std::uint32_t kSeedError = 1u << 2;   // SECS
  static constexpr std::uint32_t kErrorLatches = (1u << 5) | (1u << 6);
  /// NIST SP800-90B compliant configuration A: CONFIG1 0xF, CONFIG2 0, CONFIG3 0xD, CLKDIV 0 (AN4230).
  static constexpr std::uint32_t kConfigurationA = 0x00F0'0D00;
  static constexpr std::uint32_t kHealthTestsA = 0x0000'AAC7;
};

inline Rng& rng() { return *reinterpret_cast<Rng*>(Rng::kBase); }

/// Starts HSI48 and the generator. Call once.
void start_rng();

/// Fills `out`; false if the generator keeps reporting a fault or does not deliver.
[[nodiscard]] bool read_rng(std::span<std::uint8_t> out);

}  // namespace microvisor::firmware::stm32u5
