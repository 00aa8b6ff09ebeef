// MRS, MSR and CPS: the special registers, their banked and _NS forms, and who may touch them.
//
// Unprivileged code reads zero and writes nothing, but for APSR and for reading CONTROL. The _NS forms (SYSm
// bit 7) exist for Secure code only. Every change of a mask may let something be taken: reconsider().
//
// Source: Armv8-M ARM (DDI0553) C2.4 MRS, MSR, CPS; D1.2 BASEPRI, CONTROL, FAULTMASK, MSPLIM, PRIMASK.
#include "board/cpu/exceptions.hpp"
#include "board/cpu/psr.hpp"

namespace microvisor::board {
namespace {

/// SYSm without the _NS bit, beyond the banked registers (SpecialRegister).
enum Special : unsigned {
  kLastPsr = 7,
  kBasepriMax = 18,
  kSp = 24,
  kNonSecureForm = 0x80,
};

constexpr std::uint32_t kPriorityBits = 0xF0;
constexpr std::uint32_t kNsacrCp10 = 1u << 10;

/// SP_NS: the stack that Non-secure code would use in the current mode.
StackKind nonsecure_kind(const CoreState& state) {
  return !state.handler_mode() && state.process_stack[kNonSecure] ? kProcess : kMain;
}

std::uint32_t read_control(const CoreState& state, World world) {
  std::uint32_t value = state.unprivileged_thread[world] ? 1 : 0;
  if (state.process_stack[world]) value |= 2;
  if (state.fp_active) value |= 4;
  if (world == kSecure && state.secure_fp_active) value |= 8;
  return value;
}

/// SPSEL can be written in Handler mode, but the main stack stays in use and the exception return overwrites
/// it; FPCA of Non-secure code only changes if NSACR lets it.
void write_control(Core& core, World world, std::uint32_t value) {
  CoreState& state = core.state;
  const StackSwitch stack(state);
  state.unprivileged_thread[world] = (value & 1) != 0;
  state.process_stack[world] = (value & 2) != 0;
  if (world == kSecure || (core.system->control.nsacr & kNsacrCp10) != 0) state.fp_active = (value & 4) != 0;
  if (world == kSecure) state.secure_fp_active = (value & 8) != 0;
}

void write_basepri(CoreState& state, World world, std::uint32_t value, bool only_raise) {
  const auto priority = static_cast<std::uint8_t>(value & kPriorityBits);
  std::uint8_t& basepri = state.basepri[world];
  if (only_raise && (priority == 0 || (basepri != 0 && priority >= basepri))) return;
  basepri = priority;
}

/// FAULTMASK cannot be set from HardFault, NMI or with FAULTMASK already raising the priority that far.
void write_faultmask(Core& core, World world, bool value) {
  if (value && execution_priority(core) <= -1) return;
  if (core.state.faultmask[world] == value) return;
  core.state.faultmask[world] = value;
  flush_tlb(core);  // MPU_CTRL.HFNMIENA
}

void write_psr(CoreState& state, unsigned sysm, unsigned mask, std::uint32_t value) {
  if ((sysm & 4) != 0) return;  // IPSR and EPSR ignore writes
  const std::uint32_t flags = (mask & 2) != 0 ? 0xF800'0000 : 0;
  const std::uint32_t ge = (mask & 1) != 0 ? 0x000F'0000 : 0;
  write_apsr(state, merged(read_apsr(state), value, flags | ge));
}

bool write_nonsecure_stack(Core& core, std::uint32_t value) {
  const StackKind kind = nonsecure_kind(core.state);
  const std::uint32_t pointer = value & ~std::uint32_t{3};
  if (pointer < core.state.stack_limit[kNonSecure][kind]) {
    record_usage_fault(core, UsageFault::StackOverflow);
    return false;
  }
  core.state.stack_pointer(kNonSecure, kind) = pointer;
  return true;
}

}  // namespace

std::uint32_t peek_special(const Core& core, World world, SpecialRegister which) {
  const CoreState& state = core.state;
  switch (which) {
    case SpecialRegister::Msp: return state.stack_pointer(world, kMain);
    case SpecialRegister::Psp: return state.stack_pointer(world, kProcess);
    case SpecialRegister::MspLim: return state.stack_limit[world][kMain];
    case SpecialRegister::PspLim: return state.stack_limit[world][kProcess];
    case SpecialRegister::Primask: return state.primask[world] ? 1 : 0;
    case SpecialRegister::Basepri: return state.basepri[world];
    case SpecialRegister::Faultmask: return state.faultmask[world] ? 1 : 0;
    case SpecialRegister::Control: return read_control(state, world);
  }
  return 0;
}

void poke_special(Core& core, World world, SpecialRegister which, std::uint32_t value) {
  CoreState& state = core.state;
  switch (which) {
    case SpecialRegister::Msp: state.stack_pointer(world, kMain) = value & ~std::uint32_t{3}; break;
    case SpecialRegister::Psp: state.stack_pointer(world, kProcess) = value & ~std::uint32_t{3}; break;
    case SpecialRegister::MspLim: state.stack_limit[world][kMain] = value & ~std::uint32_t{7}; break;
    case SpecialRegister::PspLim: state.stack_limit[world][kProcess] = value & ~std::uint32_t{7}; break;
    case SpecialRegister::Primask: state.primask[world] = (value & 1) != 0; break;
    case SpecialRegister::Basepri: write_basepri(state, world, value, false); break;
    case SpecialRegister::Faultmask: write_faultmask(core, world, (value & 1) != 0); break;
    case SpecialRegister::Control: write_control(core, world, value); break;
  }
  reconsider(core);
}

std::uint32_t read_special(const Core& core, unsigned sysm) {
  const CoreState& state = core.state;
  if (sysm <= kLastPsr) {
    std::uint32_t value = (sysm & 4) == 0 ? read_apsr(state) : 0;
    if ((sysm & 1) != 0 && state.privileged()) value |= state.ipsr;
    return value;
  }
  const bool nonsecure_form = (sysm & kNonSecureForm) != 0;
  if (nonsecure_form && state.world != kSecure) return 0;
  const World world = nonsecure_form ? kNonSecure : state.world;
  const unsigned which = sysm & ~unsigned{kNonSecureForm};
  if (which != static_cast<unsigned>(SpecialRegister::Control) && !state.privileged()) return 0;
  switch (which) {
    case kBasepriMax: return state.basepri[world];
    case kSp: return nonsecure_form ? state.stack_pointer(world, nonsecure_kind(state)) : 0;
    default: return peek_special(core, world, static_cast<SpecialRegister>(which));
  }
}

bool write_special(Core& core, unsigned sysm, unsigned mask, std::uint32_t value) {
  CoreState& state = core.state;
  if (sysm <= kLastPsr) {
    write_psr(state, sysm, mask, value);
    return true;
  }
  const bool nonsecure_form = (sysm & kNonSecureForm) != 0;
  if (!state.privileged() || (nonsecure_form && state.world != kSecure)) return true;
  const World world = nonsecure_form ? kNonSecure : state.world;
  const unsigned which = sysm & ~unsigned{kNonSecureForm};
  switch (which) {
    case kBasepriMax:
      write_basepri(state, world, value, true);
      reconsider(core);
      return true;
    case kSp: return !nonsecure_form || write_nonsecure_stack(core, value);
    default: poke_special(core, world, static_cast<SpecialRegister>(which), value); return true;
  }
}

void change_processor_state(Core& core, bool disable, bool primask, bool faultmask) {
  if (!core.state.privileged()) return;
  const World world = core.state.world;
  if (primask) core.state.primask[world] = disable;
  if (faultmask) write_faultmask(core, world, disable);
  reconsider(core);
}

std::uint32_t stack_limit(const Core& core) {
  const CoreState& state = core.state;
  const World world = state.world;
  const bool ignored = (core.system->control.configuration[world] & kStkOfHfNmIgn) != 0;
  if (ignored && priority_negative(core, world)) return 0;
  return state.stack_limit[world][state.stack_kind()];
}

}  // namespace microvisor::board
