// SAES: AES with the chip's hardware unique key (RM0456 section 50), as far as the derivation of keys needs
// it: single blocks, encrypted in ECB with DHUK, 256 bits.
//
// DHUK depends on the security state of the block, the privilege of its user, KMOD and the life cycle of the
// chip (RM0456 sections 3.8.1 and 50.4.9): what is derived here is for the secure world of this chip in its
// present read-out protection alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Saes {
  volatile std::uint32_t cr;  // 0x000
  volatile std::uint32_t sr;
  volatile std::uint32_t dinr;
  volatile std::uint32_t doutr;
  std::uint32_t reserved[189];
  volatile std::uint32_t isr;  // 0x304
  volatile std::uint32_t icr;

  static constexpr std::uint32_t kBase = 0x520C'0C00;
  static constexpr std::uint32_t kEnable = 1u << 0;
  static constexpr std::uint32_t kBytes = 2u << 1;         // DATATYPE: bytes in memory order
  static constexpr std::uint32_t kLongKey = 1u << 18;      // KEYSIZE
  static constexpr std::uint32_t kHardwareKey = 1u << 28;  // KEYSEL: DHUK
  static constexpr std::uint32_t kReset = 1u << 31;        // IPRST
  static constexpr std::uint32_t kBusy = 1u << 3;          // SR
  static constexpr std::uint32_t kKeyValid = 1u << 7;      // SR
  static constexpr std::uint32_t kComplete = 1u << 0;      // ISR, ICR
  static constexpr std::uint32_t kErrors = 0xEu;           // ISR, ICR: access, key, random numbers
};
static_assert(offsetof(Saes, isr) == 0x304);

inline Saes& saes() { return *reinterpret_cast<Saes*>(Saes::kBase); }

using SaesBlock = std::array<std::uint8_t, 16>;

/// Makes the block secure, gives it its clocks and selects DHUK; the RNG has to run (start_rng), for the
/// block fetches random numbers. False if it does not get ready.
[[nodiscard]] bool start_saes();

/// Encrypts one block in place, after start_saes(). False if the block reports an error.
[[nodiscard]] bool saes_encrypt_with_hardware_key(SaesBlock& block);

/// Erases what the block holds of keys and data and takes its clock away.
void stop_saes();

}  // namespace microvisor::firmware::stm32u5
