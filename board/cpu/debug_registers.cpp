// The debug registers of the System Control Space and of the FPB, and what identifies the debug blocks.
//
// There is no probe: C_DEBUGEN stays 0, and of DHCSR, DCRSR and the vector catches only what software can see
// is there. While DebugMonitor targets Secure, Non-secure code neither sees nor changes its control bits.
// FPB and DWT belong to nobody: privileged code of both worlds can write them.
//
// Source: Armv8-M ARM (DDI0553) D1.2 DEMCR, DAUTHCTRL, DAUTHSTATUS, DHCSR, DSCSR, DCRDR, FP_CTRL, FP_COMPn;
// Cortex-M33 TRM for the identification registers.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

enum : std::uint32_t {
  kDwt = 0xE000'1000,
  kFpb = 0xE000'2000,
  kFpbEnd = 0xE000'3000,
  kFpComparators = 0xE000'2008,
  kFpComparatorsEnd = 0xE000'2028,
  kScs = 0xE000'E000,
  kDhcsr = 0xE000'EDF0,
  kDcrdr = 0xE000'EDF8,
  kDemcr = 0xE000'EDFC,
  kDauthctrl = 0xE000'EE04,
  kDscsr = 0xE000'EE08,
  kDauthstatus = 0xE000'EFB8,
};

constexpr std::uint32_t kDemcrMonitor = kMonEn | kMonPend | kMonStep | kMonReq;
constexpr std::uint32_t kDemcrCatches = 0x0000'0FF1;  // VC_*: kept, without effect
constexpr std::uint32_t kDemcrStored = (kDemcrMonitor & ~kMonPend) | kTrcEna | kDemcrCatches;
constexpr std::uint32_t kFpRevision2 = 1u << 28;
constexpr std::uint32_t kFpCodeComparators = 8u << 4;

/// While DebugMonitor is Secure, its control is not Non-secure code's.
std::uint32_t demcr_visible(const Core& core, bool secure) {
  const std::uint32_t all = kDemcrStored | kMonPend | kSdme;
  return secure || !secure_debug_monitor(core) ? all : all & ~kDemcrMonitor;
}

std::uint32_t read_demcr(const Core& core, bool secure) {
  std::uint32_t value = core.system->debug.demcr;
  if (is_pending(core, kDebugMonitor, kSecure)) value |= kMonPend;
  if (secure_debug_monitor(core)) value |= kSdme;
  return value & demcr_visible(core, secure);
}

void write_demcr(Core& core, std::uint32_t value, std::uint32_t mask, bool secure) {
  DebugUnits& debug = core.system->debug;
  const std::uint32_t cycles = dwt_cycles(core);
  mask &= demcr_visible(core, secure);
  debug.demcr = merged(debug.demcr, value, mask & kDemcrStored);
  if ((mask & kMonPend) != 0) {
    if ((value & kMonPend) != 0) pend_monitor(core, 0);
    if ((value & kMonPend) == 0) set_pending(core, kDebugMonitor, kSecure, false);
  }
  std::uint32_t& enabled = core.system->control.enabled[kSecure];
  enabled = (debug.demcr & kMonEn) != 0 ? enabled | bit(kDebugMonitor) : enabled & ~bit(kDebugMonitor);
  dwt_set_cycles(core, cycles);  // TRCENA
  update_watch(core);
  reconsider(core);
}

/// S_REGRDY 16, S_SDE 20, S_RETIRE_ST 24 and S_RESET_ST 25, which reading clears.
std::uint32_t read_dhcsr(Core& core, bool peek) {
  DebugUnits& debug = core.system->debug;
  std::uint32_t value = bit(16) | bit(24);
  if (secure_halting_allowed(core)) value |= bit(20);
  if (debug.reset_seen) value |= bit(25);
  if (!peek) debug.reset_seen = false;
  return value;
}

/// NSID, NSNID, SID and SNID: 2 for implemented but not allowed, 3 for allowed.
std::uint32_t read_dauthstatus(const Core& core) {
  const auto field = [](bool allowed, unsigned position) { return (allowed ? 3u : 2u) << position; };
  return field(core.signals.debug.invasive, 0) | field(noninvasive_allowed(core, kNonSecure), 2) |
         field(secure_halting_allowed(core), 4) | field(noninvasive_allowed(core, kSecure), 6);
}

/// SBRSELEN 0, SBRSEL 1; CDS 16 says that the reader is Secure, as whoever sees this register is.
std::uint32_t read_dscsr(const DebugUnits& debug) { return debug.dscsr | bit(16); }

void write_dauthctrl(Core& core, std::uint32_t value, std::uint32_t mask) {
  const std::uint32_t cycles = dwt_cycles(core);
  core.system->debug.dauthctrl = merged(core.system->debug.dauthctrl, value, mask) & 0xF;
  dwt_set_cycles(core, cycles);
  reconsider(core);
}

void write_fpb(Core& core, std::uint32_t address, std::uint32_t value, std::uint32_t mask) {
  DebugUnits& debug = core.system->debug;
  constexpr std::uint32_t kKey = 2;
  if (address == kFpb && (value & kKey) != 0) debug.fp_control = value & 1;
  if (address >= kFpComparators && address < kFpComparatorsEnd) {
    std::uint32_t& comparator = debug.fp_compare[(address - kFpComparators) / 4];
    comparator = merged(comparator, value, mask);
  }
  update_watch(core);
}

std::uint32_t read_fpb(const DebugUnits& debug, std::uint32_t address) {
  if (address == kFpb) return kFpRevision2 | kFpCodeComparators | debug.fp_control;
  const bool comparator = address >= kFpComparators && address < kFpComparatorsEnd;
  return comparator ? debug.fp_compare[(address - kFpComparators) / 4] : 0;
}

/// CoreSight identification, the same in each block but for the architecture it names.
std::uint32_t identification(std::uint32_t offset, std::uint32_t architecture) {
  switch (offset) {
    case 0xFBC: return architecture;  // DEVARCH
    case 0xFD0: return 0x04;          // PIDR4 to PIDR3: Arm, part 0xD21
    case 0xFE0: return 0x21;
    case 0xFE4: return 0xBD;
    case 0xFE8: return 0x0B;
    case 0xFF0: return 0x0D;  // CIDR0 to CIDR3
    case 0xFF4: return 0x90;
    case 0xFF8: return 0x05;
    case 0xFFC: return 0xB1;
    default: return 0;
  }
}

constexpr std::uint32_t kDwtArchitecture = 0x4770'1A02;
constexpr std::uint32_t kFpbArchitecture = 0x4770'1A03;
constexpr std::uint32_t kScsArchitecture = 0x4770'2A04;

}  // namespace

std::uint32_t debug_read(Core& core, std::uint32_t address, bool secure, bool peek) {
  DebugUnits& debug = core.system->debug;
  const std::uint32_t offset = address & 0xFFF;
  if (address >= kDwt && address < kFpb) {
    return offset < 0xFBC ? dwt_read(core, offset, peek) : identification(offset, kDwtArchitecture);
  }
  if (address >= kFpb && address < kFpbEnd) {
    return offset < 0xFBC ? read_fpb(debug, address) : identification(offset, kFpbArchitecture);
  }
  switch (address) {
    case kDhcsr: return read_dhcsr(core, peek);
    case kDcrdr: return debug.dcrdr;
    case kDemcr: return read_demcr(core, secure);
    case kDauthctrl: return secure ? debug.dauthctrl : 0;
    case kDscsr: return secure ? read_dscsr(debug) : 0;
    case kDauthstatus: return read_dauthstatus(core);
    default: return address == kScs + offset ? identification(offset, kScsArchitecture) : 0;
  }
}

void debug_write(Core& core, std::uint32_t address, std::uint32_t value, std::uint32_t mask, bool secure) {
  DebugUnits& debug = core.system->debug;
  if (address >= kDwt && address < kFpb) return dwt_write(core, address - kDwt, value, mask);
  if (address >= kFpb && address < kFpbEnd) return write_fpb(core, address, value, mask);
  switch (address) {
    case kDcrdr: debug.dcrdr = merged(debug.dcrdr, value, mask); return;
    case kDemcr: return write_demcr(core, value, mask, secure);
    case kDauthctrl:
      if (secure) write_dauthctrl(core, value, mask);
      return;
    case kDscsr:
      if (secure) debug.dscsr = merged(debug.dscsr, value, mask) & 3;
      return;
    default: return;
  }
}

}  // namespace microvisor::board
