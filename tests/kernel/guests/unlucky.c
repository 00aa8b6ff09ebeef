/* Dies after a random time in a random way: in a task, in a handler, in a handler on top of a handler. */
#include "guest.h"

#define WAYS 8

static volatile uint32_t left;
static volatile uint32_t way;

static void die(void) {
  switch (way) {
    case 0: __asm__ volatile("udf #0"); break;
    case 1: REG(0x30080000) = 1; break;
    case 2: REG(0x40003000) = 0xAAAA; break; /* IWDG */
    case 3: __asm__ volatile("bx %0" : : "r"(0xFFFFFFD1)); break;
    case 4: __asm__ volatile("msr msp, %0\n\tpush {r0}" : : "r"(0x30000000)); break;
    case 5: __asm__ volatile("bkpt #2"); break;
    default: break;
  }
  for (;;) __asm__ volatile("udf #1");
}

void TIM7_IRQHandler(void) { die(); }

void TIM6_IRQHandler(void) {
  uint64_t now = 0;
  REG(TIM6 + 0x10) = 0;
  mvGetMicroseconds(&now);
  if (left != 0 && --left == 0) {
    if (way == 6) {
      REG(NVIC_ISPR + 4) = 1u << 18; /* TIM7, more urgent */
      __asm__ volatile("dsb\n\tisb");
    }
    if (way != 7) die();
    left = 0xFFFFFFFF;
  }
}

int main(void) {
  uint64_t now = 0;
  uint32_t seed;
  console_start();
  mvGetMicroseconds(&now);
  seed = (uint32_t)now * 2654435761u;
  way = (seed >> 8) % WAYS;
  left = 1 + (seed >> 16) % 200;
  print_number("start", way);
  REG8(NVIC_IPR + 49) = 0x40;
  REG8(NVIC_IPR + 50) = 0x20;
  mvPeriphPoke32(RCC_APB1ENR1, 0x10, 0x10);
  REG(TIM6 + 0x28) = 159;
  REG(TIM6 + 0x2C) = 40 + seed % 60; /* 10 to 25 kHz */
  REG(TIM6 + 0x14) = 1;
  REG(TIM6 + 0x10) = 0;
  REG(TIM6 + 0x0C) = 1;
  REG(TIM6 + 0x00) = 1;
  REG(NVIC_ISER + 4) = (1u << 17) | (1u << 18);
  while (left != 0xFFFFFFFF) mvNoOp();
  die();
  return 0;
}
