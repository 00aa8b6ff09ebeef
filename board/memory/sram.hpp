// The chip's volatile memories: SRAM1, SRAM2 and SRAM3 in a row, SRAM4, BKPSRAM.
//
// Contents are zero at power-on (on silicon they are undefined; firmware must not rely on either).
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

#include "board/memory/mapping.hpp"

namespace microvisor::board {

inline constexpr std::uint32_t kSramSize = 0xC'0000;  // SRAM1 192 KiB, SRAM2 64 KiB, SRAM3 512 KiB
inline constexpr std::uint32_t kSram2Offset = 0x3'0000;
inline constexpr std::uint32_t kSram3Offset = 0x4'0000;
inline constexpr std::uint32_t kSram4Size = 0x4000;
inline constexpr std::uint32_t kBackupSramSize = 0x800;
/// All of them, in this order.
inline constexpr std::uint32_t kSramMemories = kSramSize + kSram4Size + kBackupSramSize;

/// Owned by the Board.
class Sram {
 public:
  Sram() : memory_(allocate()) {}
  /// With the contents of a snapshot: kSramMemories bytes.
  explicit Sram(Mapping memory) : memory_(std::move(memory)) {}

  [[nodiscard]] std::span<std::uint8_t> all() const { return memory_.bytes(); }

  /// SRAM1 to SRAM3.
  [[nodiscard]] std::span<std::uint8_t> main() const { return memory_.bytes().first(kSramSize); }
  [[nodiscard]] std::span<std::uint8_t> sram4() const {
    return memory_.bytes().subspan(kSramSize, kSram4Size);
  }
  [[nodiscard]] std::span<std::uint8_t> backup() const {
    return memory_.bytes().subspan(kSramSize + kSram4Size, kBackupSramSize);
  }
  /// Back to untouched pages.
  void power_on() { memory_ = allocate(); }

 private:
  static Mapping allocate() {
    auto mapping = Mapping::zeros(kSramMemories);
    if (!mapping) throw std::runtime_error(mapping.error().message);
    return std::move(*mapping);
  }
  Mapping memory_;
};

}  // namespace microvisor::board
