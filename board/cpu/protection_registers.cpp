// Register files of the two MPUs, the SAU and the secure fault status, and of the FP context.
//
// Every write that changes what an access may do forgets the cached answers (flush_tlb). The lock signals of
// SYSCFG turn a write into nothing (RM0456 SYSCFG_CSLCKR, SYSCFG_CNSLCKR).
//
// Source: Armv8-M ARM (DDI0553) D1.2 MPU_*, SAU_*, SFSR, SFAR, FPCCR, FPCAR, FPDSCR, MVFR0-2.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kMpuType = 0xD90;
constexpr unsigned kMpuControl = 0xD94;
constexpr unsigned kMpuNumber = 0xD98;
constexpr unsigned kMpuFirstRegion = 0xD9C;  // RBAR, RLAR, and the aliases A1 to A3
constexpr unsigned kMpuLastRegion = 0xDB8;
constexpr unsigned kMpuMair0 = 0xDC0;
constexpr unsigned kMpuMair1 = 0xDC4;
constexpr unsigned kSauControl = 0xDD0;
constexpr unsigned kSauType = 0xDD4;
constexpr unsigned kSauNumber = 0xDD8;
constexpr unsigned kSauBase = 0xDDC;
constexpr unsigned kSauLimit = 0xDE0;
constexpr unsigned kSfsr = 0xDE4;
constexpr unsigned kSfar = 0xDE8;

constexpr unsigned kFpccr = 0xF34;
constexpr unsigned kFpcar = 0xF38;
constexpr unsigned kFpdscr = 0xF3C;
constexpr unsigned kMvfr0 = 0xF40;
constexpr unsigned kMvfr1 = 0xF44;
constexpr unsigned kMvfr2 = 0xF48;

/// The region a register of the pair block means: RNR itself for the first pair, RNR with its two low bits
/// replaced for an alias.
unsigned region_meant(const Mpu& mpu, unsigned offset) {
  const unsigned pair = (offset - kMpuFirstRegion) / 8;
  return pair == 0 ? mpu.region_number : (mpu.region_number & ~3u) | pair;
}

bool is_region_offset(unsigned offset) { return offset >= kMpuFirstRegion && offset <= kMpuLastRegion; }
bool is_limit(unsigned offset) { return ((offset - kMpuFirstRegion) & 4) != 0; }

std::uint32_t mpu_read(const Mpu& mpu, unsigned offset) {
  if (is_region_offset(offset)) {
    const Mpu::Region& region = mpu.regions[region_meant(mpu, offset)];
    return is_limit(offset) ? region.rlar : region.rbar;
  }
  switch (offset) {
    case kMpuType: return kMpuRegions << 8;
    case kMpuControl: return mpu.control;
    case kMpuNumber: return mpu.region_number;
    case kMpuMair0: return mpu.mair[0];
    case kMpuMair1: return mpu.mair[1];
    default: return 0;
  }
}

void mpu_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  Mpu& mpu = core.system->mpu[view];
  const bool locked = view == kSecure ? core.signals.lock_secure_mpu : core.signals.lock_nonsecure_mpu;
  if (locked && offset < kMpuMair0) return;
  if (is_region_offset(offset)) {
    Mpu::Region& region = mpu.regions[region_meant(mpu, offset)];
    if (is_limit(offset)) {
      region.rlar = merged(region.rlar, value, mask) & 0xFFFF'FFEF;
    } else {
      region.rbar = merged(region.rbar, value, mask);
    }
  } else if (offset == kMpuControl) {
    mpu.control = merged(mpu.control, value, mask) & 7;
  } else if (offset == kMpuNumber) {
    mpu.region_number = static_cast<std::uint8_t>(merged(mpu.region_number, value, mask) & (kMpuRegions - 1));
  } else if (offset == kMpuMair0 || offset == kMpuMair1) {
    std::uint32_t& mair = mpu.mair[(offset - kMpuMair0) / 4];
    mair = merged(mair, value, mask);
  }
  flush_tlb(core);
}

std::uint32_t sau_read(const SystemUnits& units, unsigned offset) {
  const Sau& sau = units.sau;
  switch (offset) {
    case kSauControl: return (sau.enabled ? 1u : 0u) | (sau.all_nonsecure ? 2u : 0u);
    case kSauType: return kSauRegions;
    case kSauNumber: return sau.region_number;
    case kSauBase: return sau.regions[sau.region_number].base;
    case kSauLimit: return sau.regions[sau.region_number].limit;
    case kSfsr: return units.control.sfsr;
    case kSfar: return units.control.sfar;
    default: return 0;
  }
}

void sau_write_region(Sau& sau, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  Sau::Region& region = sau.regions[sau.region_number];
  if (offset == kSauBase) {
    region.base = merged(region.base, value, mask) & 0xFFFF'FFE0;
  } else {
    region.limit = merged(region.limit, value, mask) & 0xFFFF'FFE3;
  }
}

void sau_write(Core& core, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  SystemUnits& units = *core.system;
  Sau& sau = units.sau;
  if (offset == kSfsr) {
    units.control.sfsr &= ~(value & mask);  // write one to clear
    return;
  }
  if (offset == kSfar) {
    units.control.sfar = merged(units.control.sfar, value, mask);
    return;
  }
  if (core.signals.lock_sau) return;
  switch (offset) {
    case kSauControl: {
      const std::uint32_t control = merged(sau_read(units, kSauControl), value, mask);
      sau.enabled = (control & 1) != 0;
      sau.all_nonsecure = (control & 2) != 0;
      break;
    }
    case kSauNumber:
      sau.region_number =
          static_cast<std::uint8_t>(merged(sau.region_number, value, mask) & (kSauRegions - 1));
      break;
    case kSauBase:
    case kSauLimit: sau_write_region(sau, offset, value, mask); break;
    default: return;
  }
  flush_tlb(core);
}

// --- floating-point context ----------------------------------------------------------------------------

constexpr std::uint32_t kFpccrBanked = kLspAct | kFpUser | kFpThread | kMmRdy | kSpLimViol | kUfRdy | kAspEn;
constexpr std::uint32_t kFpccrShared = kHfRdy | kBfRdy | kMonRdy | kLspEn | kClrOnRet;
constexpr std::uint32_t kFpccrSecureOnly = kFpSecure | kSfRdy | kFpTs | kClrOnRetS | kLspEnS;

/// Bits that `view` can change; LSPENS and CLRONRETS take LSPEN and CLRONRET away from Non-secure code.
std::uint32_t fpccr_writable(const Core& core, World view) {
  const SystemUnits& units = *core.system;
  std::uint32_t mask = kFpccrBanked | kFpccrShared | kFpccrSecureOnly;
  if (view == kSecure) return mask;
  const std::uint32_t shared = units.fp.fpccr[kSecure];
  mask &= ~kFpccrSecureOnly;
  if ((shared & kLspEnS) != 0) mask &= ~std::uint32_t{kLspEn};
  if ((shared & kClrOnRetS) != 0) mask &= ~std::uint32_t{kClrOnRet};
  if (!units.control.faults_nonsecure) mask &= ~std::uint32_t{kHfRdy | kBfRdy};
  if (secure_debug_monitor(core)) mask &= ~std::uint32_t{kMonRdy};
  return mask;
}

std::uint32_t fpccr_read(const Core& core, World view) {
  const SystemUnits& units = *core.system;
  const std::uint32_t shared = units.fp.fpccr[kSecure];
  std::uint32_t value = (units.fp.fpccr[view] & kFpccrBanked) | (shared & kFpccrShared);
  if (view == kSecure) return value | (shared & kFpccrSecureOnly);
  if (!units.control.faults_nonsecure) value &= ~std::uint32_t{kHfRdy | kBfRdy};
  if (secure_debug_monitor(core)) value &= ~std::uint32_t{kMonRdy};
  return value;
}

void fpccr_write(Core& core, World view, std::uint32_t value, std::uint32_t mask) {
  SystemUnits& units = *core.system;
  mask &= fpccr_writable(core, view);
  std::uint32_t& own = units.fp.fpccr[view];
  own = merged(own, value, mask & kFpccrBanked);
  std::uint32_t& shared = units.fp.fpccr[kSecure];
  shared = merged(shared, value, mask & (kFpccrShared | kFpccrSecureOnly));
}

}  // namespace

std::uint32_t protection_read(const Core& core, World view, unsigned offset, bool secure) {
  if (offset < kSauControl) return mpu_read(core.system->mpu[view], offset);
  return secure && view == kSecure ? sau_read(*core.system, offset) : 0;
}

void protection_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask,
                      bool secure) {
  if (offset < kSauControl) {
    mpu_write(core, view, offset, value, mask);
  } else if (secure && view == kSecure) {
    sau_write(core, offset, value, mask);
  }
}

std::uint32_t float_read(const Core& core, World view, unsigned offset) {
  const SystemUnits& units = *core.system;
  switch (offset) {
    case kFpccr: return fpccr_read(core, view);
    case kFpcar: return units.fp.fpcar[view];
    case kFpdscr: return units.fp.fpdscr[view];
    // FPv5 single precision (Cortex-M33 TRM, table of FPU identification registers).
    case kMvfr0: return 0x1011'0021;
    case kMvfr1: return 0x1100'0011;
    case kMvfr2: return 0x0000'0040;
    default: return 0;
  }
}

void float_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  FloatContext& fp = core.system->fp;
  switch (offset) {
    case kFpccr: return fpccr_write(core, view, value, mask);
    case kFpcar: fp.fpcar[view] = merged(fp.fpcar[view], value, mask) & ~std::uint32_t{7}; break;
    case kFpdscr: fp.fpdscr[view] = merged(fp.fpdscr[view], value, mask) & 0x07C0'0000; break;
    default: break;
  }
}

}  // namespace microvisor::board
