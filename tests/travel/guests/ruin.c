/* An application that ruins itself: in its 40th round a pointer goes bad, eight rounds later it is used. For
 * a debugger that comes when all is over and goes back. */
#include "guest.h"

enum { BAD_ROUND = 40, USE_EVERY = 16 };

volatile uint32_t rounds;
volatile uint32_t ticks;
uint32_t spare;
uint32_t* volatile place = &spare;

void SysTick_Handler(void) { ++ticks; }

__attribute__((noinline)) uint32_t mix(uint32_t value) {
  uint32_t mixed = value * 2654435761u;
  mixed ^= mixed >> 15;
  return mixed;
}

__attribute__((noinline)) void spoil(uint32_t round) {
  if (round == BAD_ROUND) place = (uint32_t*)0x00000007;
}

__attribute__((noinline)) void use(uint32_t value) {
  if (value % USE_EVERY == 0) *place = mix(value);
}

int main(void) {
  uint64_t now = 0;
  place = &spare;
  REG(0xE000E014) = 159999; /* 1 ms */
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  for (;;) {
    ++rounds;
    spoil(rounds);
    use(rounds);
    mvGetMicroseconds(&now);
    __asm__ volatile("wfi");
  }
}
