// Debug events of a software monitor: who may be debugged, breakpoints, single steps.
//
// One rule for all of them (CanPendMonitorOnEvent): an event pends DebugMonitor if MON_EN is set, if the code
// that caused it is Non-secure or DEMCR.SDME lets Secure code be debugged, and if DebugMonitor could pre-empt
// that code. If it may not, BKPT is a HardFault, a breakpoint of the FPB is not there, a step goes on, and a
// watchpoint leaves its MATCHED bit only. There is no probe, so nothing ever halts.
//
// SDME follows DAUTHCTRL if SPIDENSEL is set there, else the inputs DBGEN and SPIDEN, and stands still while
// DebugMonitor is pending or active (UpdateSecureDebugEnable).
//
// Source: Armv8-M ARM (DDI0553) part B "Debug"; pseudocode CanPendMonitorOnEvent, SecureDebugMonitorAllowed,
// SecureHaltingDebugAllowed, SecureNoninvasiveDebugAllowed, GenerateDebugEventResponse, BKPTInstrDebugEvent,
// FPB_CheckBreakPoint, FPB_CheckMatchAddress, SteppingDebug, SetMonStep.
#include <algorithm>

#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

enum Dauthctrl : std::uint32_t {
  kSpidenSel = 1u << 0,
  kIntSpiden = 1u << 1,
  kSpnidenSel = 1u << 2,
  kIntSpniden = 1u << 3,
};
constexpr std::uint32_t kFpEnable = 1;
constexpr std::uint32_t kBreakpointEnable = 1;  // FP_COMPn.BE

bool secure_monitor_allowed(const Core& core) {
  const std::uint32_t control = core.system->debug.dauthctrl;
  if ((control & kSpidenSel) != 0) return (control & kIntSpiden) != 0;
  return core.signals.debug.invasive && core.signals.debug.secure_invasive;
}

/// SDME does not change any more until DebugMonitor has ended.
bool monitor_target_fixed(const Core& core) {
  return is_pending(core, kDebugMonitor, kSecure) || is_active(core, kDebugMonitor, kSecure);
}

bool has_breakpoint(const DebugUnits& debug, std::uint32_t address) {
  if ((debug.fp_control & kFpEnable) == 0) return false;
  return std::any_of(debug.fp_compare.begin(), debug.fp_compare.end(), [address](std::uint32_t comparator) {
    return comparator == (address | kBreakpointEnable);
  });
}

/// The response to BKPT and to a breakpoint of the FPB (GenerateDebugEventResponse).
bool breakpoint_pends_monitor(Core& core) {
  if (!monitor_can_pend(core, core.state.world, true)) return false;
  pend_monitor(core, kDfsrBkpt);
  reconsider(core);
  return true;
}

}  // namespace

bool secure_halting_allowed(const Core& core) {
  const std::uint32_t control = core.system->debug.dauthctrl;
  const DebugAuthentication& levels = core.signals.debug;
  if (!levels.invasive) return false;
  return (control & kSpidenSel) != 0 ? (control & kIntSpiden) != 0 : levels.secure_invasive;
}

bool noninvasive_allowed(const Core& core, World world) {
  const std::uint32_t control = core.system->debug.dauthctrl;
  const DebugAuthentication& levels = core.signals.debug;
  if (!levels.invasive && !levels.noninvasive) return false;
  if (world == kNonSecure || secure_halting_allowed(core)) return true;
  if ((control & kSpnidenSel) != 0) return (control & kIntSpniden) != 0;
  return levels.secure_invasive || levels.secure_noninvasive;
}

bool secure_debug_monitor(const Core& core) {
  return monitor_target_fixed(core) ? core.system->debug.monitor_secure : secure_monitor_allowed(core);
}

void fix_monitor_target(Core& core) { core.system->debug.monitor_secure = secure_debug_monitor(core); }

bool monitor_can_pend(const Core& core, World world, bool check_priority) {
  if ((core.system->debug.demcr & kMonEn) == 0) return false;
  const bool secure = secure_debug_monitor(core);
  if (world == kSecure && !secure) return false;
  if (!check_priority) return true;
  const World target = secure ? kSecure : kNonSecure;
  return exception_priority(core, kDebugMonitor, target, true) < execution_priority(core);
}

void pend_monitor(Core& core, std::uint32_t reason) {
  fix_monitor_target(core);
  core.system->control.dfsr |= reason;
  set_pending(core, kDebugMonitor, kSecure, true);
}

void update_watch(Core& core) {
  const DebugUnits& debug = core.system->debug;
  DebugWatch watch;
  if ((debug.fp_control & kFpEnable) != 0) {
    for (const std::uint32_t comparator : debug.fp_compare) {
      const std::uint32_t address = comparator & ~kBreakpointEnable;
      if (comparator != address) watch.watch_code({address, address});
    }
  }
  dwt_add_ranges(core, watch);
  add_halting_ranges(core, watch);
  if (watch == core.watch) return;
  core.watch = watch;
  watch_changed(core);
}

void set_debug_authentication(Core& core, const DebugAuthentication& levels) {
  const std::uint32_t cycles = dwt_cycles(core);
  core.signals.debug = levels;
  dwt_set_cycles(core, cycles);
  update_watch(core);
  reconsider(core);
}

bool before_watched_instruction(Core& core, std::uint32_t address) {
  if (has_breakpoint(core.system->debug, address) && breakpoint_pends_monitor(core)) return false;
  dwt_match_instruction(core, address);
  return true;
}

void execute_breakpoint(Core& core) {
  if (!breakpoint_pends_monitor(core)) {
    core.system->control.dfsr |= kDfsrBkpt;
    pend_hard_fault(core, core.state.world, kDebugEvt);
    reconsider(core);
  }
  take_fault(core, core.state.r[15]);
}

bool monitor_steps(const Core& core) {
  return (core.system->debug.demcr & kMonStep) != 0 && monitor_can_pend(core, core.state.world, false);
}

void begin_step(Core& core) { core.system->step_due = true; }

void end_step(Core& core, bool executed) {
  if (executed) finish_step(core);
  core.system->step_due = false;
}

void finish_step(Core& core) {
  if (!core.system->step_due) return;
  core.system->step_due = false;
  const DebugUnits& debug = core.system->debug;
  const World target = secure_debug_monitor(core) ? kSecure : kNonSecure;
  const bool pre_empts = exception_priority(core, kDebugMonitor, target, true) < execution_priority(core);
  if ((debug.demcr & kMonStep) == 0 || !pre_empts) return;
  pend_monitor(core, kDfsrHalted);
  reconsider(core);
}

}  // namespace microvisor::board
