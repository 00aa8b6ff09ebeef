// The end of an application, whatever brings it about, and the end of the kernel.
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::firmware::kernel {

enum class EndCause : std::uint8_t {
  None,
  Fault,                 // it did what it may not do
  ReservedResource,      // it touched a peripheral or memory of Microvisor's
  HandlerDoesNotReturn,  // one of its interrupt handlers holds everything up
  ContextSwitch,         // it has switched context while the worker was interrupted
  CompatibilityMode,     // the same, and is to run in compatibility mode
  FastInterruptHangs,    // one of its fast interrupts does not return
  FastInterruptFlood,    // they take more than their share of the processor
  Restart,               // it asked for it, or the service did
  DebuggerRestart,
  TestingComplete,
};

/// What was found when the application ended.
struct ApplicationEnd {
  EndCause cause = EndCause::None;
  std::uint8_t exception = 0;  // the Secure exception that found it
  bool frame_known = false;
  std::uint32_t pc = 0, lr = 0, xpsr = 0;
  // What a crash report has beside these (resident/crash_registers.cpp).
  bool callee_known = false;          // r[4] to r[11]
  std::array<std::uint32_t, 13> r{};  // r0 to r12; all but the callee's with the frame
  std::uint32_t sp = 0;               // before the frame was pushed
  std::uint32_t exc_return = 0;
  std::uint32_t msp = 0, psp = 0, msplim = 0, psplim = 0;
  std::uint8_t control = 0, primask = 0, basepri = 0, faultmask = 0;
  std::uint32_t mmfar = 0, bfar = 0, sfar = 0, mmfar_nonsecure = 0;
  std::uint32_t sfsr = 0, hfsr = 0, cfsr = 0, cfsr_nonsecure = 0;
  std::uint32_t address = 0;  // of the access, if address_known
  bool address_known = false;
  std::uint32_t illegal_accesses[8]{};  // TZIC1 SR1 to SR4, TZIC2 SR1, SR2
};

/// How the application that ran last came to its end.
[[nodiscard]] const ApplicationEnd& last_end();
void clear_last_end();

/// Asks for the end; the tasklet carries it out before the application's next instruction. Any Secure
/// context. A cause that stands already is not replaced.
void end_application_for(EndCause cause);

/// The same from a fast interrupt or above, where Atomic holds nothing off. `exc_return`: of the exception
/// that found it, to tell where the application was.
void end_fast_interrupts(EndCause cause, std::uint32_t exc_return);

/// What last_end() describes, which the debugger has held up, takes its course.
void end_application_by_last_fault();

/// The application's code stands at a gate: performs the call, until it is done or `given_up`. From
/// DebugMonitor.
void finish_gate_call(std::uint32_t exc_return, const volatile bool& given_up);

/// The application's code is about to run (or does), or not.
void set_application_running(bool running);
[[nodiscard]] bool application_running();

/// Software-pended interrupt at the priority of system calls.
void pend_tasklet();

/// Address of a `bx lr` in the application's flash, for calls whose return address is an EXC_RETURN.
void set_return_instruction(std::uint32_t address);

/// Writes `value` to `address`, where a bus error is a possible answer. True: there was one.
[[nodiscard]] bool write_expecting_bus_fault(std::uint32_t address, std::uint32_t value);
/// One access of `width` bytes (1, 2 or 4) at a multiple of it, likewise.
[[nodiscard]] bool access_expecting_bus_fault(std::uint32_t address, unsigned width, bool write,
                                              std::uint32_t& value);

/// The kernel cannot go on: leaves a record and resets the chip.
[[noreturn]] void panic(std::uint32_t code, std::uint32_t detail);

}  // namespace microvisor::firmware::kernel
