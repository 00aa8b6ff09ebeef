/* Its own debug monitor: a breakpoint belongs to one alias of the flash, a watchpoint tells of a store. */
#include "guest.h"

#define DFSR REGISTER(0xE000ED30u)
#define DEMCR REGISTER(0xE000EDFCu)
#define DAUTHCTRL REGISTER(0xE000EE04u)
#define FP_CTRL REGISTER(0xE0002000u)
#define FP_COMP0 REGISTER(0xE0002008u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DWT_COMP0 REGISTER(0xE0001020u)
#define DWT_FUNCTION0 REGISTER(0xE0001028u)

static volatile uint32_t breaks, watches, watched;

void debug_monitor_handler(void) {
  if ((DFSR & 2) != 0) ++breaks;
  if ((DFSR & 4) != 0) ++watches;
  DFSR = 0x1F;
  FP_CTRL = 2; /* so that the instruction can be executed */
}

__attribute__((noinline)) static uint32_t function(uint32_t value) {
  __asm__ volatile("" : "+r"(value));
  return value + 1;
}

static uint32_t call(uint32_t address, uint32_t value) { return ((uint32_t(*)(uint32_t))address)(value); }

void main(void) {
  const uint32_t here = (uint32_t)&function;
  const uint32_t other = here - 0x04000000u;
  breaks = watches = watched = 0;
  DAUTHCTRL = 3;
  DEMCR = 1u << 24 | 1u << 16;
  check((DEMCR & 1u << 20) != 0, 1);

  FP_COMP0 = (other & ~1u) | 1;
  FP_CTRL = 3;
  check(call(here, 1) == 2 && breaks == 0, 2);
  check(call(other, 2) == 3 && breaks == 1, 3);
  FP_COMP0 = (here & ~1u) | 1;
  FP_CTRL = 3;
  check(call(other, 3) == 4 && breaks == 1, 4);
  check(call(here, 4) == 5 && breaks == 2, 5);

  DWT_COMP0 = (uint32_t)&watched;
  DWT_FUNCTION0 = 5 | 1u << 4 | 2u << 10; /* writes, debug event, word */
  watched = 7;
  check(watches == 1, 6);
  (void)watched;
  check(watches == 1, 7);
  finish(0);
}
