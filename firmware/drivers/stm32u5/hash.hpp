// HASH: SHA-256 by the chip (RM0456 section 51). The block is the application's once it runs; before that the
// boot stages and the kernel measure with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::stm32u5 {

struct Hash {
  volatile std::uint32_t cr;  // 0x000
  volatile std::uint32_t din;
  volatile std::uint32_t str;
  volatile std::uint32_t hra[5];
  volatile std::uint32_t imr;  // 0x020
  volatile std::uint32_t sr;
  std::uint32_t reserved0[52];
  volatile std::uint32_t csr[54];  // 0x0F8
  std::uint32_t reserved1[80];
  volatile std::uint32_t hr[8];  // 0x310

  static constexpr std::uint32_t kBase = 0x520C'0400;
  static constexpr std::uint32_t kInitialise = 1u << 2;
  static constexpr std::uint32_t kBytes = 2u
                                          << 4;  // DATATYPE: the first byte of a word in memory comes first
  static constexpr std::uint32_t kSha256 = 3u << 17;
  static constexpr std::uint32_t kCalculate = 1u << 8;  // STR.DCAL
  static constexpr std::uint32_t kComplete = 1u << 1;   // SR.DCIS
};
static_assert(offsetof(Hash, imr) == 0x20 && offsetof(Hash, csr) == 0xF8 && offsetof(Hash, hr) == 0x310);

inline Hash& hash() { return *reinterpret_cast<Hash*>(Hash::kBase); }

/// A message on its way through the block. One at a time.
class HashMessage {
 public:
  /// Gives the block its clock and starts a message.
  HashMessage();
  HashMessage(const HashMessage&) = delete;
  HashMessage& operator=(const HashMessage&) = delete;

  void update(std::span<const std::uint8_t> data);
  /// The digest. The object is of no use afterwards.
  [[nodiscard]] std::array<std::uint8_t, 32> finish();

 private:
  std::array<std::uint8_t, 4> rest_{};  // bytes of a word that is not full yet
  std::size_t filled_ = 0;
};

}  // namespace microvisor::firmware::stm32u5
