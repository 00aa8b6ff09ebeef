// The debugger's hand on the application: halts it, shows and changes its registers, lets it go on.
//
// DebugMonitor of the Secure state lies above everything of the application's and below everything of the
// kernel's (0x70, docs/kernel.md). A halted application is a DebugMonitor that sleeps: worker, calls, timer
// and modem go on above it, nothing of the application's does. It is open only while a debugging session is;
// then the worker is never beneath code of the application's. Closed, it costs nothing: no event reaches it.
//
// All functions are the worker's, but for those that say otherwise. Addresses are the application's; what is
// set is held to be right, since the application could do anything of it by itself.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/kernel/resident/application_registers.hpp"

namespace microvisor::firmware::kernel {

/// Why the application has halted; the values of protocol/debug/FORMAT.md.
enum class StopReason : std::uint8_t {
  Request = 1,      ///< the debugger asked for it
  Breakpoint = 2,   ///< before the instruction at PC
  Watchpoint = 3,   ///< behind the instruction that did it
  Step = 4,         ///< the step, or the range it was to leave, is done
  Fault = 5,        ///< going on from here ends the application, unless PC is changed
  Instruction = 6,  ///< a BKPT of the application's own stands at PC
  Start = 7,        ///< before its first instruction
};

struct Stop {
  StopReason reason = StopReason::Request;
  std::uint32_t watch = 0;   ///< of a watchpoint: the address it was set at
  std::uint32_t number = 0;  ///< counts the stops of a session; 0: none yet
};

enum class ResumeKind : std::uint8_t { Continue = 0, Step = 1, StepInRange = 2 };

/// How to go on. A breakpoint at PC itself is passed over.
struct Resume {
  ResumeKind kind = ResumeKind::Continue;
  std::uint32_t first = 0;  ///< StepInRange: as long as PC lies in [first, end)
  std::uint32_t end = 0;
};

enum class WatchKind : std::uint8_t { Write = 0, Read = 1, Access = 2 };

struct Watchpoint {
  std::uint32_t address = 0;
  std::uint32_t size = 0;  ///< bytes: 1, 2 or 4, and `address` a multiple of it
  WatchKind kind = WatchKind::Write;
};

/// Breakpoints at which the application runs at full speed.
inline constexpr unsigned kHardwareBreakpoints = 8;
/// With more than that it runs by single steps, and its image is still as it was installed.
inline constexpr unsigned kBreakpoints = 64;
inline constexpr unsigned kWatchComparators = 4;

/// Whether a session may be open at this read-out protection. Between none and full there is a debug port,
/// and a probe on it would have the Secure world while the monitor is open (Armv8-M Architecture Reference
/// Manual, DAUTHCTRL.INTSPIDEN).
[[nodiscard]] bool monitor_is_allowed();

/// A session begins. The application runs on.
void monitor_open();
/// It has ended: without breakpoints the application runs on.
void monitor_close();
/// Whether the application has taken breakpoints or a wish to halt away, which it can: FPB and DWT belong to
/// both worlds. Puts them back. About once a second.
void monitor_look_after();
/// Any context.
[[nodiscard]] bool monitor_is_open();
[[nodiscard]] bool monitor_has_halted();
/// The last stop; its number tells whether it is a new one.
[[nodiscard]] Stop monitor_last_stop();

/// The application halts before its next instruction; if none runs, before its first.
void monitor_halt();
/// The next time it starts it halts before its first instruction.
void monitor_halt_at_start();
/// Goes on. Without effect unless halted.
void monitor_resume(const Resume& resume);

/// The whole set. False: more than kBreakpoints.
[[nodiscard]] bool monitor_set_breakpoints(std::span<const std::uint32_t> addresses);
/// The whole set. False: more than kWatchComparators, not aligned, or the chip does not let them.
[[nodiscard]] bool monitor_set_watchpoints(std::span<const Watchpoint> watchpoints);

/// While halted. False: its stack pointer does not lead to a frame, or it is not halted.
[[nodiscard]] bool monitor_read_registers(ApplicationRegisters& registers);
/// False: there is no such register, or it cannot have this value.
[[nodiscard]] bool monitor_write_register(ApplicationRegister number, std::uint32_t value);

/// A fault of the application's, described in last_end(), is about to end it. True: it halts instead. From
/// the fault's handler.
[[nodiscard]] bool monitor_takes_fault();
/// A step with interrupts held off has made a HardFault of an exception that the application handles itself.
/// True: the instruction is executed again, with them. From the fault's handler.
[[nodiscard]] bool monitor_retries_step();
/// The application is about to begin at `entry`. From thread mode.
void monitor_application_starts(std::uint32_t entry);
/// The application has ended. From the unwinding.
void monitor_unwound();

}  // namespace microvisor::firmware::kernel
