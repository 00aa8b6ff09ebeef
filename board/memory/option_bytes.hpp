// The option bytes: what configures the chip before its first instruction (RM0456 section 7.4).
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::board {

/// FLASH_OPTR (RM0456 7.9.13).
namespace optr {
inline constexpr std::uint32_t kRdp = 0xFF;
inline constexpr std::uint32_t kRdpLevel0 = 0xAA;
inline constexpr std::uint32_t kRdpLevel0_5 = 0x55;
inline constexpr std::uint32_t kRdpLevel2 = 0xCC;
inline constexpr std::uint32_t kStopWithoutReset = 1U << 12;      // nRST_STOP
inline constexpr std::uint32_t kStandbyWithoutReset = 1U << 13;   // nRST_STDBY
inline constexpr std::uint32_t kShutdownWithoutReset = 1U << 14;  // nRST_SHDW
inline constexpr std::uint32_t kSramKept = 1U << 15;              // SRAM1345_RST: 0 erases at each reset
inline constexpr std::uint32_t kWatchdogBySoftware = 1U << 16;    // IWDG_SW
inline constexpr std::uint32_t kSwapBank = 1U << 20;
inline constexpr std::uint32_t kSram2Kept = 1U << 25;  // SRAM2_RST: 0 erases at each reset
inline constexpr std::uint32_t kBootPin = 1U << 26;    // nSWBOOT0: 1 = BOOT0 pin decides
inline constexpr std::uint32_t kBoot0 = 1U << 27;      // nBOOT0
inline constexpr std::uint32_t kTrustZone = 1U << 31;  // TZEN
}  // namespace optr

/// SECBOOTADD0R: address in 31:7, BOOT_LOCK in bit 0.
inline constexpr std::uint32_t kBootLock = 1;
inline constexpr std::uint32_t kBootAddressMask = 0xFFFF'FF80;

/// Per bank; register layouts as in the manual.
struct BankOptions {
  std::uint32_t watermark = 0xFFFF'FF80;        ///< SECWMxR1: PSTRT 6:0, PEND 22:16; as delivered 0..127
  std::uint32_t hide = 0x0F00'FFFF;             ///< SECWMxR2: HDPx_PEND 22:16, HDPxEN 31
  std::uint32_t write_protect_a = 0x8F00'FFFF;  ///< WRPxAR: PSTRT 6:0, PEND 22:16, UNLOCK 31
  std::uint32_t write_protect_b = 0x8F00'FFFF;  ///< WRPxBR
  friend bool operator==(const BankOptions&, const BankOptions&) = default;
};

/// A range of pages in the layout that SECWMxR1 and WRPxyR share.
struct PageRange {
  unsigned first = 1;
  unsigned last = 0;  ///< inclusive; the range is empty when first > last
  [[nodiscard]] constexpr bool contains(unsigned page) const { return first <= page && page <= last; }
  [[nodiscard]] static constexpr PageRange of(std::uint32_t word) {
    return {word & 0x7F, (word >> 16) & 0x7F};
  }
  /// The bits of the range, other bits of the register as they are after production.
  [[nodiscard]] constexpr std::uint32_t word() const { return 0xFF80'FF80U | first | (last << 16); }
};

struct OptionBytes {
  /// As delivered (0x1FEF'F8AA, RM0456 7.9.13) with TrustZone switched on.
  std::uint32_t optr = 0x9FEF'F8AA;
  std::uint32_t nonsecure_boot0 = 0x0800'007F;  ///< NSBOOTADD0R
  std::uint32_t nonsecure_boot1 = 0x0BF9'007F;  ///< NSBOOTADD1R
  std::uint32_t secure_boot = 0x0C00'007C;      ///< SECBOOTADD0R
  std::array<BankOptions, 2> bank{};
  std::array<std::uint32_t, 2> oem1_key{0xFFFF'FFFF, 0xFFFF'FFFF};
  std::array<std::uint32_t, 2> oem2_key{0xFFFF'FFFF, 0xFFFF'FFFF};

  [[nodiscard]] bool trustzone() const { return (optr & optr::kTrustZone) != 0; }
  [[nodiscard]] std::uint32_t rdp() const { return optr & optr::kRdp; }
  /// A key that is not virgin locks the way down to level 0 (OEM1) or 0.5 (OEM2).
  [[nodiscard]] bool oem1_locked() const { return provisioned(oem1_key); }
  [[nodiscard]] bool oem2_locked() const { return provisioned(oem2_key); }
  [[nodiscard]] PageRange secure_pages(unsigned index) const { return PageRange::of(bank[index].watermark); }
  /// The hide-protection area: from the start of the watermark; empty while HDPxEN is 0.
  [[nodiscard]] PageRange hidden_pages(unsigned index) const {
    if ((bank[index].hide >> 31) == 0) return {};
    return {secure_pages(index).first, (bank[index].hide >> 16) & 0x7F};
  }
  [[nodiscard]] bool write_protected(unsigned index, unsigned page) const {
    return PageRange::of(bank[index].write_protect_a).contains(page) ||
           PageRange::of(bank[index].write_protect_b).contains(page);
  }
  friend bool operator==(const OptionBytes&, const OptionBytes&) = default;

 private:
  static bool provisioned(const std::array<std::uint32_t, 2>& key) { return key[0] != ~0U || key[1] != ~0U; }
};

}  // namespace microvisor::board
