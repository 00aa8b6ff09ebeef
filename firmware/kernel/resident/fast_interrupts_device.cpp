// Fast interrupts in the interrupt controller, and the watch over them.
//
// Everything here but the changes of lines runs at 0x10 or above, where Atomic does not hold it off: it
// touches nothing that Atomic guards. The Secure SysTick, at 0x00, counts what the application's handler
// takes.
#include "firmware/kernel/resident/fast_interrupts_device.hpp"

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/drivers/stm32u5/systick.hpp"
#include "firmware/drivers/stm32u5/tim.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/resident/trap.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

extern "C" {
FastInterruptContext fast_interrupt_context;
std::uint32_t fast_interrupt_begin();
void fast_interrupt_end();
std::uint32_t fast_interrupt_overdue(std::uint32_t exc_return);
}

namespace {

constexpr std::uint32_t kCyclesAMicrosecond = kSystemClock / 1'000'000;
constexpr std::uint32_t kHangCycles = FastInterruptLoad::kHang * kCyclesAMicrosecond;
static_assert(kHangCycles <= 0x0100'0000);  // SysTick has 24 bits
/// What the core and exceptions.S do for an interrupt before SysTick counts and behind that.
constexpr std::uint32_t kCyclesAround = 70;

FastInterruptLoad load(kCyclesAMicrosecond);

}  // namespace

Address application_vector_table() { return scb_nonsecure().vtor; }

bool line_is_in_service(std::uint32_t line) { return line_is_active(line); }

std::uint8_t take_line(std::uint32_t line) {
  disable_line(line);
  full_barrier();
  const std::uint8_t priority = nvic().ipr[line];
  nvic().itns[line / 32] = nvic().itns[line / 32] & ~line_bit(line);
  nvic().ipr[line] = kPriorityFastInterrupt;
  full_barrier();
  return priority;
}

void give_line_back(std::uint32_t line, std::uint8_t priority) {
  disable_line(line);
  full_barrier();
  nvic().itns[line / 32] = nvic().itns[line / 32] | line_bit(line);
  nvic().ipr[line] = priority;
  full_barrier();
}

void let_line_interrupt(std::uint32_t line, bool let) { let ? enable_line(line) : disable_line(line); }

void start_fast_interrupts() { systick().rvr = kHangCycles - 1; }

/// What to call; begins to count.
std::uint32_t fast_interrupt_begin() {
  const std::uint32_t exception = current_exception();
  const std::uint32_t line = exception - 16;
  const Address handler = services().fast_interrupts.handler_of(line);
  if (handler == 0) {
    disable_line(line);
    return 0;
  }
  fast_interrupt_context.exception = exception;
  systick().cvr = 0;  // the next clock loads RVR
  systick().csr = SysTick::kEnable | SysTick::kInterrupt | SysTick::kProcessorClock;
  return handler;
}

void fast_interrupt_end() {
  const std::uint32_t left = systick().cvr;
  systick().csr = 0;
  if (load.add(tim5().cnt, kHangCycles - left + kCyclesAround)) {
    end_fast_interrupts(EndCause::FastInterruptFlood, kReturnSecureFrame);
  }
}

/// True: the application's handler is still running. Else the interrupt is just ending by itself.
std::uint32_t fast_interrupt_overdue(std::uint32_t exc_return) {
  if ((exc_return & kReturnSecureFrame) != 0 || !in_fast_interrupt()) return 0;
  end_fast_interrupts(EndCause::FastInterruptHangs, exc_return);
  return 1;
}

}  // namespace microvisor::firmware::kernel
