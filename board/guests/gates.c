/* Registers that the core has learnt to reach directly must vanish with their clock and with their
 * permissions. */
#include "guest.h"

#define RCC_AHB1ENR REGISTER(0x56020C88u)
#define RCC_APB1ENR1 REGISTER(0x56020C9Cu)
#define TIM2_ARR REGISTER(0x5000002Cu)
#define TIM2_CNT REGISTER(0x50000024u)
#define TIM2_CR1 REGISTER(0x50000000u)
#define TZSC1_PRIVCFGR1 REGISTER(0x50032420u)

static uint32_t as_unprivileged(volatile uint32_t* address) {
  uint32_t value;
  __asm__ volatile("ldrt %0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static void gate(void) {
  RCC_APB1ENR1 |= 1;
  TIM2_ARR = 1234;
  check(TIM2_ARR == 1234, 1);
  check(TIM2_ARR == 1234, 2);
  RCC_APB1ENR1 &= ~1u;
  check(TIM2_ARR == 0, 3); /* a block without clock reads zero */
  TIM2_ARR = 99;           /* and takes nothing */
  RCC_APB1ENR1 |= 1;
  check(TIM2_ARR == 1234, 4);
}

static void privilege(void) {
  RCC_AHB1ENR |= 1u << 24; /* GTZC1EN */
  check(as_unprivileged(&TIM2_ARR) == 1234, 5);
  TZSC1_PRIVCFGR1 |= 1; /* TIM2 */
  check(TIM2_ARR == 1234, 6);
  check(as_unprivileged(&TIM2_ARR) == 0, 7);
  TZSC1_PRIVCFGR1 &= ~1u;
  check(as_unprivileged(&TIM2_ARR) == 1234, 8);
}

/* One clock an instruction at reset: reads in a row are one tick apart, and wrap at the reload value. */
static void counter(void) {
  uint32_t first;
  uint32_t second;
  TIM2_ARR = 9;
  TIM2_CR1 = 1;
  for (uint32_t turn = 0; turn < 100; ++turn) {
    __asm__ volatile("ldr %0, [%2]\n ldr %1, [%2]" : "=&r"(first), "=r"(second) : "r"(&TIM2_CNT) : "memory");
    check(second == (first + 1) % 10, 9);
  }
  check((REGISTER(0x50000010u) & 1) == 1, 10); /* UIF was not lost on the way */
}

void main(void) {
  gate();
  privilege();
  counter();
  finish(0);
}
