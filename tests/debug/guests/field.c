/* An application as people have them, for a debugger far away: a tick, a structure, a function with
 * arguments, a call of Microvisor's in each round. `mode` is for the debugger to set. */
#include "guest.h"

enum { MODE_WORK, MODE_FAULT, MODE_BUSY_MASKED };

struct reading {
  uint32_t number;
  int16_t celsius[2];
  const char* place;
};

volatile uint32_t mode;
volatile uint32_t rounds;
volatile uint32_t ticks;
volatile uint32_t last_tick;
struct reading reading = {0, {0, 0}, "roof"};

void SysTick_Handler(void) {
  ++ticks;
  if (ticks % 8 == 0) last_tick = ticks;
}

__attribute__((noinline)) int scale(int value, int factor) {
  int product = value * factor;
  product += 1;
  return product;
}

__attribute__((noinline)) void take_reading(struct reading* to) {
  to->number = rounds;
  to->celsius[0] = (int16_t)scale((int)rounds, 2);
  to->celsius[1] = (int16_t)scale((int)rounds, 3);
}

__attribute__((noinline)) void fall(uint32_t depth) {
  if (depth != 0) fall(depth - 1);
  if (depth == 0) __asm__ volatile("udf #7");
  __asm__ volatile("" ::: "memory");
}

int main(void) {
  uint64_t now = 0;
  REG(0xE000E014) = 159999; /* 1 ms */
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  for (;;) {
    ++rounds;
    take_reading(&reading);
    mvGetMicroseconds(&now);
    if (mode == MODE_FAULT) fall(3);
    if (mode == MODE_BUSY_MASKED) {
      __asm__ volatile("cpsid i");
      for (;;) __asm__ volatile("nop");
    }
    __asm__ volatile("wfi");
  }
}
