// GTZC: who may use which peripheral and which block of memory, and the record of those who tried (RM0456
// section 5).
//
// TZSC decides for peripherals and external memories, an MPCBB for each SRAM in blocks of 512 bytes, TZIC
// collects the flags of illegal accesses. Two instances: 1 for AHB1, AHB2 and APBs, 2 for the SmartRun
// domain.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Tzsc {
  volatile std::uint32_t cr;  // 0x00
  std::uint32_t reserved0[3];
  volatile std::uint32_t seccfgr[3];  // 0x10
  std::uint32_t reserved1;
  volatile std::uint32_t privcfgr[3];  // 0x20
  std::uint32_t reserved2[5];
  struct Watermark {
    volatile std::uint32_t configuration;
    volatile std::uint32_t region;
  };
  Watermark watermarks[10];  // 0x40: 1A 1B 2A 2B 3A (3B) 4A (4B) 5A 5B

  static constexpr std::uint32_t kBase1 = 0x5003'2400;
  static constexpr std::uint32_t kBase2 = 0x5602'3000;
  static constexpr std::uint32_t kLock = 1;
  static constexpr std::uint32_t kSaes = 1u << 15;            // SECCFGR3
  static constexpr std::uint32_t kRegionEnable = 1;           // MPCWMxCFGR.SREN, SEC and PRIV left zero
  static constexpr std::uint32_t kWholeMemory = 0x0FFF'0000;  // from 0, as long as there is memory
};
static_assert(offsetof(Tzsc, seccfgr) == 0x10 && offsetof(Tzsc, privcfgr) == 0x20 &&
              offsetof(Tzsc, watermarks) == 0x40);

/// Places of the watermark registers in Tzsc::watermarks.
enum Watermark : std::uint8_t { kFmcBank1 = 2, kFmcBank3 = 4, kBackupSram = 6, kOctospi2Memory = 8 };

struct Tzic {
  volatile std::uint32_t ier[4];  // 0x00
  volatile std::uint32_t sr[4];   // 0x10
  volatile std::uint32_t fcr[4];  // 0x20

  static constexpr std::uint32_t kBase1 = 0x5003'2800;
  static constexpr std::uint32_t kBase2 = 0x5602'3400;
};

struct Mpcbb {
  volatile std::uint32_t cr;  // 0x00
  std::uint32_t reserved0[3];
  volatile std::uint32_t cfglockr1;  // 0x10
  std::uint32_t reserved1[59];
  volatile std::uint32_t seccfgr[64];   // 0x100: one bit a block of 512 bytes, one register 16 KiB
  volatile std::uint32_t privcfgr[64];  // 0x200

  static constexpr std::uint32_t kBase1 = 0x5003'2C00;
  static constexpr std::uint32_t kBase2 = 0x5003'3000;
  static constexpr std::uint32_t kBase3 = 0x5003'3400;
  static constexpr std::uint32_t kBase4 = 0x5602'3800;
  static constexpr std::uint32_t kLock = 1;
  /// A Secure data access to a non-secure block is legal.
  static constexpr std::uint32_t kAllowSecureAccess = 1u << 31;  // SRWILADIS
};
static_assert(offsetof(Mpcbb, seccfgr) == 0x100 && offsetof(Mpcbb, privcfgr) == 0x200);

inline Tzsc& tzsc1() { return *reinterpret_cast<Tzsc*>(Tzsc::kBase1); }
inline Tzsc& tzsc2() { return *reinterpret_cast<Tzsc*>(Tzsc::kBase2); }
inline Tzic& tzic1() { return *reinterpret_cast<Tzic*>(Tzic::kBase1); }
inline Tzic& tzic2() { return *reinterpret_cast<Tzic*>(Tzic::kBase2); }
inline Mpcbb& mpcbb(std::uint32_t base) { return *reinterpret_cast<Mpcbb*>(base); }

}  // namespace microvisor::firmware::stm32u5
