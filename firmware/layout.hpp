// Where everything of Microvisor lies. The only place that states it: linker scripts, boot stages, kernel and
// the image builder all take it from here.
//
// Bank 2 of the flash (1 MiB, 128 pages of 8 KiB, secure alias 0x0C10'0000) is Microvisor's, bank 1 the
// application's (non-secure alias 0x0800'0000). Of the RAM, the upper 256 KiB of SRAM3 and BKPSRAM are
// Microvisor's.
#pragma once

#include <cstdint>

namespace microvisor::firmware {

inline constexpr std::uint32_t kPageSize = 0x2000;
inline constexpr std::uint32_t kPagesPerBank = 128;

inline constexpr std::uint32_t kApplicationFlash = 0x0800'0000;  // non-secure alias
inline constexpr std::uint32_t kApplicationFlashSize = 0x10'0000;
inline constexpr std::uint32_t kMicrovisorFlash = 0x0C10'0000;  // secure alias of bank 2

/// A run of pages in bank 2.
struct Pages {
  std::uint32_t first;
  std::uint32_t last;  // inclusive
  [[nodiscard]] constexpr std::uint32_t address() const { return kMicrovisorFlash + first * kPageSize; }
  [[nodiscard]] constexpr std::uint32_t size() const { return (last - first + 1) * kPageSize; }
  [[nodiscard]] constexpr std::uint32_t end() const { return address() + size(); }
};

inline constexpr Pages kPreboot{0, 0};
inline constexpr Pages kBootromA{1, 4};
inline constexpr Pages kBootromB{5, 8};
inline constexpr Pages kUpgraderA{9, 12};
inline constexpr Pages kUpgraderB{13, 16};
inline constexpr Pages kHidden{0, 16};  // HDP: gone once the kernel runs
inline constexpr Pages kKernel{17, 56};
inline constexpr Pages kPreviousKernel{57, 96};  // never executed in place
inline constexpr Pages kVault{97, 126};          // identity, trust anchors, boot record, journal
inline constexpr Pages kGates{127, 127};

// Inside the vault.
inline constexpr Pages kVaultBootRecord{97, 98};
inline constexpr Pages kVaultIdentity{99, 100};       // two copies
inline constexpr Pages kVaultTrustAnchors{101, 102};  // used in turn
inline constexpr Pages kVaultJournal{103, 126};       // key/value journal, a ring

// The kernel's signed manifest stands at the end of the kernel's pages, in front of it only the image and
// blank flash.
inline constexpr std::uint32_t kKernelTrailerSize = 0x400;
inline constexpr std::uint32_t kKernelTrailer = kKernel.end() - kKernelTrailerSize;
inline constexpr std::uint32_t kKernelMaximumSize = kKernel.size() - kKernelTrailerSize;

inline constexpr std::uint32_t kGateBase = kGates.address();  // 0x0C1F'E000
static_assert(kGateBase == 0x0C1F'E000);

inline constexpr std::uint32_t kApplicationRam = 0x2000'0000;  // SRAM1, SRAM2, lower half of SRAM3
inline constexpr std::uint32_t kApplicationRamSize = 0x8'0000;
inline constexpr std::uint32_t kApplicationRam4 = 0x2800'0000;  // SRAM4
inline constexpr std::uint32_t kApplicationRam4Size = 0x4000;
inline constexpr std::uint32_t kMicrovisorRam = 0x3008'0000;  // secure alias
inline constexpr std::uint32_t kMicrovisorRamSize = 0x4'0000;
inline constexpr std::uint32_t kBackupRam = 0x5003'6400;  // BKPSRAM, secure alias
inline constexpr std::uint32_t kBackupRamSize = 0x800;

// BKPSRAM, from its start: the boot status, the one thing a person or a tool outside can read about a device
// that does not come up. firmware/boot_status.hpp has the structure.
inline constexpr std::uint32_t kBootStatus = kBackupRam;
inline constexpr std::uint32_t kBootStatusSize = 0x20;
// Behind it, what the kernel keeps across resets (kernel/resident/retained.hpp), and then what the bootrom
// has measured (firmware/boot_status.hpp).
inline constexpr std::uint32_t kRetained = kBackupRam + 0x40;
inline constexpr std::uint32_t kBootMeasurements = kBackupRam + 0x80;
inline constexpr std::uint32_t kBootMeasurementsSize = 0xA0;

// External NOR flash on OCTOSPI1. The staging area of updates and the crash reports that wait to be sent are
// Microvisor's, the rest the application's.
inline constexpr std::uint32_t kNorSize = 0x400'0000;
inline constexpr std::uint32_t kStaging = 0;
inline constexpr std::uint32_t kStagingSize = 0x3F'8000;
inline constexpr std::uint32_t kCrashReports = kStaging + kStagingSize;
inline constexpr std::uint32_t kCrashReportsSize = 0x8000;
inline constexpr std::uint32_t kApplicationNor = kCrashReports + kCrashReportsSize;  // to the end
inline constexpr std::uint32_t kApplicationNorSize = kNorSize - kApplicationNor;
static_assert(kApplicationNor == 0x40'0000);  // what applications have stored stays where it is

// One-time programmable area: 512 bytes, all of them the security ratchet's. A row that is not blank is a
// step; two rows are spare (vault/ratchet.hpp).
inline constexpr std::uint32_t kOneTimeProgrammable = 0x0BFA'0000;
inline constexpr std::uint32_t kRatchetRows = 32;
inline constexpr std::uint32_t kRatchetSteps = 30;

}  // namespace microvisor::firmware
