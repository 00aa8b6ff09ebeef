// The debug registers that software on the core can reach: DEMCR, DAUTHCTRL, FPB, DWT.
//
// There is no probe: C_DEBUGEN stays 0 and halting debug does not exist. DebugMonitor targets Secure while
// SDME is set, which Secure code reaches through DAUTHCTRL (SPIDENSEL and INTSPIDEN) whatever the pins say.
// CYCCNT counts retired instructions, which is what a cycle is on this core.
//
// Source: Armv8-M ARM (DDI0553) B13 to B15, D1.2 DEMCR, DAUTHCTRL, DHCSR, DSCSR, FP_*, DWT_*.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

enum : std::uint32_t {
  kDwtControl = 0xE000'1000,
  kDwtCycles = 0xE000'1004,
  kDwtComparators = 0xE000'1020,
  kDwtComparatorsEnd = 0xE000'1060,
  kFpControl = 0xE000'2000,
  kFpComparators = 0xE000'2008,
  kFpComparatorsEnd = 0xE000'2028,
  kDhcsr = 0xE000'EDF0,
  kDcrdr = 0xE000'EDF8,
  kDemcr = 0xE000'EDFC,
  kDauthctrl = 0xE000'EE04,
  kDscsr = 0xE000'EE08,
  kDauthstatus = 0xE000'EFB8,
  kDdevarch = 0xE000'EFBC,
};

constexpr std::uint32_t kDemcrMonitor = kMonEn | kMonPend | kMonStep | kMonReq;
constexpr std::uint32_t kDauthSelect = 1u << 0;    // SPIDENSEL
constexpr std::uint32_t kDauthInternal = 1u << 1;  // INTSPIDEN
constexpr std::uint32_t kDwtNumber = 4u << 28;     // four comparators
constexpr std::uint32_t kDwtCycleEnable = 1;
constexpr std::uint32_t kFpRevision2 = 1u << 28;
constexpr std::uint32_t kFpCodeComparators = 8u << 4;
constexpr std::uint32_t kDwtMatched = 1u << 24;
/// FUNCTION bits that can be written: MATCH, ACTION, DATAVSIZE.
constexpr std::uint32_t kDwtFunctionMask = 0x0000'0C3F;
/// FUNCTION.ID: what each comparator can do (Cortex-M33 TRM: 0 with cycle counter, 1 and 3 limits and
/// values).
constexpr std::array<std::uint32_t, 4> kDwtIdentity{0x5800'0000, 0xF800'0000, 0x5000'0000, 0xF800'0000};

bool monitor_is_secure(const DebugUnits& debug) {
  return (debug.dauthctrl & kDauthSelect) != 0 && (debug.dauthctrl & kDauthInternal) != 0;
}

bool counts_cycles(const DebugUnits& debug) {
  return (debug.demcr & kTrcEna) != 0 && (debug.dwt_control & kDwtCycleEnable) != 0;
}

std::uint32_t cycles(const Core& core) {
  const DebugUnits& debug = core.system->debug;
  if (!counts_cycles(debug)) return debug.cycle_frozen;
  return static_cast<std::uint32_t>(core.retired - debug.cycle_origin);
}

void set_cycles(Core& core, std::uint32_t value) {
  core.system->debug.cycle_frozen = value;
  core.system->debug.cycle_origin = core.retired - value;
}

/// Keeps the count over a change of what makes it run.
template <typename Change>
void change_counting(Core& core, Change change) {
  const std::uint32_t before = cycles(core);
  change(core.system->debug);
  set_cycles(core, before);
}

/// SDME follows the authentication while no DebugMonitor is pending or active.
void update_target(Core& core) {
  DebugUnits& debug = core.system->debug;
  if ((debug.demcr & kMonPend) != 0 || is_active(core, kDebugMonitor, kSecure)) return;
  debug.demcr = monitor_is_secure(debug) ? debug.demcr | kSdme : debug.demcr & ~std::uint32_t{kSdme};
}

/// While DebugMonitor is Secure, Non-secure code neither sees nor changes its control bits.
std::uint32_t demcr_visible(const DebugUnits& debug, bool secure) {
  const std::uint32_t all = kDemcrMonitor | kSdme | kTrcEna;
  return secure || (debug.demcr & kSdme) == 0 ? all : all & ~kDemcrMonitor;
}

void write_demcr(Core& core, std::uint32_t value, std::uint32_t mask, bool secure) {
  DebugUnits& debug = core.system->debug;
  mask &= demcr_visible(debug, secure) & (kDemcrMonitor | kTrcEna);
  change_counting(core, [=](DebugUnits& units) { units.demcr = merged(units.demcr, value, mask); });
  std::uint32_t& enabled = core.system->control.enabled[kSecure];
  enabled = (debug.demcr & kMonEn) != 0 ? enabled | bit(kDebugMonitor) : enabled & ~bit(kDebugMonitor);
  if ((mask & kMonPend) != 0) set_pending(core, kDebugMonitor, kSecure, (debug.demcr & kMonPend) != 0);
  update_target(core);
  reconsider(core);
}

std::uint32_t read_demcr(const Core& core, bool secure) {
  const DebugUnits& debug = core.system->debug;
  std::uint32_t value = debug.demcr & ~std::uint32_t{kMonPend};
  if (is_pending(core, kDebugMonitor, kSecure)) value |= kMonPend;
  return value & demcr_visible(debug, secure);
}

std::uint32_t read_comparator(DebugUnits& debug, std::uint32_t address, bool peek) {
  const unsigned index = (address - kDwtComparators) / 16;
  DebugUnits::Comparator& comparator = debug.dwt[index];
  switch (address & 0xF) {
    case 0x0: return comparator.value;
    case 0x8: {
      const std::uint32_t value = comparator.function | kDwtIdentity[index];
      if (!peek) comparator.function &= ~kDwtMatched;
      return value;
    }
    default: return 0;
  }
}

void write_comparator(DebugUnits& debug, std::uint32_t address, std::uint32_t value, std::uint32_t mask) {
  DebugUnits::Comparator& comparator = debug.dwt[(address - kDwtComparators) / 16];
  if ((address & 0xF) == 0) comparator.value = merged(comparator.value, value, mask);
  if ((address & 0xF) == 8) comparator.function = merged(comparator.function, value, mask & kDwtFunctionMask);
}

void write_fp_control(DebugUnits& debug, std::uint32_t value) {
  constexpr std::uint32_t kKey = 2;
  if ((value & kKey) != 0) debug.fp_control = value & 1;
}

}  // namespace

bool secure_debug_monitor(const Core& core) { return (core.system->debug.demcr & kSdme) != 0; }

std::uint32_t debug_read(Core& core, std::uint32_t address, bool secure, bool peek) {
  DebugUnits& debug = core.system->debug;
  if (address >= kDwtComparators && address < kDwtComparatorsEnd)
    return read_comparator(debug, address, peek);
  if (address >= kFpComparators && address < kFpComparatorsEnd) {
    return debug.fp_compare[(address - kFpComparators) / 4];
  }
  switch (address) {
    case kDwtControl: return kDwtNumber | debug.dwt_control;
    case kDwtCycles: return cycles(core);
    case kFpControl: return kFpRevision2 | kFpCodeComparators | debug.fp_control;
    case kDcrdr: return debug.dcrdr;
    case kDemcr: return read_demcr(core, secure);
    case kDauthctrl: return secure ? debug.dauthctrl : 0;
    case kDscsr: return secure ? debug.dscsr : 0;
    case kDauthstatus:
      return monitor_is_secure(debug) ? 0x30 : 0x20;  // SID: implemented, disabled or enabled
    case kDdevarch: return 0x4770'2A04;
    default: return 0;
  }
}

void debug_write(Core& core, std::uint32_t address, std::uint32_t value, std::uint32_t mask, bool secure) {
  DebugUnits& debug = core.system->debug;
  if (address >= kDwtComparators && address < kDwtComparatorsEnd) {
    return write_comparator(debug, address, value, mask);
  }
  if (address >= kFpComparators && address < kFpComparatorsEnd) {
    std::uint32_t& comparator = debug.fp_compare[(address - kFpComparators) / 4];
    comparator = merged(comparator, value, mask);
    return;
  }
  switch (address) {
    case kDwtControl:
      return change_counting(core, [=](DebugUnits& units) {
        units.dwt_control = merged(units.dwt_control, value, mask) & kDwtCycleEnable;
      });
    case kDwtCycles: return set_cycles(core, merged(cycles(core), value, mask));
    case kFpControl: return write_fp_control(debug, value);
    case kDcrdr: debug.dcrdr = merged(debug.dcrdr, value, mask); return;
    case kDemcr: return write_demcr(core, value, mask, secure);
    case kDauthctrl:
      if (!secure) return;
      debug.dauthctrl = merged(debug.dauthctrl, value, mask) & 0xF;
      update_target(core);
      return reconsider(core);
    case kDscsr:
      if (secure) debug.dscsr = merged(debug.dscsr, value, mask) & 3;
      return;
    default: return;
  }
}

}  // namespace microvisor::board
