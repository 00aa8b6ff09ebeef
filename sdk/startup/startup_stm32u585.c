/* Start-up code of an application: the vector table of the STM32U585 and the reset handler.
 *
 * Microvisor has set the clocks, cleared the RAM and loaded MSP from the first word before it jumps here;
 * nothing of RCC, PWR or FLASH is to be set up. Every handler is weak: define a function of the same name to
 * take an interrupt. */
#include <stdint.h>

extern uint32_t _sidata, _sdata, _edata, _sbss, _ebss, _estack;
extern void __libc_init_array(void);
extern int main(void);

void Reset_Handler(void);

static void unexpected_interrupt(void) {
  for (;;) {
  }
}

/* newlib's __libc_init_array calls these; there is nothing for them to do. */
void _init(void) {}
void _fini(void) {}

void Reset_Handler(void) {
  const uint32_t* from = &_sidata;
  for (uint32_t* to = &_sdata; to < &_edata;) *to++ = *from++;
  for (uint32_t* to = &_sbss; to < &_ebss;) *to++ = 0;
  __libc_init_array();
  main();
  for (;;) {
  }
}

#define WEAK_HANDLER(name) void name(void) __attribute__((weak, alias("unexpected_interrupt")))

// clang-format off
#define STM32U585_INTERRUPTS(X) \
  X(WWDG) X(PVD_PVM) X(RTC) X(RTC_S) X(TAMP) X(RAMCFG) X(FLASH) X(FLASH_S) X(GTZC) X(RCC) X(RCC_S) \
  X(EXTI0) X(EXTI1) X(EXTI2) X(EXTI3) X(EXTI4) X(EXTI5) X(EXTI6) X(EXTI7) X(EXTI8) X(EXTI9) \
  X(EXTI10) X(EXTI11) X(EXTI12) X(EXTI13) X(EXTI14) X(EXTI15) X(IWDG) X(SAES) X(GPDMA1_Channel0) \
  X(GPDMA1_Channel1) X(GPDMA1_Channel2) X(GPDMA1_Channel3) X(GPDMA1_Channel4) X(GPDMA1_Channel5) \
  X(GPDMA1_Channel6) X(GPDMA1_Channel7) X(ADC1) X(DAC1) X(FDCAN1_IT0) X(FDCAN1_IT1) X(TIM1_BRK) \
  X(TIM1_UP) X(TIM1_TRG_COM) X(TIM1_CC) X(TIM2) X(TIM3) X(TIM4) X(TIM5) X(TIM6) X(TIM7) X(TIM8_BRK) \
  X(TIM8_UP) X(TIM8_TRG_COM) X(TIM8_CC) X(I2C1_EV) X(I2C1_ER) X(I2C2_EV) X(I2C2_ER) X(SPI1) X(SPI2) \
  X(USART1) X(USART2) X(USART3) X(UART4) X(UART5) X(LPUART1) X(LPTIM1) X(LPTIM2) X(TIM15) X(TIM16) \
  X(TIM17) X(COMP) X(OTG_FS) X(CRS) X(FMC) X(OCTOSPI1) X(PWR_S3WU) X(SDMMC1) X(SDMMC2) \
  X(GPDMA1_Channel8) X(GPDMA1_Channel9) X(GPDMA1_Channel10) X(GPDMA1_Channel11) X(GPDMA1_Channel12) \
  X(GPDMA1_Channel13) X(GPDMA1_Channel14) X(GPDMA1_Channel15) X(I2C3_EV) X(I2C3_ER) X(SAI1) X(SAI2) \
  X(TSC) X(AES) X(RNG) X(FPU) X(HASH) X(PKA) X(LPTIM3) X(SPI3) X(I2C4_ER) X(I2C4_EV) X(MDF1_FLT0) \
  X(MDF1_FLT1) X(MDF1_FLT2) X(MDF1_FLT3) X(UCPD1) X(ICACHE) X(OTFDEC1) X(OTFDEC2) X(LPTIM4) \
  X(DCACHE1) X(ADF1) X(ADC4) X(LPDMA1_Channel0) X(LPDMA1_Channel1) X(LPDMA1_Channel2) \
  X(LPDMA1_Channel3) X(DMA2D) X(DCMI_PSSI) X(OCTOSPI2) X(MDF1_FLT4) X(MDF1_FLT5) X(CORDIC) X(FMAC) \
  X(LSECSSD)
// clang-format on

#define DECLARE(name) WEAK_HANDLER(name##_IRQHandler);
#define ENTRY(name) name##_IRQHandler,

WEAK_HANDLER(NMI_Handler);
WEAK_HANDLER(HardFault_Handler);
WEAK_HANDLER(MemManage_Handler);
WEAK_HANDLER(BusFault_Handler);
WEAK_HANDLER(UsageFault_Handler);
WEAK_HANDLER(SVC_Handler);
WEAK_HANDLER(DebugMon_Handler);
WEAK_HANDLER(PendSV_Handler);
WEAK_HANDLER(SysTick_Handler);
STM32U585_INTERRUPTS(DECLARE)

typedef void (*Vector)(void);

__attribute__((section(".isr_vector"), used)) static const struct {
  uint32_t* initial_stack;
  Vector exceptions[15];
  Vector interrupts[126];
} vector_table = {
    &_estack,
    {Reset_Handler, NMI_Handler, HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler,
     0, 0, 0, 0, SVC_Handler, DebugMon_Handler, 0, PendSV_Handler, SysTick_Handler},
    {STM32U585_INTERRUPTS(ENTRY)},
};
