// Fault handlers. A SecureFault that is a gate is a system call; every other fault of the application's is
// its end; a fault of the kernel's own is a reset with a record. docs/kernel.md explains the way out of a
// dead application, of which the C++ half is here and the assembly half in exceptions.S.
#include "firmware/kernel/resident/faults.hpp"

#include <algorithm>
#include <bit>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/gtzc.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/sau.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/resident/application_frame.hpp"
#include "firmware/kernel/resident/calls.hpp"
#include "firmware/kernel/resident/crash_registers.hpp"
#include "firmware/kernel/resident/fast_interrupts_device.hpp"
#include "firmware/kernel/resident/monitor.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/retained.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/resident/trap.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/layout.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

extern "C" {
std::uint32_t kernel_secure_fault(std::uint32_t exc_return);
std::uint32_t kernel_fault(std::uint32_t exc_return, std::uint32_t* sp);
std::uint32_t kernel_tasklet(std::uint32_t exc_return, const std::uint32_t* sp);
std::uint32_t kernel_prepare_unwind(std::uint32_t exc_return, std::uint32_t* saved);
std::uint32_t kernel_next_active();
void nmi_handler();
void illegal_access_handler();
void unexpected_handler();
}

namespace {

constexpr unsigned kTaskletLine = kLineOtfdec1;
constexpr std::uint32_t kBusFault = 5;
constexpr std::uint32_t kPendSv = 14;
constexpr std::uint32_t kSignature = 0xFEFA'125A;  // of a state context, but for its lowest bit (B3.21)
constexpr std::uint32_t kReturnWithContext = 0xFFFF'FFD1;

ApplicationEnd the_end;
ApplicationEnd fast_end;  // written by fast interrupts and above, taken over by the tasklet
volatile bool running = false;
volatile bool end_requested = false;
bool only_nonsecure = false;  // kernel_next_active: leave Secure handlers alone
std::uint32_t return_instruction = 0;
volatile bool bus_fault_expected = false;
volatile bool bus_fault_seen = false;

/// Performs the call if that is what the application did. Every instruction here is part of every call, with
/// the application's interrupts waiting (tests/kernel/injection_test.cpp counts them).
[[gnu::always_inline]] inline bool take_call(std::uint32_t exc_return) {
  const std::uint32_t control = control_of(exc_return);
  const std::uint32_t sp = application_stack(control);
  if (!frame_is_there(sp)) return false;
  // Read once, so that nothing the application's DMA does to its stack in the meantime changes the call.
  Frame& frame = *reinterpret_cast<Frame*>(sp);
  const unsigned slot = gate_slot(frame.pc);
  const std::uint32_t lr = frame.lr;
  if (slot >= abi::kGateCount || switched_under_worker(exc_return)) return false;
  caller.arguments = frame.arguments;
  caller.stack_pointer = sp;
  caller.lr = lr;
  caller.control = control;
  const abi::Status status = perform_call(slot, (exc_return & kReturnThread) == 0);
  if (status != kAgain) [[likely]]
    finish_call(frame, return_address(lr, return_instruction), status);
  return true;
}

void note_frame(ApplicationEnd& end, std::uint32_t exc_return) {
  const Frame* frame = (exc_return & kReturnSecureFrame) == 0 ? application_frame(exc_return) : nullptr;
  if (frame == nullptr) return;
  note_frame_registers(end, *frame, exc_return);
}

/// What there is to tell about the end.
void describe(ApplicationEnd& end, EndCause cause, std::uint32_t exc_return) {
  end = ApplicationEnd{};
  end.cause = cause;
  end.exception = static_cast<std::uint8_t>(current_exception());
  end.sfsr = sau().sfsr;
  end.hfsr = scb().hfsr;
  end.cfsr = scb().cfsr;
  end.cfsr_nonsecure = scb_nonsecure().cfsr;
  if ((end.sfsr & Sau::kAddressValid) != 0) {
    end.address = sau().sfar;
    end.address_known = true;
  } else if ((end.cfsr & Scb::kBfarValid) != 0) {
    end.address = scb().bfar;
    end.address_known = true;
  } else if ((end.cfsr_nonsecure & Scb::kMmfarValid) != 0) {
    end.address = scb_nonsecure().mmfar;
    end.address_known = true;
  }
  note_special_registers(end, exc_return);
  note_frame(end, exc_return);
}

bool end_is_open() { return the_end.cause == EndCause::None || the_end.cause == EndCause::Restart; }

void note_end(EndCause cause, std::uint32_t exc_return) {
  if (end_is_open()) describe(the_end, cause, exc_return);
  end_requested = true;
}

/// A system call that a fast interrupt has pre-empted may not have looked at SFSR yet; it clears it itself.
void clear_secure_fault_status() {
  if (!in_fast_interrupt() || (scb().shcsr & Scb::kSecureFaultActive) == 0) sau().sfsr = 0xFF;
}

void clear_fault_status() {
  clear_secure_fault_status();
  scb().hfsr = 0xFFFF'FFFF;
  scb().cfsr = 0xFFFF'FFFF;
  scb_nonsecure().cfsr = 0xFFFF'FFFF;
}

/// An access that was expected to fail: goes on behind it. The instruction is 16 or 32 bits long (top five
/// bits of its first halfword 0b11101 and above: 32).
void skip_access(std::uint32_t exc_return, std::uint32_t* sp) {
  const std::uint32_t skip = (exc_return & kReturnNoStateContext) != 0 ? 0 : kStateContextWords;
  std::uint32_t* frame = sp + skip;
  if ((exc_return & kReturnProcessStack) != 0) {
    std::uint32_t psp = 0;
    asm volatile("mrs %0, psp" : "=r"(psp));
    frame = reinterpret_cast<std::uint32_t*>(psp);
  }
  if ((scb().cfsr & Scb::kPreciseBusError) != 0) {
    const std::uint16_t first = *reinterpret_cast<const std::uint16_t*>(frame[6]);
    frame[6] += (first >> 11) >= 0b11101 ? 4 : 2;
  }
  scb().cfsr = Scb::kBusFaults;
}

/// A system call out of a fast interrupt: the SecureFault it should be cannot pre-empt, and becomes a
/// HardFault. It may have come between any two instructions of the kernel's, so all it gets is an answer.
bool refuse_call(std::uint32_t exc_return) {
  if (sau().sfsr != Sau::kInvalidEntry || scb().hfsr != Scb::kForced ||
      (exc_return & kReturnSecureFrame) != 0) {
    return false;
  }
  Frame* frame = application_frame(exc_return);
  if (frame == nullptr || gate_slot(frame->pc) >= abi::kGateCount) return false;
  finish_call(*frame, return_address(frame->lr, return_instruction), abi::Status::UNAVAILABLE);
  clear_secure_fault_status();
  scb().hfsr = Scb::kForced;
  return true;
}

/// Takes over what a fast interrupt has found.
void take_fast_end() {
  if (fast_end.cause == EndCause::None) return;
  if (running) {
    if (end_is_open()) the_end = fast_end;
    end_requested = true;
  }
  fast_end.cause = EndCause::None;
}

/// Nothing of the application's runs any more, and nothing of it is pending.
void silence_application() {
  services().fast_interrupts.shut_down();
  for (unsigned i = 0; i < Nvic::kWords; ++i) {
    const std::uint32_t lines = nvic().itns[i];
    nvic().icer[i] = lines;
    nvic().icpr[i] = lines;
  }
  scb_nonsecure().shcsr = 0;
  scb_nonsecure().icsr = Scb::kPendSvClear | Scb::kSysTickClear;
}

bool end_is_due() { return end_requested && running; }

/// An update that the application has held back for long enough ends it; what follows is the life cycle's.
void watch_update(std::uint64_t now) {
  constexpr std::uint64_t kLongest = 3'600'000'000;
  constexpr std::uint32_t kRetry = 10'000;  // microseconds, while the application is between two runs
  const std::uint64_t due = services().update_due;
  if (due == 0) return;
  if (now < due) return schedule_tasklet(static_cast<std::uint32_t>(std::min(due - now, kLongest)));
  if (!running) return schedule_tasklet(kRetry);
  if (!end_requested) note_end(EndCause::Restart, kReturnSecureFrame);
}

}  // namespace

MV_FLASH_CODE const ApplicationEnd& last_end() { return the_end; }
void clear_last_end() {
  the_end = ApplicationEnd{};
  fast_end = ApplicationEnd{};
  end_requested = false;
}
MV_FLASH_CODE void set_application_running(bool value) { running = value; }
MV_FLASH_CODE bool application_running() { return running; }
void pend_tasklet() { pend_line(kTaskletLine); }
MV_FLASH_CODE void set_return_instruction(std::uint32_t address) { return_instruction = address; }

void end_application_for(EndCause cause) {
  const Atomic atomic;
  if (!running) return;
  note_end(cause, kReturnSecureFrame);
  pend_tasklet();
}

void end_application_by_last_fault() {
  const Atomic atomic;
  end_requested = true;
  pend_tasklet();
}

/// Between two tries the worker has its turn. Calls exclude each other, and the tasklet, by priority.
void finish_gate_call(std::uint32_t exc_return, const volatile bool& given_up) {
  const Frame* frame = application_frame(exc_return);
  while (frame != nullptr && gate_slot(frame->pc) < abi::kGateCount && !given_up) {
    asm volatile("msr basepri, %0\n\tisb" : : "r"(kPriorityCall) : "memory");
    const bool taken = take_call(exc_return);
    asm volatile("msr basepri, %0\n\tisb" : : "r"(0) : "memory");
    if (!taken) return;
  }
}

void end_fast_interrupts(EndCause cause, std::uint32_t exc_return) {
  services().fast_interrupts.shut_down();
  if (fast_end.cause == EndCause::None) describe(fast_end, cause, exc_return);
  pend_tasklet();
}

MV_FLASH_CODE void request_application_end(EndRequest request) {
  end_application_for(request == EndRequest::TestingComplete ? EndCause::TestingComplete : EndCause::Restart);
}

template <typename T>
MV_FLASH_CODE static void access_as(std::uint32_t address, bool write, std::uint32_t& value) {
  auto& place = *reinterpret_cast<volatile T*>(address);
  if (write) {
    place = static_cast<T>(value);
  } else {
    value = place;
  }
}

MV_FLASH_CODE bool access_expecting_bus_fault(std::uint32_t address, unsigned width, bool write,
                                              std::uint32_t& value) {
  bus_fault_seen = false;
  bus_fault_expected = true;
  full_barrier();
  switch (width) {
    case 1: access_as<std::uint8_t>(address, write, value); break;
    case 2: access_as<std::uint16_t>(address, write, value); break;
    default: access_as<std::uint32_t>(address, write, value); break;
  }
  full_barrier();
  bus_fault_expected = false;
  return bus_fault_seen;
}

MV_FLASH_CODE bool write_expecting_bus_fault(std::uint32_t address, std::uint32_t value) {
  return access_expecting_bus_fault(address, sizeof value, true, value);
}

void panic(std::uint32_t code, std::uint32_t detail) {
  asm volatile("cpsid i" : : : "memory");
  retain_kernel_crash(code, detail);
  system_reset();
}

/// 0: goes on, to the debugger's halt; 1: the application ends.
[[gnu::noinline, gnu::cold]] static std::uint32_t end_or_halt(EndCause cause, std::uint32_t exc_return) {
  // A call that has been pre-empted by a fast interrupt which has failed finds that one's frame, and no gate.
  take_fast_end();
  if (end_is_open()) describe(the_end, cause, exc_return);
  clear_fault_status();
  if (monitor_takes_fault()) return 0;
  end_requested = true;
  return 1;
}

/// The exception behind a HardFault is one for which the application has a handler of its own.
[[gnu::noinline, gnu::cold]] static bool application_handles_fault() {
  constexpr std::uint32_t kMemory = 0x0000'00FF, kUsage = 0xFFFF'0000;  // CFSR_NS
  const std::uint32_t status = scb_nonsecure().cfsr;
  const std::uint32_t enabled = scb_nonsecure().shcsr;
  return ((status & kMemory) != 0 && (enabled & 1u << 16) != 0) ||
         ((status & kUsage) != 0 && (enabled & 1u << 18) != 0);
}

/// A SecureFault that is no call.
[[gnu::noinline, gnu::cold]] static std::uint32_t end_by_secure_fault(std::uint32_t exc_return) {
  const std::uint32_t status = sau().sfsr;
  // Secure code that leaves for the non-secure world by an ordinary branch is our own mistake.
  if ((status & Sau::kInvalidTransition) != 0) panic(7, status);
  return end_or_halt(switched_under_worker(exc_return) ? EndCause::ContextSwitch : EndCause::Fault,
                     exc_return);
}

/// 0: goes on; 1: the application ends.
std::uint32_t kernel_secure_fault(std::uint32_t exc_return) {
  if (sau().sfsr == Sau::kInvalidEntry && (exc_return & kReturnSecureFrame) == 0 && take_call(exc_return))
      [[likely]] {
    sau().sfsr = Sau::kInvalidEntry;
    return 0;
  }
  return end_by_secure_fault(exc_return);
}

/// 0: goes on; 1: the application ends; 2: a fast interrupt of the application's is abandoned.
std::uint32_t kernel_fault(std::uint32_t exc_return, std::uint32_t* sp) {
  const std::uint32_t exception = current_exception();
  if (exception == kBusFault && bus_fault_expected) {
    bus_fault_seen = true;
    skip_access(exc_return, sp);
    return 0;
  }
  if (in_fast_interrupt() && (scb().shcsr & Scb::kSysTickActive) == 0) {
    if (refuse_call(exc_return)) return 0;
    end_fast_interrupts(EndCause::Fault, exc_return);
    // What stands in SFSR may be of the call it has pre-empted.
    if ((fast_end.cfsr | fast_end.cfsr_nonsecure) != 0) fast_end.sfsr &= ~Sau::kInvalidEntry;
    clear_fault_status();
    return 2;
  }
  // A forged EXC_RETURN can make an application's fault look as if it came from the Secure side; then only
  // the non-secure status registers have something to say.
  const bool from_application =
      (exc_return & kReturnSecureFrame) == 0 || (scb().cfsr == 0 && scb_nonsecure().cfsr != 0);
  if (!from_application || !running) panic(exception, scb().cfsr);
  if (application_handles_fault() && monitor_retries_step()) {
    clear_fault_status();
    return 0;
  }
  return end_or_halt(EndCause::Fault, exc_return);
}

std::uint32_t kernel_tasklet(std::uint32_t exc_return, const std::uint32_t*) {
  if (services().notifications.pump(clock_microseconds())) {
    schedule_tasklet(static_cast<std::uint32_t>(Notifications::kRetry));
  }
  take_fast_end();
  watch_update(clock_microseconds());
  show_status(clock_microseconds());
  if (!end_is_due()) return 0;
  if (!the_end.frame_known) note_frame(the_end, exc_return);
  return 1;
}

/// `saved` points at r3 to r11 and EXC_RETURN, as exceptions.S pushed them. 0: not possible now; 1: go to
/// thread mode; 2: a Secure handler has to end first, go there.
std::uint32_t kernel_prepare_unwind(std::uint32_t exc_return, std::uint32_t* saved) {
  // After another Secure handler they are that one's.
  if ((exc_return & kReturnSecureFrame) == 0) note_callee_registers(the_end, saved + 1);
  if (worker_context.running != 0) {
    const std::uint32_t* above = saved + 10;
    const bool context = (exc_return & kReturnSecureFrame) == 0 ||
                         (exc_return & kReturnNoStateContext) == 0 || (above[0] & ~1u) == kSignature;
    const std::uint32_t interrupted = above[(context ? kStateContextWords : 0) + 7] & kXpsrException;
    if (interrupted != kPendSv) {  // the timer's handler, on the worker's stack
      scheduler_defer_tasklet();
      if (!context) return 0;
      silence_application();
      only_nonsecure = true;
      return 2;
    }
    if (context) saved[9] = kReturnWithContext;
    worker_context.worker_sp = reinterpret_cast<std::uint32_t>(saved);
    worker_context.running = 0;
  }
  silence_application();
  only_nonsecure = false;
  running = false;
  end_requested = false;
  scb().shcsr = scb().shcsr & ~(Scb::kPendSvActive | Scb::kMonitorActive);
  monitor_unwound();
  scheduler_unwound();
  return 1;
}

/// An active line takes the world it belongs to from ITNS; as a Secure one it can be ended by a Secure
/// exception return.
std::uint32_t kernel_next_active() {
  const std::uint32_t own = current_exception() - 16;
  for (unsigned i = 0; i < Nvic::kWords; ++i) {
    std::uint32_t active = nvic().iabr[i];
    if (only_nonsecure) active &= nvic().itns[i];
    if (own / 32 == i) active &= ~line_bit(own);
    if (active == 0) continue;
    const unsigned line = 32 * i + static_cast<unsigned>(__builtin_ctz(active));
    nvic().itns[i] = nvic().itns[i] & ~line_bit(line);
    full_barrier();
    return line + 16;
  }
  return 0;
}

void nmi_handler() {
  if (!handle_flash_nmi()) panic(2, flash_controller().eccr);
}

/// GTZC: somebody without the right to it touched something of Microvisor's. That can only be the
/// application, by itself or through a DMA channel of its own.
void illegal_access_handler() {
  std::uint32_t seen[8]{};
  std::uint32_t any = 0;
  for (unsigned i = 0; i < 4; ++i) {
    seen[i] = tzic1().sr[i] & tzic1().ier[i];
    tzic1().fcr[i] = seen[i];
    any |= seen[i];
  }
  for (unsigned i = 0; i < 2; ++i) {
    seen[4 + i] = tzic2().sr[i] & tzic2().ier[i];
    tzic2().fcr[i] = seen[4 + i];
    any |= seen[4 + i];
  }
  if (any == 0 || !running) return;
  if (end_is_open()) describe(the_end, EndCause::ReservedResource, kReturnSecureFrame);
  for (unsigned i = 0; i < 8; ++i) the_end.illegal_accesses[i] |= seen[i];
  if (!monitor_takes_fault()) end_application_by_last_fault();
}

void unexpected_handler() { panic(current_exception(), 0); }

}  // namespace microvisor::firmware::kernel
