/* Leaves everything in disorder and dies; started again it looks whether its world is as after a reset. */
#include "guest.h"

#define TIM2 0x40000000u
#define GPIOC 0x42020800u
#define EXTI 0x46022000u
#define UNTOUCHED ((volatile uint32_t*)0x20060000u)
#define SRAM4 ((volatile uint32_t*)0x28000100u)

static void check(const char* what, uint32_t value, uint32_t expected) {
  if (value != expected) print_hex(what, value);
}

static void make_dirty(void) {
  *UNTOUCHED = 0xDEADBEEF;
  *SRAM4 = 0xDEADBEEF;
  mvPeriphPoke32(RCC_APB1ENR1, 0x3F, 0x3F); /* TIM2 to TIM7, as far as they may be had */
  mvPeriphPoke32(0x46020CE0, 0xFFFFFFFF, 0xFFFFFFFF);
  REG(TIM2 + 0x2C) = 1000;
  REG(TIM2 + 0x0C) = 1;
  REG(TIM2 + 0x00) = 1;
  REG(NVIC_ISER + 4) = 1u << 14;
  REG(NVIC_ISPR + 4) = 1u << 18;
  REG8(NVIC_IPR + 45) = 0x50;
  REG(GPIOC + 0x00) = 0x55555555; /* a port with pins of Microvisor's */
  REG(EXTI + 0x00) = 0x8;
  REG(EXTI + 0x80) = 0x8;
  REG(0xE000E014) = 5000;
  REG(0xE000E010) = 5;
  REG(0xE000ED94) = 0; /* MPU: one region, off */
  REG(0xE000ED98) = 3;
  REG(0xE000ED9C) = 0x20000000;
  REG(0xE000EDA0) = 0x2007FFE1;
  REG(0xE000ED0C) = 0x05FA0300;
  REG(0xE000ED14) = 0x219;
  REG(0xE000ED20) = 0xF0F00000;
  REG(0xE000ED24) = 1u << 16; /* MemManage only: the fault that follows is nobody's */
}

static void look(void) {
  uint32_t value = 0;
  check("ram", *UNTOUCHED, 0);
  check("sram4", *SRAM4, 0);
  mvPeriphPeek32(RCC_APB1ENR1, &value);
  check("clocks", value & ~0x20000u, 8); /* TIM5 is the kernel's */
  mvPeriphPeek32(0x46020CE0, &value);
  check("selectors", value, 0);
  check("nvic", REG(NVIC_ISER + 4), 0);
  check("pending", REG(NVIC_ISPR + 4), 0);
  check("priority", REG8(NVIC_IPR + 45), 0);
  check("exti mask", REG(EXTI + 0x80) & 0xFFFF, 0);
  check("exti edge", REG(EXTI + 0x00) & 0xFFFF, 0);
  check("systick", REG(0xE000E010) & 3, 0);
  check("reload", REG(0xE000E014), 0);
  check("mpu", REG(0xE000ED94), 0);
  REG(0xE000ED98) = 3;
  check("region", REG(0xE000EDA0), 0);
  check("aircr", REG(0xE000ED0C) & 0x700, 0);
  check("ccr", REG(0xE000ED14) & 0x18, 0);
  check("shpr", REG(0xE000ED20), 0);
  check("shcsr", REG(0xE000ED24), 0);
  check("vtor", REG(0xE000ED08), 0x08000000);
  mvPeriphPoke32(RCC_APB1ENR1, 1, 1);
  check("timer", REG(TIM2), 0);
  check("period", REG(TIM2 + 0x2C), 0xFFFFFFFF);
  uint32_t control = 1, basepri = 1, limit = 1;
  __asm__ volatile("mrs %0, control\n\tmrs %1, basepri\n\tmrs %2, msplim"
                   : "=r"(control), "=r"(basepri), "=r"(limit));
  check("control", control, 0);
  check("basepri", basepri, 0);
  check("msplim", limit, 0);
}

int main(void) {
  uint8_t reason[1] = {0};
  console_start();
  mvGetWakeReason((enum MvWakeReason*)reason);
  if (reason[0] != MV_WAKEREASON_APPLICATIONCRASH) {
    make_dirty();
    __asm__ volatile("udf #1");
  }
  look();
  print("looked");
  for (;;) __asm__ volatile("wfi");
  return 0;
}
