/* Sleeps through a hundred SysTick periods of 10 ms at 4 MHz. */
#include "guest.h"

static volatile uint32_t ticks;

void systick_handler(void) { ++ticks; }

void main(void) {
  ticks = 0;
  REGISTER(0xE000E014) = 40000 - 1;
  REGISTER(0xE000E018) = 0;
  REGISTER(0xE000E010) = 7;
  while (ticks < 100) __asm__ volatile("wfi");
  finish(0);
}
