/* Reads of peripheral registers: four a step, each of another block, forty a turn; one of them is a counter
 * that runs. ROUNDS is thousands of turns. */
#include "guest.h"

#ifdef MPS2
/* mps2-an505, Secure aliases: timer 0 VALUE, UART 0 STATE, FPGAIO LED0, dual timer VALUE. */
static void start(void) {
  REGISTER(0x50000008u) = 0xFFFFFFFFu;
  REGISTER(0x50000000u) = 1;
}
#define COUNTER 0x50000004u
#define SERIAL 0x50200004u
#define PINS 0x50302000u
#define CONTROL 0x50002004u
#else
/* STM32U585, Secure aliases: TIM2_CNT, USART2_ISR, GPIOA_IDR, RCC_CR. */
static void start(void) {
  REGISTER(0x56020C8Cu) |= 1u;              /* RCC_AHB2ENR1.GPIOAEN */
  REGISTER(0x56020C9Cu) |= 1u | (1u << 17); /* RCC_APB1ENR1.TIM2EN, USART2EN */
  REGISTER(0x50000000u) = 1;                /* TIM2_CR1.CEN */
}
#define COUNTER 0x50000024u
#define SERIAL 0x5000441Cu
#define PINS 0x52020010u
#define CONTROL 0x56020C00u
#endif

uint32_t run(void) {
  start();
  uint32_t turns = ROUNDS * 1000u;
  uint32_t reads = 0;
  __asm volatile(
      "1: .rept 10\n ldr r0, [%2]\n ldr r1, [%3]\n ldr r2, [%4]\n ldr r3, [%5]\n .endr\n"
      "adds %1, #40\n"
      "subs %0, #1\n"
      "bne 1b\n"
      : "+r"(turns), "+r"(reads)
      : "r"(COUNTER), "r"(SERIAL), "r"(PINS), "r"(CONTROL)
      : "r0", "r1", "r2", "r3", "cc", "memory");
  return reads;
}
