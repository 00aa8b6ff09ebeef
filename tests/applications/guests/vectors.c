/* Vector table of 142 words and reset handler, as the vendor's start-up file has them: the stack pointer is
 * set again, .data is copied word by word, .bss cleared, constructors run, and the application begins. There
 * is no system initialisation: the non-secure variant of it does nothing. */
#include <stdint.h>

#include "driver.h"

extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;
extern void __libc_init_array(void);
extern int main(void);

void _init(void) {}
void _fini(void) {}

__attribute__((used)) static void begin(void) {
  const uint32_t* from = &_sidata;
  for (uint32_t* to = &_sdata; to < &_edata;) *to++ = *from++;
  for (uint32_t* to = &_sbss; to < &_ebss;) *to++ = 0;
  __libc_init_array();
  main();
  for (;;) {
  }
}

__attribute__((naked)) void Reset_Handler(void) { __asm__ volatile("ldr sp, =_estack\n\tb begin\n\t.ltorg"); }

/* What nobody handles is a loop, which the test sees as silence. */
void unhandled(void) {
  for (;;) {
  }
}

#define WEAK __attribute__((weak, alias("unhandled")))
WEAK void SVC_Handler(void);
WEAK void PendSV_Handler(void);
WEAK void SysTick_Handler(void);
WEAK void EXTI3_IRQHandler(void);
WEAK void EXTI11_IRQHandler(void);
WEAK void TIM1_BRK_IRQHandler(void);
WEAK void TIM2_IRQHandler(void);
WEAK void TIM8_BRK_IRQHandler(void);

typedef void (*vector)(void);

#pragma GCC diagnostic ignored "-Woverride-init"
__attribute__((section(".isr_vector"), used)) const vector vector_table[142] = {
    [0] = (vector)&_estack,
    [1] = Reset_Handler,
    [2 ... 6] = unhandled,
    [11] = SVC_Handler,
    [12] = unhandled,
    [14] = PendSV_Handler,
    [15] = SysTick_Handler,
    [16 ... 141] = unhandled,
    [16 + EXTI3_LINE] = EXTI3_IRQHandler,
    [16 + EXTI11_LINE] = EXTI11_IRQHandler,
    [16 + TIM1_BRK_LINE] = TIM1_BRK_IRQHandler,
    [16 + TIM2_LINE] = TIM2_IRQHandler,
    [16 + TIM6_LINE] = TIM6_IRQHandler,
    [16 + TIM8_BRK_LINE] = TIM8_BRK_IRQHandler,
};
