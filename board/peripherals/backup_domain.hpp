// What the chip keeps on VBAT: RTC, TAMP with the backup registers, RCC_BDCR and PWR_BDCR1.
//
// The blocks hold no copy of this state: they work on these structures, which lie in the board directory. So
// a power cut at any moment leaves exactly what the last write left. Multi-byte fields are in host order; the
// directory is not carried between machines of different byte order.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <type_traits>

#include "board/bus/time.hpp"

namespace microvisor::board {

/// RTC registers (RM0456 chapter 63) and the calendar.
struct RtcState {
  std::uint32_t icsr = 0;  ///< INIT, BIN, BCDU; the flags are computed
  std::uint32_t prer = 0x007F'00FF;
  std::uint32_t wutr = 0xFFFF;
  std::uint32_t cr = 0;
  std::uint32_t privcfgr = 0;
  std::uint32_t seccfgr = 0;
  std::uint32_t calr = 0;
  std::array<std::uint32_t, 2> alarm{};
  std::array<std::uint32_t, 2> alarm_subsecond{};
  std::uint32_t sr = 0;
  std::uint32_t tstr = 0, tsdr = 0, tsssr = 0;
  /// Calendar second (counted from 2000-01-01) at RTCCLK edge `base_edge` of the clock described below.
  std::int64_t seconds = 0;
  std::uint32_t weekday = 1;  ///< of that second; software may set any value
  std::uint32_t reserved = 0;
  std::int64_t base_edge = 0;
  std::int64_t wakeup_edge = 0;  ///< RTCCLK edge at which the wake-up timer was (re)started
  std::uint64_t hertz = 0;       ///< RTCCLK, 0 while off
  Time epoch = 0;                ///< moment of edge 0
  Time last_seen = 0;            ///< latest moment at which a register was used: where a cold start goes on
};

/// TAMP registers (RM0456 chapter 64).
struct TampState {
  std::uint32_t cr1 = 0, cr2 = 0, cr3 = 0, fltcr = 0;
  std::uint32_t atcr1 = 0x0007'0000, ator = 0, atcr2 = 0;
  std::uint32_t seccfgr = 0, privcfgr = 0;
  std::uint32_t ier = 0, sr = 0, erase_config = 0;
  std::uint32_t counter = 0;
  std::uint32_t seeds = 0;  ///< words written to ATSEEDR since the last start
  std::array<std::uint32_t, 32> backup{};
};

struct BackupDomain {
  static constexpr std::uint32_t kMagic = 0x3153'4B42;  // "BKS1"
  std::uint32_t magic = kMagic;
  std::uint32_t bdcr = 0;
  std::uint64_t noise_position = 0;  ///< not of the chip: where the RNG's noise goes on
  RtcState rtc;
  TampState tamp;
  std::uint32_t pwr_bdcr1 = 0;
  std::uint32_t reserved = 0;
};
static_assert(std::is_trivially_copyable_v<BackupDomain>);

/// The structure in the board's storage; initialised if the storage is new.
inline BackupDomain& backup_domain_in(std::span<std::uint8_t> storage) {
  if (storage.size() < sizeof(BackupDomain) ||
      reinterpret_cast<std::uintptr_t>(storage.data()) % alignof(BackupDomain) != 0) {
    throw std::invalid_argument("storage of the backup domain is too small or misaligned");
  }
  auto& domain = *reinterpret_cast<BackupDomain*>(storage.data());
  if (domain.magic != BackupDomain::kMagic) domain = BackupDomain{};
  return domain;
}

}  // namespace microvisor::board
