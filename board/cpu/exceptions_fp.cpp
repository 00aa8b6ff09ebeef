// The floating-point context across exceptions and worlds: stacking at once or lazily, and who may use the
// FPU.
//
// There is one set of registers and two worlds. CONTROL.FPCA says that the current code has an FP context,
// CONTROL.SFPA that it is a Secure one, FPCCR.LSPACT that registers of an interrupted context still wait to
// be stored at FPCAR, and FPCCR.S whose they are.
//
// Source: Armv8-M ARM (DDI0553) B3.21 and B3.22 (FP parts), B3.20 "lazy state preservation"; pseudocode
// PushStack, UpdateFPCCR, PreserveFPState, ExecuteFPCheck, CheckCPEnabled.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kNsacrCp10 = 1u << 10;
constexpr std::uint32_t kBasicFrame = 0x20;
constexpr std::uint32_t kFpscrOffset = 0x40;  // from S0
/// What FPDSCR gives a new context: AHP, DN, FZ, RMode.
constexpr std::uint32_t kDefaultModes = 0x07C0'0000;

bool permitted_by_secure(const Core& core, World world) {
  return world == kSecure || (core.system->control.nsacr & kNsacrCp10) != 0;
}

bool saves_all(const Core& core, World world) {
  return world == kSecure && (core.system->fp.fpccr[kSecure] & kFpTs) != 0;
}

/// Address of register `index` in a context whose S0 lies at `base`: S16 and up stand behind FPSCR and a
/// reserved word.
std::uint32_t slot_address(std::uint32_t base, unsigned index) {
  return base + 4 * index + (index >= 16 ? 8 : 0);
}

/// Stores S0-S15 (S31) and FPSCR at `base`; the first failure is returned with its address.
FrameAccess store_context(Core& core, std::uint32_t base, World world, bool privileged,
                          std::uint32_t& where) {
  const unsigned count = saves_all(core, world) ? 32 : 16;
  for (unsigned index = 0; index < count; ++index) {
    where = slot_address(base, index);
    const FrameAccess result = frame_write(core, where, world, privileged, core.state.s[index]);
    if (result != FrameAccess::Ok) return result;
  }
  where = base + kFpscrOffset;
  return frame_write(core, where, world, privileged, core.state.fpscr);
}

void clear_context(CoreState& state, unsigned count) {
  for (unsigned index = 0; index < count; ++index) state.s[index] = 0;
  state.fpscr = 0;
}

void put(std::uint32_t& word, std::uint32_t mask, bool value) { word = value ? word | mask : word & ~mask; }

/// True if an exception could be taken from here: what FPCCR.xxRDY remembers for a later fault of the lazy
/// store.
bool ready(const Core& core, unsigned number, World world) {
  const World target = target_world(core, number, world);
  const World kept = is_banked(number) ? target : kSecure;
  const bool fixed = number == kHardFault;
  const bool enabled = fixed || (core.system->control.enabled[kept] & bit(number)) != 0;
  return enabled && exception_priority(core, number, target, true) < execution_priority(core);
}

/// Remembers privilege, world and readiness of the interrupted code for the store that comes later, or never.
void defer_stacking(Core& core, std::uint32_t context, bool limit_violated) {
  FloatContext& fp = core.system->fp;
  const World world = core.state.world;
  fp.fpcar[world] = context & ~std::uint32_t{7};
  std::uint32_t& own = fp.fpccr[world];
  put(own, kLspAct, true);
  put(own, kFpUser, !core.state.privileged());
  put(own, kFpThread, !core.state.handler_mode());
  put(own, kSpLimViol, limit_violated);
  put(own, kMmRdy, ready(core, kMemManage, world));
  put(fp.fpccr[kNonSecure], kUfRdy, ready(core, kUsageFault, kNonSecure));
  std::uint32_t& shared = fp.fpccr[kSecure];
  put(shared, kUfRdy, ready(core, kUsageFault, kSecure));
  put(shared, kFpSecure, world == kSecure);
  put(shared, kHfRdy, ready(core, kHardFault, world));
  put(shared, kBfRdy, ready(core, kBusFault, world));
  put(shared, kSfRdy, ready(core, kSecureFault, kSecure));
  put(shared, kMonRdy, ready(core, kDebugMonitor, world));
}

/// A fault of the lazy store: whether it escalates was decided when the frame was made.
void pend_lazy_fault(Core& core, unsigned number, World world, std::uint32_t ready_bit) {
  SystemUnits& units = *core.system;
  const World target = target_world(core, number, world);
  const bool banked_bit = ready_bit == kMmRdy || ready_bit == kUfRdy;
  const std::uint32_t remembered = units.fp.fpccr[banked_bit ? target : kSecure];
  if ((remembered & ready_bit) != 0) {
    set_pending(core, number, target, true);
  } else if ((units.fp.fpccr[kSecure] & kHfRdy) == 0) {
    units.lockup_due = true;
  } else {
    units.control.hfsr |= kForced;
    set_pending(core, kHardFault, target_world(core, kHardFault, target), true);
  }
  reconsider(core);
}

void record_lazy_fault(Core& core, FrameAccess failure, World world, std::uint32_t address) {
  SystemControl& control = core.system->control;
  switch (failure) {
    case FrameAccess::Ok: return;
    case FrameAccess::SecureFault:
      control.sfsr |= kSecureLspErr | kSfarValid;
      control.sfar = address;
      return pend_lazy_fault(core, kSecureFault, kSecure, kSfRdy);
    case FrameAccess::MpuFault:
      control.cfsr[world] |= kMlspErr;
      return pend_lazy_fault(core, kMemManage, world, kMmRdy);
    case FrameAccess::BusError:
      control.cfsr[kSecure] |= kLspErr;
      return pend_lazy_fault(core, kBusFault, world, kBfRdy);
  }
}

/// True if what was just made pending is to be taken before the FP instruction.
bool interrupts_now(const Core& core) {
  const PendingException best = most_urgent(core);
  return core.system->lockup_due ||
         (best.number != kNoException && best.group_priority < execution_priority(core));
}

/// Stores the context that has waited since the last exception entry. False: its fault comes first.
bool store_deferred(Core& core) {
  FloatContext& fp = core.system->fp;
  const World owner = (fp.fpccr[kSecure] & kFpSecure) != 0 ? kSecure : kNonSecure;
  if ((fp.fpccr[owner] & kLspAct) == 0) return true;
  const bool privileged = (fp.fpccr[owner] & kFpUser) == 0;
  bool faulted = true;
  if (!fp_permitted(core, owner, privileged)) {
    core.system->control.cfsr[owner] |= kNoCp;
    pend_lazy_fault(core, kUsageFault, owner, kUfRdy);
  } else if (!permitted_by_secure(core, owner)) {
    core.system->control.cfsr[kSecure] |= kNoCp;
    pend_lazy_fault(core, kUsageFault, kSecure, kUfRdy);
  } else if ((fp.fpccr[owner] & kSpLimViol) == 0) {
    std::uint32_t where = 0;
    const FrameAccess result = store_context(core, fp.fpcar[owner], owner, privileged, where);
    record_lazy_fault(core, result, owner, where);
    faulted = result != FrameAccess::Ok;
  } else {
    faulted = false;
  }
  if (faulted && interrupts_now(core)) return false;
  fp.fpccr[owner] &= ~std::uint32_t{kLspAct};
  if (saves_all(core, owner)) clear_context(core.state, 32);
  return true;
}

/// A new context starts from FPDSCR of the current world (FPCCR.ASPEN).
void open_context(Core& core) {
  CoreState& state = core.state;
  FloatContext& fp = core.system->fp;
  put(fp.fpccr[kSecure], kFpSecure, state.world == kSecure);
  const bool missing = !state.fp_active || (state.world == kSecure && !state.secure_fp_active);
  if ((fp.fpccr[state.world] & kAspEn) == 0 || !missing) return;
  state.fpscr = fp.fpdscr[state.world] & kDefaultModes;
  state.fp_active = true;
  if (state.world == kSecure) state.secure_fp_active = true;
}

}  // namespace

bool fp_permitted(const Core& core, World world, bool privileged) {
  const std::uint32_t access = core.system->control.cpacr[world] >> 20 & 3;
  return access == 3 || (access == 1 && privileged);
}

std::uint32_t frame_size(const Core& core) {
  const World world = core.state.world;
  if (!core.state.fp_active || !permitted_by_secure(core, world)) return kBasicFrame;
  return saves_all(core, world) ? 0xA8 : 0x68;
}

bool stack_fp(Core& core, std::uint32_t frame, std::uint32_t limit_base, bool frame_written) {
  const World world = core.state.world;
  const std::uint32_t fpccr = core.system->fp.fpccr[world];
  if ((fpccr & kLspAct) != 0) {  // a context of this world still waits: two cannot
    record_secure_fault(core, kLsErr);
    return false;
  }
  if (!permitted_by_secure(core, world)) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor, kSecure);
    return false;
  }
  if ((core.system->fp.fpccr[kSecure] & kLspEn) != 0) {
    defer_stacking(core, frame + kBasicFrame, limit_base < stack_limit(core));
    return true;
  }
  if (!frame_written) return false;
  const bool privileged = core.state.privileged();
  if (!fp_permitted(core, world, privileged)) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor, world);
    return false;
  }
  std::uint32_t where = 0;
  const FrameAccess result = store_context(core, frame + kBasicFrame, world, privileged, where);
  record_frame_fault(core, result, world, where, true);
  if (saves_all(core, world)) clear_context(core.state, 32);
  return result == FrameAccess::Ok;
}

bool unstack_fp(Core& core, std::uint32_t frame, World world, bool privileged) {
  FloatContext& fp = core.system->fp;
  if (world == kNonSecure && (fp.fpccr[kSecure] & kLspAct) != 0) {
    record_secure_fault(core, kLsErr);  // a Secure context waits, and Non-secure code would go on with it
    return false;
  }
  if ((fp.fpccr[world] & kLspAct) !=
      0) {  // nothing has been stored: the registers are still those of this context
    fp.fpccr[world] &= ~std::uint32_t{kLspAct};
    return true;
  }
  if (!fp_permitted(core, world, privileged) || !permitted_by_secure(core, world)) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor,
                          fp_permitted(core, world, privileged) ? kSecure : world);
    return false;
  }
  const std::uint32_t base = frame + kBasicFrame;
  std::array<std::uint32_t, 33> words{};
  const unsigned count = saves_all(core, world) ? 32 : 16;
  for (unsigned index = 0; index <= count; ++index) {
    const std::uint32_t address = index == count ? base + kFpscrOffset : slot_address(base, index);
    const FrameAccess result = frame_read(core, address, world, privileged, words[index]);
    if (result == FrameAccess::Ok) continue;
    record_frame_fault(core, result, world, address, false);
    clear_context(core.state, count);
    return false;
  }
  for (unsigned index = 0; index < count; ++index) core.state.s[index] = words[index];
  core.state.fpscr = words[count];
  return true;
}

bool clear_fp_on_return(Core& core) {
  const std::uint32_t fpccr = core.system->fp.fpccr[kSecure];
  if ((fpccr & kClrOnRet) == 0 || !core.state.fp_active) return true;
  if ((fpccr & kLspAct) != 0) {
    record_secure_fault(core, kLsErr);
    return false;
  }
  clear_context(core.state, 16);
  return true;
}

bool prepare_fp(Core& core) {
  const World world = core.state.world;
  if (!fp_permitted(core, world, core.state.privileged())) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor, world);
    return false;
  }
  if (!permitted_by_secure(core, world)) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor, kSecure);
    return false;
  }
  if (!store_deferred(core)) return false;
  open_context(core);
  return true;
}

bool execute_vlstm(Core& core, std::uint32_t address) {
  if (!core.state.secure_fp_active) return true;
  const World world = kSecure;
  if (!fp_permitted(core, world, core.state.privileged())) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor, world);
    return false;
  }
  FloatContext& fp = core.system->fp;
  if ((fp.fpccr[kSecure] & kLspAct) != 0) {
    record_secure_fault(core, kLsErr);
    return false;
  }
  if ((address & 7) != 0) {
    record_usage_fault(core, UsageFault::Unaligned);
    return false;
  }
  if ((fp.fpccr[kSecure] & kLspEn) != 0) {
    defer_stacking(core, address, false);
  } else {
    std::uint32_t where = 0;
    const FrameAccess result = store_context(core, address, world, core.state.privileged(), where);
    record_frame_fault(core, result, world, where, true);
    if (result != FrameAccess::Ok) return false;
    if (saves_all(core, world)) clear_context(core.state, 32);
  }
  core.state.fp_active = false;
  return true;
}

bool execute_vlldm(Core& core, std::uint32_t address) {
  if (!core.state.secure_fp_active) return true;
  if (!fp_permitted(core, kSecure, core.state.privileged())) {
    record_usage_fault_in(core, UsageFault::NoCoprocessor, kSecure);
    return false;
  }
  if ((address & 7) != 0) {
    record_usage_fault(core, UsageFault::Unaligned);
    return false;
  }
  if (!unstack_fp(core, address - kBasicFrame, kSecure, core.state.privileged())) return false;
  core.state.fp_active = true;
  return true;
}

}  // namespace microvisor::board
