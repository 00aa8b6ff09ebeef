// The System Control Block: control, priorities and status of the system exceptions, in the view of either
// world.
//
// A register is a switch over its offset in three groups: what identifies the core (a table), what controls
// it, and what tells of faults. `view` is the world whose register is meant; a bit that exists once is shown
// to Non-secure code only where it belongs to it (BusFault, NMI and HardFault with BFHFNMINS, DebugMonitor
// without SDME).
//
// Source: Armv8-M ARM (DDI0553) D1.2, register by register; Cortex-M33 TRM for reset and identification
// values.
#include "board/bus/event_archive.hpp"
#include "board/cpu/exceptions.hpp"
#include "board/cpu/psr.hpp"

namespace microvisor::board {
namespace {

enum Offset : unsigned {
  kActlr = 0x008,
  kCpuid = 0xD00,
  kIcsr = 0xD04,
  kVtor = 0xD08,
  kAircr = 0xD0C,
  kScr = 0xD10,
  kCcr = 0xD14,
  kShpr1 = 0xD18,
  kShpr3 = 0xD20,
  kShcsr = 0xD24,
  kCfsr = 0xD28,
  kHfsr = 0xD2C,
  kDfsr = 0xD30,
  kMmfar = 0xD34,
  kBfar = 0xD38,
  kCpacr = 0xD88,
  kNsacr = 0xD8C,
};

struct Constant {
  unsigned offset;
  std::uint32_t value;
};

/// r0p4 of the Cortex-M33 with DSP, FPU and Security Extension; no caches of its own.
constexpr std::array<Constant, 20> kIdentity{{
    {0x004, 0x0000'0003},                         // ICTR: room for 128 lines
    {kCpuid, 0x410F'D214}, {0xD40, 0x0000'0030},  // ID_PFR0
    {0xD44, 0x0000'0210},                         // ID_PFR1: Security Extension
    {0xD48, 0x0020'0000},                         // ID_DFR0
    {0xD4C, 0x0000'0000},                         // ID_AFR0
    {0xD50, 0x0010'1F40},                         // ID_MMFR0
    {0xD54, 0x0000'0000},                         // ID_MMFR1
    {0xD58, 0x0100'0000},                         // ID_MMFR2
    {0xD5C, 0x0000'0000},                         // ID_MMFR3
    {0xD60, 0x0110'1110},                         // ID_ISAR0
    {0xD64, 0x0221'2000},                         // ID_ISAR1
    {0xD68, 0x2023'2232},                         // ID_ISAR2
    {0xD6C, 0x0111'1131},                         // ID_ISAR3
    {0xD70, 0x0131'0132},                         // ID_ISAR4
    {0xD74, 0x0000'0000},                         // ID_ISAR5
    {0xD78, 0x0000'0000},                         // CLIDR
    {0xD7C, 0x8000'C000},                         // CTR
    {0xD80, 0x0000'0000},                         // CCSIDR
    {0xD84, 0x0000'0000},                         // CSSELR
}};

constexpr std::uint32_t kCcrFixed = 0x0000'0201;  // STKALIGN and bit 0 are RES1
constexpr std::uint32_t kCcrBanked = kUserSetMPend | kUnalignTrp | kDiv0Trp | kStkOfHfNmIgn;
constexpr std::uint8_t kPriorityBits = 0xF0;

/// True if the unbanked faults (BusFault, NMI, and HardFault's status) are shown in this view.
bool faults_shown(const SystemControl& control, World view) {
  return view == kSecure || control.faults_nonsecure;
}

// --- ICSR --------------------------------------------------------------------------------------------

/// VECTPENDING: Non-secure code learns that a Secure exception comes first, but not which: it reads 1.
std::uint32_t pending_number(const Core& core, bool secure) {
  const PendingException best = most_urgent(core);
  if (best.number == kNoException) return 0;
  return !secure && best.world == kSecure ? 1 : best.number;
}

bool interrupt_pending(const Core& core, World view) {
  const Nvic& nvic = core.system->nvic;
  for (unsigned word = 0; word < 2; ++word) {
    const std::uint64_t shown = view == kSecure ? ~std::uint64_t{0} : nvic.nonsecure[word];
    if ((nvic.pending[word] & shown) != 0) return true;
  }
  return false;
}

std::uint32_t read_icsr(const Core& core, World view, bool secure) {
  std::uint32_t value = core.state.ipsr;
  if (active_count(core) <= 1) value |= bit(11);  // RETTOBASE
  value |= pending_number(core, secure) << 12;
  if (interrupt_pending(core, view)) value |= bit(22);
  if (is_pending(core, kSysTick, view)) value |= bit(26);
  if (is_pending(core, kPendSv, view)) value |= bit(28);
  if (faults_shown(core.system->control, view) && is_pending(core, kNmi, kSecure)) value |= bit(31);
  return value;
}

void write_icsr(Core& core, World view, std::uint32_t value) {
  if ((value & bit(25)) != 0) set_pending(core, kSysTick, view, false);
  if ((value & bit(26)) != 0) set_pending(core, kSysTick, view, true);
  if ((value & bit(27)) != 0) set_pending(core, kPendSv, view, false);
  if ((value & bit(28)) != 0) set_pending(core, kPendSv, view, true);
  if (faults_shown(core.system->control, view)) {
    if ((value & bit(30)) != 0) set_pending(core, kNmi, kSecure, false);
    if ((value & bit(31)) != 0) set_pending(core, kNmi, kSecure, true);
  }
}

// --- AIRCR, SCR, CCR ------------------------------------------------------------------------------------

std::uint32_t read_aircr(const SystemControl& control, World view) {
  std::uint32_t value = 0xFA05'0000 | static_cast<std::uint32_t>(control.priority_group[view]) << 8;
  if (control.faults_nonsecure) value |= bit(13);
  if (view == kSecure && control.prioritise_secure) value |= bit(14);
  if (view == kSecure && control.reset_secure_only) value |= bit(3);
  return value;
}

/// PRIS and BFHFNMINS decide what else is Non-secure: cached permissions may depend on it through HFNMIENA.
void write_aircr(Core& core, World view, std::uint32_t value) {
  if (value >> 16 != 0x05FA) return;
  SystemControl& control = core.system->control;
  control.priority_group[view] = static_cast<std::uint8_t>(value >> 8 & 7);
  if ((value & bit(2)) != 0 && (view == kSecure || !control.reset_secure_only))
    control.reset_requested = true;
  if (view != kSecure) return;
  control.reset_secure_only = (value & bit(3)) != 0;
  if (core.signals.lock_secure_vtor_aircr) return;
  control.prioritise_secure = (value & bit(14)) != 0;
  control.faults_nonsecure = (value & bit(13)) != 0;
  flush_tlb(core);
}

std::uint32_t read_scr(const SystemControl& control, World view) {
  std::uint32_t value =
      (control.sleep_on_exit[view] ? bit(1) : 0) | (control.event_on_pending[view] ? bit(4) : 0);
  if (view == kSecure && control.sleep_deep_secure) value |= bit(3);
  if (control.sleep_deep && (view == kSecure || !control.sleep_deep_secure)) value |= bit(2);
  return value;
}

void write_scr(SystemControl& control, World view, std::uint32_t value) {
  control.sleep_on_exit[view] = (value & bit(1)) != 0;
  control.event_on_pending[view] = (value & bit(4)) != 0;
  if (view == kSecure || !control.sleep_deep_secure) control.sleep_deep = (value & bit(2)) != 0;
  if (view == kSecure) control.sleep_deep_secure = (value & bit(3)) != 0;
}

std::uint32_t read_ccr(const SystemControl& control, World view) {
  std::uint32_t value = kCcrFixed | control.configuration[view];
  if (control.ignore_bus_faults && faults_shown(control, view)) value |= kBfhfnmIgn;
  return value;
}

void write_ccr(Core& core, World view, std::uint32_t value) {
  SystemControl& control = core.system->control;
  control.configuration[view] = value & kCcrBanked;
  if (faults_shown(control, view)) control.ignore_bus_faults = (value & kBfhfnmIgn) != 0;
  flush_tlb(core);
}

// --- SHPR, SHCSR ------------------------------------------------------------------------------------------

/// Where the priority of an exception is kept in this view; null where the view has none.
std::uint8_t* priority_of(const Core& core, World view, unsigned number) {
  SystemControl& control = core.system->control;
  switch (number) {
    case kMemManage:
    case kUsageFault:
    case kSvCall:
    case kPendSv:
    case kSysTick: return &control.priority[view][number];
    case kBusFault: return faults_shown(control, view) ? &control.priority[kSecure][number] : nullptr;
    case kSecureFault: return view == kSecure ? &control.priority[kSecure][number] : nullptr;
    case kDebugMonitor: {
      const bool hidden = view == kNonSecure && secure_debug_monitor(core);
      return hidden ? nullptr : &control.priority[kSecure][number];
    }
    default: return nullptr;
  }
}

std::uint32_t read_shpr(const Core& core, World view, unsigned offset) {
  std::uint32_t value = 0;
  for (unsigned index = 0; index < 4; ++index) {
    const unsigned number = kMemManage + (offset - kShpr1) + index;
    const std::uint8_t* priority = priority_of(core, view, number);
    if (priority != nullptr) value |= static_cast<std::uint32_t>(*priority) << (8 * index);
  }
  return value;
}

void write_shpr(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  for (unsigned index = 0; index < 4; ++index) {
    if ((mask >> (8 * index) & 0xFF) == 0) continue;
    const unsigned number = kMemManage + (offset - kShpr1) + index;
    std::uint8_t* priority = priority_of(core, view, number);
    if (priority != nullptr) *priority = static_cast<std::uint8_t>(value >> (8 * index) & kPriorityBits);
  }
}

enum class Whose : std::uint8_t { Banked, WithFaults, Secure, Monitor };
enum class State : std::uint8_t { Active, Pended, Enabled };

/// The bits of SHCSR: which state of which exception, and in which views it is shown.
struct HandlerBit {
  unsigned position;
  unsigned number;
  State state;
  Whose whose;
};
constexpr std::array<HandlerBit, 19> kHandlerBits{{
    {0, kMemManage, State::Active, Whose::Banked},     {1, kBusFault, State::Active, Whose::WithFaults},
    {2, kHardFault, State::Active, Whose::Banked},     {3, kUsageFault, State::Active, Whose::Banked},
    {4, kSecureFault, State::Active, Whose::Secure},   {5, kNmi, State::Active, Whose::WithFaults},
    {7, kSvCall, State::Active, Whose::Banked},        {8, kDebugMonitor, State::Active, Whose::Monitor},
    {10, kPendSv, State::Active, Whose::Banked},       {11, kSysTick, State::Active, Whose::Banked},
    {12, kUsageFault, State::Pended, Whose::Banked},   {13, kMemManage, State::Pended, Whose::Banked},
    {14, kBusFault, State::Pended, Whose::WithFaults}, {15, kSvCall, State::Pended, Whose::Banked},
    {16, kMemManage, State::Enabled, Whose::Banked},   {17, kBusFault, State::Enabled, Whose::WithFaults},
    {18, kUsageFault, State::Enabled, Whose::Banked},  {19, kSecureFault, State::Enabled, Whose::Secure},
    {20, kSecureFault, State::Pended, Whose::Secure},
}};
constexpr HandlerBit kHardFaultPended{21, kHardFault, State::Pended, Whose::Banked};

bool shown(const Core& core, const HandlerBit& entry, World view) {
  switch (entry.whose) {
    case Whose::Banked: return entry.number != kHardFault || faults_shown(core.system->control, view);
    case Whose::WithFaults: return faults_shown(core.system->control, view);
    case Whose::Secure: return view == kSecure;
    case Whose::Monitor: return view == kSecure || !secure_debug_monitor(core);
  }
  return false;
}

World kept_in(const HandlerBit& entry, World view) { return is_banked(entry.number) ? view : kSecure; }

bool read_handler_bit(const Core& core, const HandlerBit& entry, World view) {
  if (!shown(core, entry, view)) return false;
  const World world = kept_in(entry, view);
  switch (entry.state) {
    case State::Active: return is_active(core, entry.number, world);
    case State::Pended: return is_pending(core, entry.number, world);
    case State::Enabled: return (core.system->control.enabled[world] & bit(entry.number)) != 0;
  }
  return false;
}

/// NMI and HardFault can only be made inactive, and only by Secure code.
void write_handler_bit(Core& core, const HandlerBit& entry, World view, bool value, bool secure) {
  if (!shown(core, entry, view)) return;
  const World world = kept_in(entry, view);
  const bool fixed = entry.number == kNmi || entry.number == kHardFault;
  if (fixed && entry.state == State::Active && (value || !secure)) return;
  std::uint32_t& enabled = core.system->control.enabled[world];
  switch (entry.state) {
    case State::Active:
      if (is_active(core, entry.number, world) != value) set_active(core, entry.number, world, value);
      break;
    case State::Pended: set_pending(core, entry.number, world, value); break;
    case State::Enabled: enabled = value ? enabled | bit(entry.number) : enabled & ~bit(entry.number); break;
  }
}

std::uint32_t read_shcsr(const Core& core, World view) {
  std::uint32_t value = read_handler_bit(core, kHardFaultPended, view) ? bit(kHardFaultPended.position) : 0;
  for (const HandlerBit& entry : kHandlerBits) {
    if (read_handler_bit(core, entry, view)) value |= bit(entry.position);
  }
  return value;
}

void write_shcsr(Core& core, World view, std::uint32_t value, bool secure) {
  fix_monitor_target(core);  // DebugMonitor may be made active here
  for (const HandlerBit& entry : kHandlerBits) {
    write_handler_bit(core, entry, view, (value & bit(entry.position)) != 0, secure);
  }
  write_handler_bit(core, kHardFaultPended, view, (value & bit(kHardFaultPended.position)) != 0, secure);
}

// --- fault status ---------------------------------------------------------------------------------------

constexpr std::uint32_t kBusFaultStatus = 0x0000'FF00;

std::uint32_t read_fault_register(const SystemControl& control, World view, unsigned offset) {
  const bool all = faults_shown(control, view);
  switch (offset) {
    case kCfsr: {
      const std::uint32_t bus = all ? control.cfsr[kSecure] & kBusFaultStatus : 0;
      return (control.cfsr[view] & ~kBusFaultStatus) | bus;
    }
    case kHfsr: return all ? control.hfsr : 0;
    case kDfsr: return control.dfsr;
    case kMmfar: return control.mmfar[view];
    case kBfar: return all ? control.bfar : 0;
    default: return 0;
  }
}

/// Status bits are cleared by writing one.
void write_fault_register(SystemControl& control, World view, unsigned offset, std::uint32_t value,
                          std::uint32_t mask) {
  const bool all = faults_shown(control, view);
  const std::uint32_t ones = value & mask;
  switch (offset) {
    case kCfsr:
      control.cfsr[view] &= ~(ones & ~kBusFaultStatus);
      if (all) control.cfsr[kSecure] &= ~(ones & kBusFaultStatus);
      break;
    case kHfsr:
      if (all) control.hfsr &= ~ones;
      break;
    case kDfsr: control.dfsr &= ~ones; break;
    case kMmfar: control.mmfar[view] = merged(control.mmfar[view], value, mask); break;
    case kBfar:
      if (all) control.bfar = merged(control.bfar, value, mask);
      break;
    default: break;
  }
}

// --- the rest ----------------------------------------------------------------------------------------------

std::uint32_t read_identity(unsigned offset) {
  for (const Constant& constant : kIdentity) {
    if (constant.offset == offset) return constant.value;
  }
  return 0;
}

void write_vtor(Core& core, World view, std::uint32_t value) {
  const bool locked =
      view == kSecure ? core.signals.lock_secure_vtor_aircr : core.signals.lock_nonsecure_vtor;
  if (!locked) core.system->control.vtor[view] = value & ~std::uint32_t{0x7F};
}

constexpr std::uint32_t kCpacrMask = 0x00F0'0000;  // CP10, CP11; no coprocessors 0 to 7
constexpr std::uint32_t kNsacrMask = 0x0000'0C00;

}  // namespace

std::uint32_t scb_read(const Core& core, World view, unsigned offset, bool secure) {
  const SystemControl& control = core.system->control;
  switch (offset) {
    case kActlr: return control.auxiliary[view];
    case kIcsr: return read_icsr(core, view, secure);
    case kVtor: return control.vtor[view];
    case kAircr: return read_aircr(control, view);
    case kScr: return read_scr(control, view);
    case kCcr: return read_ccr(control, view);
    case kShcsr: return read_shcsr(core, view);
    case kCpacr: return control.cpacr[view];
    case kNsacr: return view == kSecure ? control.nsacr : 0;
    default: break;
  }
  if (offset >= kShpr1 && offset <= kShpr3) return read_shpr(core, view, offset);
  if (offset >= kCfsr && offset <= kBfar) return read_fault_register(control, view, offset);
  return read_identity(offset);
}

void scb_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask,
               bool secure) {
  SystemControl& control = core.system->control;
  const std::uint32_t whole = merged(scb_read(core, view, offset, secure), value, mask);
  switch (offset) {
    case kActlr: control.auxiliary[view] = whole; break;
    case kIcsr: write_icsr(core, view, value & mask); break;
    case kVtor: write_vtor(core, view, whole); break;
    case kAircr: write_aircr(core, view, value & mask); break;
    case kScr: write_scr(control, view, whole); break;
    case kCcr: write_ccr(core, view, whole); break;
    case kShcsr: write_shcsr(core, view, whole, secure); break;
    case kCpacr: control.cpacr[view] = whole & kCpacrMask; break;
    case kNsacr:
      if (view == kSecure) control.nsacr = whole & kNsacrMask;
      break;
    default:
      if (offset >= kShpr1 && offset <= kShpr3) write_shpr(core, view, offset, value, mask);
      if (offset >= kCfsr && offset <= kBfar) write_fault_register(control, view, offset, value, mask);
      break;
  }
  reconsider(core);
}

bool unaligned_traps(const Core& core) {
  return (core.system->control.configuration[core.state.world] & kUnalignTrp) != 0;
}

bool divide_traps(const Core& core) {
  return (core.system->control.configuration[core.state.world] & kDiv0Trp) != 0;
}

void set_vector_table(Core& core, World world, std::uint32_t address) {
  core.system->control.vtor[world] = address & ~std::uint32_t{0x7F};
}

void reset_system(Core& core, std::uint32_t vector_table) {
  SystemUnits& units = *core.system;
  const Nvic::Lines driven = units.nvic.level;  // the lines belong to the peripherals
  units.nvic = Nvic{};
  units.nvic.level = driven;
  units.control = SystemControl{};
  units.sau = Sau{};
  units.mpu = {};
  units.fp = FloatContext{};
  units.fp.fpccr[kSecure] = kAspEn | kLspEn | kFpSecure;
  units.fp.fpccr[kNonSecure] = kAspEn;
  units.debug = DebugUnits{};
  set_vector_table(core, kSecure, vector_table);
  units.lockup_due = units.waiting_for_event = units.step_due = false;
  units.cycle_match_due.cancel();
  update_watch(core);
  systick_reset(core);
  for (unsigned word = 0; word < driven.size(); ++word) units.nvic.pending[word] = driven[word];
  core.attention = false;
  reconsider(core);
}

void serialise_system(Core& core, Archive& archive) {
  SystemUnits& units = *core.system;
  archive(units.nvic, units.control, units.sau, units.mpu, units.systick, units.fp, units.debug);
  archive(units.lockup_due, units.waiting_for_event, units.clocks_stopped, units.processor_period,
          units.external_period);
  for (Scheduler::Event& event : units.systick_due) serialise_event(archive, event);
  serialise_event(archive, units.cycle_match_due);
  if (!archive.loading()) return;
  update_watch(core);
  reconsider(core);
}

}  // namespace microvisor::board
