// The device's side of fast interrupts: what exceptions.S, fault handlers and start-up need of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::kernel {

/// What exceptions.S shares with C++: where the fast interrupt that runs has saved the registers (0: the
/// application's code is not running in one), and its exception number.
struct FastInterruptContext {
  std::uint32_t frame;
  std::uint32_t exception;
};
static_assert(offsetof(FastInterruptContext, exception) == 4);
extern "C" FastInterruptContext fast_interrupt_context;

/// The application's code is running in a fast interrupt.
[[nodiscard]] inline bool in_fast_interrupt() { return fast_interrupt_context.frame != 0; }

/// Prepares the clock that watches them. Once.
void start_fast_interrupts();

}  // namespace microvisor::firmware::kernel
