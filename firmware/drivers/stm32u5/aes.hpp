// AES: AES-256-GCM by the chip (RM0456 section 49). The block is the application's once it runs; before that
// what is sealed on the device is opened with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::stm32u5 {

struct Aes {
  volatile std::uint32_t cr;  // 0x000
  volatile std::uint32_t sr;
  volatile std::uint32_t dinr;
  volatile std::uint32_t doutr;
  volatile std::uint32_t keyr_low[4];   // 0x010: KEYR0 to 3
  volatile std::uint32_t ivr[4];        // 0x020
  volatile std::uint32_t keyr_high[4];  // 0x030: KEYR4 to 7
  std::uint32_t reserved[177];
  volatile std::uint32_t isr;  // 0x304
  volatile std::uint32_t icr;

  static constexpr std::uint32_t kBase = 0x520C'0000;
  static constexpr std::uint32_t kEnable = 1u << 0;
  static constexpr std::uint32_t kBytes = 2u << 1;     // DATATYPE: bytes in memory order
  static constexpr std::uint32_t kDecrypt = 2u << 3;   // MODE
  static constexpr std::uint32_t kGcm = 3u << 5;       // CHMOD
  static constexpr std::uint32_t kHeader = 1u << 13;   // GCMPH
  static constexpr std::uint32_t kPayload = 2u << 13;  // GCMPH
  static constexpr std::uint32_t kFinal = 3u << 13;    // GCMPH
  static constexpr std::uint32_t kLongKey = 1u << 18;  // KEYSIZE
  static constexpr unsigned kUnusedShift = 20;         // NPBLB: bytes of the last block that do not count
  static constexpr std::uint32_t kReset = 1u << 31;    // IPRST
  static constexpr std::uint32_t kComplete = 1u << 0;  // ISR, ICR
};
static_assert(offsetof(Aes, keyr_high) == 0x30 && offsetof(Aes, isr) == 0x304);

inline Aes& aes() { return *reinterpret_cast<Aes*>(Aes::kBase); }

/// A message on its way through the block: start, update, finish, stop. One at a time.
class AesGcm {
 public:
  /// Gives the block its clock and does the phases before the payload. False if it does not get ready.
  [[nodiscard]] static bool start(bool decrypt, std::span<const std::uint8_t, 32> key,
                                  std::span<const std::uint8_t> context,
                                  std::span<const std::uint8_t, 12> nonce);
  /// In place; whole blocks of 16 bytes but for the last piece.
  [[nodiscard]] static bool update(std::span<std::uint8_t> data);
  [[nodiscard]] static bool finish(std::array<std::uint8_t, 16>& tag);
  /// Erases key and data in the block and takes its clock away.
  static void stop();
};

}  // namespace microvisor::firmware::stm32u5
