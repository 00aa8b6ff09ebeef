// DebugMonitor's handler: whether the application halts or goes on stepping, and the halt itself.
//
// A step is DEMCR.MON_STEP with BASEPRI of the Secure state at the application's most urgent priority, so
// that none of its interrupts comes in between; the application sees nothing of it. A call of Microvisor's is
// part of the instruction that branched to the gate. A breakpoint does not hold up the instruction that the
// application goes on from: that is stepped over first.
#include "firmware/kernel/resident/monitor.hpp"

#include <algorithm>
#include <optional>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/debug.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/resident/application_frame.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/monitor_context.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

extern "C" void monitor_entered(std::uint32_t exc_return, std::uint32_t* saved);

namespace {

constexpr unsigned kDebugMonitor = 12;
constexpr std::uint32_t kApplicationMostUrgent = 0x80;  // its 0x00 (AIRCR.PRIS)

enum class Mode : std::uint8_t {
  Free,       // until something happens
  StepOff,    // one instruction, then Free
  Step,       // one instruction, then halt
  Range,      // as long as PC is in the range, then halt
  LookAtAll,  // one instruction after the other, for breakpoints that have no comparator
};

struct State {
  volatile bool open = false;
  volatile bool halted = false;
  volatile bool going_on = false;  // set by the worker: the handler is to leave
  volatile bool halt_wanted = false;
  volatile bool fault = false;  // what last_end() describes has not taken its course yet
  bool retries = false;         // the step at hand is done again with interrupts
  bool passes = false;          // the breakpoint at PC does not count for the instruction at hand
  std::uint8_t breakpoint_count = 0;
  Mode mode = Mode::Free;
  Resume resume;
  Stop stop;
  std::uint32_t halted_at = 0;  // PC
  std::uint32_t entry = 0;      // of the application that is to halt at its first instruction
  HaltedContext context;
  std::array<std::uint32_t, kBreakpoints> breakpoints{};
};
State state;

std::span<const std::uint32_t> breakpoints() {
  return std::span(state.breakpoints).first(state.breakpoint_count);
}

bool is_breakpoint(std::uint32_t pc) {
  const auto all = breakpoints();
  return std::find(all.begin(), all.end(), pc) != all.end();
}

void pend_monitor() { debug_control().demcr = debug_control().demcr | DebugControl::kMonitorPend; }

void hold_interrupts(bool hold) {
  const std::uint32_t level = hold ? kApplicationMostUrgent : 0;
  asm volatile("msr basepri, %0\n\tisb" : : "r"(level) : "memory");
}

/// Whatever was armed for an instruction is over.
void end_step() {
  debug_control().demcr = debug_control().demcr & ~DebugControl::kMonitorStep;
  hold_interrupts(false);
  if (state.passes) enable_breakpoints(true);
  state.passes = false;
  state.retries = false;
}

std::uint16_t instruction_at(std::uint32_t pc) {
  const bool there = pc - kApplicationFlash < kApplicationFlashSize || frame_is_there(pc & ~7u);
  return there ? *reinterpret_cast<const volatile std::uint16_t*>(pc) : 0;
}

/// BKPT (T1).
bool is_breakpoint_instruction(std::uint32_t pc) { return (instruction_at(pc) & 0xFF00) == 0xBE00; }

/// With its interrupts held off SVC (T1) would be a HardFault, and WFE and WFI (T1) would not wake.
bool needs_interrupts(std::uint32_t pc) {
  const std::uint16_t instruction = instruction_at(pc);
  return (instruction & 0xFF00) == 0xDF00 || instruction == 0xBF20 || instruction == 0xBF30;
}

/// The application goes on for one instruction, or for good.
void arm(std::uint32_t pc) {
  if (state.mode == Mode::Free) return;
  const bool held = state.mode != Mode::LookAtAll && !needs_interrupts(pc);
  if (state.passes) enable_breakpoints(false);
  hold_interrupts(held);
  debug_control().demcr = debug_control().demcr | DebugControl::kMonitorStep;
}

Mode mode_behind_step_off() {
  return state.breakpoint_count > kHardwareBreakpoints ? Mode::LookAtAll : Mode::Free;
}

std::optional<StopReason> reason_behind_step(std::uint32_t pc) {
  const bool listed = is_breakpoint(pc);
  switch (state.mode) {
    case Mode::Step: return StopReason::Step;
    case Mode::Range: {
      const bool inside = pc - state.resume.first < state.resume.end - state.resume.first;
      if (inside && !listed) return std::nullopt;
      return listed ? StopReason::Breakpoint : StopReason::Step;
    }
    case Mode::StepOff:
    case Mode::LookAtAll:
      state.mode = mode_behind_step_off();
      if (listed) return StopReason::Breakpoint;
      return std::nullopt;
    case Mode::Free: return std::nullopt;
  }
  return std::nullopt;
}

/// `events`: DFSR. The instruction that a breakpoint has held up has not been executed, so it counts last.
std::optional<StopReason> reason_to_halt(std::uint32_t events, std::uint32_t pc) {
  if (state.fault) return StopReason::Fault;
  if ((events & Scb::kDebugWatchpoint) != 0) {
    state.stop.watch = take_matched_watchpoint();
    return StopReason::Watchpoint;
  }
  const bool breakpoint = (events & Scb::kDebugBreakpoint) != 0;
  if (state.halt_wanted && !(breakpoint && pc == state.entry)) return StopReason::Request;
  if (breakpoint) {
    if (pc == state.entry && !is_breakpoint(pc)) return StopReason::Start;
    return is_breakpoint_instruction(pc) ? StopReason::Instruction : StopReason::Breakpoint;
  }
  if ((events & Scb::kDebugStep) != 0) return reason_behind_step(pc);
  return std::nullopt;
}

/// Sleeps until the worker says so. Everything more urgent goes on meanwhile, and the application's end,
/// which does not come back here.
void wait_for_worker() {
  while (!state.going_on) {
    asm volatile("cpsid i" : : : "memory");
    if (!state.going_on) asm volatile("wfi" : : : "memory");
    asm volatile("cpsie i\n\tisb" : : : "memory");
  }
}

void let_application_stand(bool stands) {
  const Atomic atomic;
  services().fast_interrupts.stand_still(stands);
  scheduler_application_stands(stands);
}

void halt(StopReason reason) {
  let_application_stand(true);
  state.stop.reason = reason;
  ++state.stop.number;
  state.halt_wanted = false;
  state.going_on = false;
  state.halted_at = state.context.frame != nullptr ? state.context.frame->pc : 0;
  if (state.entry != 0) {
    state.entry = 0;
    load_breakpoints(breakpoints(), 0);
  }
  state.halted = true;
  worker_wake();
  wait_for_worker();
  state.halted = false;
  let_application_stand(false);
}

/// A fault that was halted at takes its course, unless the debugger has sent the application elsewhere.
void end_or_forget_fault() {
  if (!state.fault) return;
  state.fault = false;
  const bool elsewhere = state.context.frame != nullptr && state.context.frame->pc != state.halted_at;
  if (elsewhere) return clear_last_end();
  end_application_by_last_fault();
}

Mode mode_of(ResumeKind kind) {
  switch (kind) {
    case ResumeKind::Step: return Mode::Step;
    case ResumeKind::StepInRange: return Mode::Range;
    case ResumeKind::Continue: break;
  }
  return state.passes ? Mode::StepOff : mode_behind_step_off();
}

void leave_halt() {
  end_or_forget_fault();
  Frame* frame = state.context.frame;
  if (frame == nullptr) return;
  const bool moved = frame->pc != state.halted_at;
  if (state.stop.reason == StopReason::Instruction && !moved) frame->pc += 2;
  state.passes = is_breakpoint(frame->pc) && !moved;
  state.mode = mode_of(state.resume.kind);
  (void)take_matched_watchpoint();  // the kernel's own accesses may have set it
  give_context_back(state.context);
}

}  // namespace

/// r4 to r11 at `saved`; what is there when this returns is the application's again.
void monitor_entered(std::uint32_t exc_return, std::uint32_t* saved) {
  const std::uint32_t events = scb().dfsr;
  scb().dfsr = events;
  end_step();
  // What was pended while the application ended may come too late.
  if (!state.open || (exc_return & kReturnSecureFrame) != 0) return;
  take_context(state.context, exc_return, saved);
  Frame* frame = state.context.frame;
  if (frame != nullptr && (events & Scb::kDebugStep) != 0 && !state.fault)
    finish_gate_call(exc_return, state.halt_wanted);
  const auto reason = reason_to_halt(events, frame != nullptr ? frame->pc : 0);
  if (reason) {
    halt(*reason);
    leave_halt();
  } else {
    give_context_back(state.context);
  }
  if (state.open && frame != nullptr) arm(state.context.frame->pc);
}

MV_FLASH_CODE bool monitor_is_allowed() {
  constexpr std::uint32_t kOpen = 0xAA, kClosed = 0xCC;  // FLASH_OPTR.RDP (RM0456 section 7.9.13)
  const std::uint32_t level = flash_controller().optr & 0xFF;
  return level == kOpen || level == kClosed;
}

MV_FLASH_CODE void monitor_open() {
  const Atomic atomic;
  clear_debug_units();
  scb().shpr[priority_index(kDebugMonitor)] = kPriorityMonitor;
  debug_control().dauthctrl = DebugControl::kSecureSelfHosted;
  full_barrier();
  debug_control().demcr = debug_control().demcr | DebugControl::kMonitorEnable;
  full_barrier();
  enable_breakpoints(true);
  scheduler_set_debugging(true);
  state.stop = Stop{};
  state.mode = Mode::Free;
  state.breakpoint_count = 0;
  state.halt_wanted = false;
  state.open = true;
}

MV_FLASH_CODE void monitor_close() {
  {
    const Atomic atomic;
    if (!state.open) return;
    state.breakpoint_count = 0;
    state.halt_wanted = false;
    state.entry = 0;
    clear_debug_units();
  }
  monitor_resume({});
  const Atomic atomic;
  state.open = false;
  state.mode = Mode::Free;
  constexpr std::uint32_t kAll =
      DebugControl::kMonitorEnable | DebugControl::kMonitorPend | DebugControl::kMonitorStep;
  debug_control().demcr = debug_control().demcr & ~kAll;
  debug_control().dauthctrl = 0;
  full_barrier();
  scheduler_set_debugging(false);
}

MV_FLASH_CODE void monitor_look_after() {
  const Atomic atomic;
  if (!state.open || monitor_has_halted()) return;
  load_breakpoints(breakpoints(), state.entry);
  if (state.halt_wanted && state.entry == 0 && application_running()) pend_monitor();
}

bool monitor_is_open() { return state.open; }
MV_FLASH_CODE bool monitor_has_halted() { return state.halted && !state.going_on; }

MV_FLASH_CODE Stop monitor_last_stop() {
  const Atomic atomic;
  return state.stop;
}

MV_FLASH_CODE void monitor_halt() {
  const Atomic atomic;
  if (!state.open || monitor_has_halted()) return;
  state.halt_wanted = true;
  if (application_running()) pend_monitor();
}

MV_FLASH_CODE void monitor_halt_at_start() {
  const Atomic atomic;
  state.halt_wanted = state.open;
}

MV_FLASH_CODE void monitor_resume(const Resume& resume) {
  const Atomic atomic;
  if (!monitor_has_halted()) return;
  state.resume = resume;
  state.going_on = true;
}

MV_FLASH_CODE bool monitor_set_breakpoints(std::span<const std::uint32_t> addresses) {
  if (addresses.size() > kBreakpoints) return false;
  const Atomic atomic;
  std::copy(addresses.begin(), addresses.end(), state.breakpoints.begin());
  state.breakpoint_count = static_cast<std::uint8_t>(addresses.size());
  load_breakpoints(breakpoints(), state.entry);
  return true;
}

MV_FLASH_CODE bool monitor_set_watchpoints(std::span<const Watchpoint> watchpoints) {
  return load_watchpoints(watchpoints);
}

MV_FLASH_CODE bool monitor_read_registers(ApplicationRegisters& registers) {
  if (!monitor_has_halted() || state.context.frame == nullptr) return false;
  read_context(state.context, registers);
  return true;
}

MV_FLASH_CODE bool monitor_write_register(ApplicationRegister number, std::uint32_t value) {
  if (!monitor_has_halted() || state.context.frame == nullptr) return false;
  return write_context(state.context, number, value);
}

bool monitor_takes_fault() {
  if (!state.open || state.fault) return false;
  state.fault = true;
  pend_monitor();
  return true;
}

bool monitor_retries_step() {
  if (!state.open || state.retries || (debug_control().demcr & DebugControl::kMonitorStep) == 0) return false;
  if ((scb().hfsr & Scb::kForced) == 0) return false;
  state.retries = true;
  hold_interrupts(false);
  return true;
}

MV_FLASH_CODE void monitor_application_starts(std::uint32_t entry) {
  const Atomic atomic;
  state.entry = state.halt_wanted ? entry & ~1u : 0;
  if (state.open) load_breakpoints(breakpoints(), state.entry);
}

void monitor_unwound() {
  if (!state.open) return;
  end_step();
  state.halted = false;
  state.going_on = false;
  state.fault = false;
  state.mode = Mode::Free;
}

}  // namespace microvisor::firmware::kernel
