// What the parts of the monitor share: the application as DebugMonitor found it, and the units that find it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/kernel/resident/monitor.hpp"
#include "firmware/kernel/resident/trap.hpp"

namespace microvisor::firmware::kernel {

/// The application's code that DebugMonitor has interrupted. The registers that hardware has not stacked are
/// on the handler's stack and go back from there.
struct HaltedContext {
  Frame* frame = nullptr;          // null: its stack pointer leads nowhere
  std::uint32_t* saved = nullptr;  // r4 to r11
  std::uint32_t exc_return = 0;
  bool floating_point = false;           // the frame has room for S0 to S15 and FPSCR
  std::array<std::uint32_t, 16> high{};  // S16 to S31
  std::uint32_t stack_pointer = 0;       // before the frame was pushed
};

/// Fills the context, floating point included. From DebugMonitor's handler.
void take_context(HaltedContext& context, std::uint32_t exc_return, std::uint32_t* saved);
/// What was changed takes effect: floating point, and the place of the frame.
void give_context_back(HaltedContext& context);

/// All registers; `context` has a frame.
void read_context(const HaltedContext& context, ApplicationRegisters& to);
/// False: there is no such register, or it cannot have this value.
[[nodiscard]] bool write_context(HaltedContext& context, ApplicationRegister number, std::uint32_t value);

/// Number of the frame's bytes.
[[nodiscard]] std::uint32_t frame_size(const HaltedContext& context);

/// Breakpoints in the FPB: the first kHardwareBreakpoints, and that at the application's entry, if there is
/// one (0: none).
void load_breakpoints(std::span<const std::uint32_t> addresses, std::uint32_t entry);
void enable_breakpoints(bool on);
/// False: they need more comparators, or the chip's DWT is not there at this protection.
[[nodiscard]] bool load_watchpoints(std::span<const Watchpoint> watchpoints);
/// Address at which the watchpoint that has matched was set; 0: none has.
[[nodiscard]] std::uint32_t take_matched_watchpoint();
/// FPB and DWT comparators as after reset.
void clear_debug_units();

}  // namespace microvisor::firmware::kernel
