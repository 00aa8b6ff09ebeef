/* Interrupts that leave Microvisor no time: after parameters.value interrupts of TIM6 at the priority
 * parameters.address, one that never ends, or one that comes again and again. With parameters.value = 0 the
 * first one does so, and the test raises the line. */
#include "guest.h"

enum { KIND_SPIN, KIND_STORM, KIND_SLEEP, KIND_CALLS };

static volatile uint32_t interrupts;

void TIM6_IRQHandler(void) {
  const uint32_t last = ++interrupts >= parameters.value;
  if (!last || parameters.kind != KIND_STORM) REG(TIM6 + 0x10) = 0;
  if (last && parameters.kind == KIND_SPIN) {
    for (;;) __asm__ volatile("nop");
  }
  if (last && parameters.kind == KIND_SLEEP) {
    for (;;) __asm__ volatile("wfi");
  }
  while (last && parameters.kind == KIND_CALLS) {
    uint64_t now;
    mvGetMicroseconds(&now);
  }
}

int main(void) {
  uint8_t reason[1] = {0};
  console_start();
  mvGetWakeReason((enum MvWakeReason*)reason);
  print_number("start", reason[0]);
  if (reason[0] != MV_WAKEREASON_COLDBOOT) {
    for (;;) __asm__ volatile("wfi");
  }
  REG8(NVIC_IPR + 49) = (uint8_t)parameters.address;
  mvPeriphPoke32(RCC_APB1ENR1, 0x10, 0x10);
  REG(TIM6 + 0x28) = 0;
  REG(TIM6 + 0x2C) = 7919; /* about 50 us */
  REG(TIM6 + 0x14) = 1;
  REG(TIM6 + 0x10) = 0;
  REG(TIM6 + 0x0C) = 1;
  REG(TIM6 + 0x00) = parameters.value != 0;
  REG(NVIC_ISER + 4) = 1u << 17;
  for (;;) __asm__ volatile("wfi");
  return 0;
}
