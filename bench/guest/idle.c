/* A device that waits: asleep, woken by SysTick a hundred times a second, with a little to do each time. */
#include "guest.h"

#ifdef MPS2
#define CLOCK 25000000u /* of the mps2-an505 */
#else
#define CLOCK 4000000u /* MSIS after reset */
#endif

static volatile uint32_t ticks;

void systick_handler(void) { ++ticks; }

uint32_t run(void) {
  REGISTER(0xE000E014) = CLOCK / 100 - 1; /* SYST_RVR */
  REGISTER(0xE000E018) = 0;               /* SYST_CVR */
  REGISTER(0xE000E010) = 7;               /* SYST_CSR */
  for (;;) __asm volatile("wfi");
}
