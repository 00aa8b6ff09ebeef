// The chip as data: every register block of the STM32U585, where it stands, who guards it, and which RCC bits
// drive it.
//
// Blocks are named by their non-secure base address; the secure alias is 0x1000'0000 higher and leads to the
// same block. Sources: memory map and boundary addresses RM0456 section 2.3, TZSC/TZIC bits section 5.6/5.8,
// RCC bits section 11.8.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace microvisor::board {

/// A bit in TZSC_SECCFGRn, TZSC_PRIVCFGRn, TZIC_IERn/SRn/FCRn: the same number in all of them.
struct GtzcBit {
  std::uint8_t instance = 0;  ///< 1 or 2; 0: none
  std::uint8_t reg = 0;       ///< n, from 1
  std::uint8_t bit = 0;
  [[nodiscard]] constexpr bool exists() const { return instance != 0; }
};

/// A bit in an RCC register.
struct RccBit {
  std::uint16_t offset = 0;  ///< of the register; 0: none
  std::uint8_t bit = 0;
  [[nodiscard]] constexpr bool exists() const { return offset != 0; }
};

enum class Guard : std::uint8_t {
  None,       ///< nobody checks
  Securable,  ///< TZSC decides for the whole block
  Aware,      ///< the block checks for itself and reports to TZIC
  Memory,     ///< not registers: MPCBB, MPCWM or the flash interface decide
};

struct ChipBlock {
  std::string_view name;
  std::uint32_t base;
  std::uint32_t size;
  Guard guard;
  GtzcBit flag;   ///< TZSC bit (Securable) and illegal-access flag
  RccBit enable;  ///< clock enable; without one the block is always clocked
  RccBit reset;
};

inline constexpr std::uint32_t kSecureAlias = 0x1000'0000;

// Non-secure bases of the blocks that other code names.
inline constexpr std::uint32_t kFlashRegisters = 0x4002'2000;
inline constexpr std::uint32_t kRamcfg = 0x4002'6000;
inline constexpr std::uint32_t kIcache = 0x4003'0400;
inline constexpr std::uint32_t kDcache1 = 0x4003'1400;
inline constexpr std::uint32_t kTzsc1 = 0x4003'2400;
inline constexpr std::uint32_t kTzic1 = 0x4003'2800;
inline constexpr std::uint32_t kMpcbb1 = 0x4003'2C00;
inline constexpr std::uint32_t kMpcbb2 = 0x4003'3000;
inline constexpr std::uint32_t kMpcbb3 = 0x4003'3400;
inline constexpr std::uint32_t kBackupSram = 0x4003'6400;
inline constexpr std::uint32_t kTzsc2 = 0x4602'3000;
inline constexpr std::uint32_t kTzic2 = 0x4602'3400;
inline constexpr std::uint32_t kMpcbb4 = 0x4602'3800;
inline constexpr std::uint32_t kSyscfg = 0x4600'0400;
inline constexpr std::uint32_t kDbgmcu = 0xE004'4000;
// Memories, as names for their flags.
inline constexpr std::uint32_t kFlashMemory = 0x0800'0000;
inline constexpr std::uint32_t kSram1 = 0x2000'0000;
inline constexpr std::uint32_t kSram2 = 0x2003'0000;
inline constexpr std::uint32_t kSram3 = 0x2004'0000;
inline constexpr std::uint32_t kSram4 = 0x2800'0000;
inline constexpr std::uint32_t kOctospi1Memory = 0x9000'0000;
inline constexpr std::uint32_t kOctospi2Memory = 0x7000'0000;
inline constexpr std::uint32_t kFmcBank1 = 0x6000'0000;
inline constexpr std::uint32_t kFmcBank3 = 0x8000'0000;

/// All blocks and memories, by ascending base.
std::span<const ChipBlock> chip_blocks();
/// The block whose registers include this non-secure address; nullptr if there is none.
const ChipBlock* block_at(std::uint32_t address);
/// The block with exactly this non-secure base; nullptr if there is none.
const ChipBlock* block_with_base(std::uint32_t base);

}  // namespace microvisor::board
