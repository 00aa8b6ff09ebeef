// Faults: which status bits tell of them, which exception takes them, and what happens when none can.
//
// A fault that is disabled, or whose priority cannot pre-empt, becomes a HardFault; if that cannot pre-empt
// either, the core locks up. Faults of exception entry are *derived*: they are weighed against the code being
// interrupted, and compete with the exception that is being entered.
//
// Source: Armv8-M ARM (DDI0553) B3.14 "fault handling", B3.24 to B3.27; pseudocode CreateException,
// ExceptionDetails.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

bool fault_enabled(const Core& core, unsigned number, World world) {
  if (number == kSvCall) return true;
  const World kept = is_banked(number) ? world : kSecure;
  return (core.system->control.enabled[kept] & bit(number)) != 0;
}

bool can_pre_empt(const Core& core, unsigned number, World world) {
  return exception_priority(core, number, world, true) < execution_priority(core);
}

}  // namespace

void pend_hard_fault(Core& core, World world, std::uint32_t status) {
  core.system->control.hfsr |= status;
  const World target = target_world(core, kHardFault, world);
  if (can_pre_empt(core, kHardFault, target)) {
    set_pending(core, kHardFault, target, true);
  } else {
    core.system->lockup_due = true;
  }
}

namespace {

std::uint32_t usage_bit(UsageFault kind) {
  switch (kind) {
    case UsageFault::Undefined: return kUndefInstr;
    case UsageFault::InvalidState: return kInvState;
    case UsageFault::InvalidPc: return kInvPc;
    case UsageFault::NoCoprocessor: return kNoCp;
    case UsageFault::StackOverflow: return kStkOf;
    case UsageFault::Unaligned: return kUnaligned;
    case UsageFault::DivideByZero: return kDivByZero;
  }
  return 0;
}

void pend_or_escalate(Core& core, unsigned number, World world) {
  const World target = target_world(core, number, world);
  if (fault_enabled(core, number, target) && can_pre_empt(core, number, target)) {
    set_pending(core, number, target, true);
  } else {
    pend_hard_fault(core, target, kForced);
  }
}

void record_memory_fault(Core& core, AccessType type, std::uint32_t address) {
  const World world = core.state.world;
  SystemControl& control = core.system->control;
  if (type == AccessType::Fetch) {
    control.cfsr[world] |= kIaccViol;
  } else {
    control.cfsr[world] |= kDaccViol | kMmarValid;
    control.mmfar[world] = address;
  }
  pend_fault(core, kMemManage, world);
}

void record_attribution_fault(Core& core, std::uint32_t address) {
  core.system->control.sfar = address;
  record_secure_fault(core, kAuViol | kSfarValid);
}

}  // namespace

void pend_fault(Core& core, unsigned number, World world) {
  pend_or_escalate(core, number, world);
  reconsider(core);
}

void record_usage_fault_in(Core& core, UsageFault kind, World world) {
  core.system->control.cfsr[world] |= usage_bit(kind);
  pend_fault(core, kUsageFault, world);
}

void record_usage_fault(Core& core, UsageFault kind) { record_usage_fault_in(core, kind, core.state.world); }

void record_secure_fault(Core& core, std::uint32_t status) {
  core.system->control.sfsr |= status;
  pend_fault(core, kSecureFault, kSecure);
}

void record_access_fault(Core& core, Attribution::Fault fault, AccessType type, std::uint32_t address) {
  switch (fault) {
    case Attribution::Fault::None: return;
    case Attribution::Fault::SecureData: return record_attribution_fault(core, address);
    case Attribution::Fault::SecureFetch: return record_secure_fault(core, kInvEp);
    case Attribution::Fault::SecureTransition: return record_secure_fault(core, kInvTran);
    case Attribution::Fault::Mpu: return record_memory_fault(core, type, address);
  }
}

void record_bus_fault(Core& core, AccessType type, std::uint32_t address) {
  SystemControl& control = core.system->control;
  if (type == AccessType::Fetch) {
    control.cfsr[kSecure] |= kIbusErr;
  } else {
    control.cfsr[kSecure] |= kPrecisErr | kBfarValid;
    control.bfar = address;
  }
  pend_fault(core, kBusFault, core.state.world);
}

bool ignore_bus_error(Core& core, AccessType type, std::uint32_t address, World world, bool frame) {
  SystemControl& control = core.system->control;
  if (!control.ignore_bus_faults || !priority_negative(core, world)) return false;
  if (frame) {
    control.cfsr[kSecure] |= type == AccessType::Read ? kUnstkErr : kStkErr;
  } else {
    control.cfsr[kSecure] |= kPrecisErr | kBfarValid;
    control.bfar = address;
  }
  return true;
}

void record_frame_fault(Core& core, FrameAccess failure, World world, std::uint32_t address, bool stacking) {
  SystemControl& control = core.system->control;
  switch (failure) {
    case FrameAccess::Ok: return;
    case FrameAccess::SecureFault: return record_attribution_fault(core, address);
    case FrameAccess::MpuFault:
      control.cfsr[world] |= stacking ? kMstkErr : kMunstkErr;
      return pend_fault(core, kMemManage, world);
    case FrameAccess::BusError:
      control.cfsr[kSecure] |= stacking ? kStkErr : kUnstkErr;
      return pend_fault(core, kBusFault, world);
  }
}

/// Without its vector the exception cannot be taken instead: what HardFault is not more urgent than locks up.
void record_vector_fault(Core& core, World world) {
  SystemUnits& units = *core.system;
  const World target = target_world(core, kHardFault, world);
  pend_hard_fault(core, world, kVectTbl);
  if (exception_priority(core, kHardFault, target, true) >= units.entering_priority) units.lockup_due = true;
  reconsider(core);
}

void take_fault(Core& core, std::uint32_t return_address) {
  core.system->step_due = false;
  if (core.system->lockup_due) return lock_up(core);
  enter_exception(core, return_address);
}

void lock_up(Core& core) {
  core.system->lockup_due = false;
  core.state.locked_up = true;
  core.state.r[15] = 0xEFFF'FFFE;
  core.attention = true;  // service() tells execute() to stop, or takes what may still pre-empt
}

/// The return address is behind the instruction also when it has become a HardFault: SVC itself has
/// completed.
void execute_svc(Core& core, std::uint32_t next) {
  const World world = core.state.world;
  const bool alone = !core.attention && !anything_pending(core);
  if (alone && can_pre_empt(core, kSvCall, world) && enter_at_once(core, {kSvCall, world}, next)) return;
  pend_or_escalate(core, kSvCall, world);
  finish_step(core);
  take_fault(core, next);  // which looks at what is pending
}

}  // namespace microvisor::board
