/* RCC as the vendor's drivers see it through peek and poke, and what they derive from it. Status codes are
 * ignored. */
#include "driver.h"

#define TIM6 0x40001000u
#define FLASH_ACR 0x40022000u

uint32_t system_core_clock = 4000000;
static volatile uint32_t milliseconds;

uint32_t peek(uint32_t address) {
  uint32_t value = 0;
  mvPeriphPeek32(address, &value);
  return value;
}
void poke_set(uint32_t address, uint32_t bits) { mvPeriphPoke32(address, bits, bits); }
void poke_clear(uint32_t address, uint32_t bits) { mvPeriphPoke32(address, bits, 0); }
void poke_whole(uint32_t address, uint32_t value) { mvPeriphPoke32(address, 0xFFFFFFFFu, value); }

/* --- clock tree (RM0456 sections 11.8.3, 11.8.6, 11.8.10 to 11.8.12, 11.8.44) */

static uint32_t msis_hertz(void) {
  static const uint32_t ranges[16] = {48000000, 24000000, 16000000, 12000000, 4000000, 2000000,
                                      1330000,  1000000,  3072000,  1536000,  1024000, 768000,
                                      400000,   200000,   133000,   100000};
  const uint32_t icscr1 = peek(RCC + 0x08);
  const bool own_range = (icscr1 >> 23 & 1) != 0;
  const uint32_t standby_range = peek(RCC + 0xF4) >> 12 & 15;
  return ranges[own_range ? icscr1 >> 28 : standby_range];
}

static uint32_t pll1_hertz(uint32_t msis) {
  static const float oscillators[4] = {0, 0, 16000000, 16000000};
  const uint32_t configuration = peek(RCC + 0x28);
  const uint32_t source = configuration & 3;
  const float fraction = (configuration >> 4 & 1) != 0 ? (float)(peek(RCC + 0x38) >> 3 & 0x1FFF) : 0;
  const uint32_t divider = peek(RCC + 0x34);
  const float input = source < 2 ? (float)msis : oscillators[source];
  const float oscillator =
      input / (float)((configuration >> 8 & 15) + 1) * ((float)(divider & 0x1FF) + fraction / 8192.0f + 1.0f);
  return (uint32_t)(oscillator / (float)((divider >> 24 & 0x7F) + 1));
}

static uint32_t sysclk_hertz(void) {
  const uint32_t msis = msis_hertz();
  switch (peek(RCC + 0x1C) >> 2 & 3) {
    case 0: return msis;
    case 3: return pll1_hertz(msis);
    default: return 16000000;
  }
}

static const uint8_t ahb_shift[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 7, 8, 9};

void update_core_clock(void) { system_core_clock = sysclk_hertz() >> ahb_shift[peek(RCC + 0x20) & 15]; }

/* --- priorities: the grouping is read back at each call */

void set_priority(unsigned line, unsigned priority) {
  ASSERT((AIRCR >> 8 & 7) == 3);
  REGISTER8(0xE000E400u + line) = (uint8_t)(priority << 4);
}

void enable_interrupt(unsigned line) { REGISTER(0xE000E100u + 4 * (line / 32)) = 1u << (line % 32); }
void clear_pending(unsigned line) {
  REGISTER(0xE000E280u + 4 * (line / 32)) = 1u << (line % 32);
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

/* --- tick */

void TIM6_IRQHandler(void) {
  const uint32_t status = REGISTER(TIM6 + 0x10);
  const uint32_t enabled = REGISTER(TIM6 + 0x0C);
  if ((status & enabled & 1) == 0) return;
  REGISTER(TIM6 + 0x10) = ~1u;
  milliseconds = milliseconds + 1;
}

void start_tick(void) {
  uint32_t pclk1 = 0;
  poke_set(RCC + 0x9C, 1u << 4);
  const bool divided = (peek(RCC + 0x20) >> 4 & 7) != 0;
  peek(RCC + 0x1C);
  peek(RCC + 0x24);
  peek(FLASH_ACR);
  mvGetPClk1(&pclk1);
  const uint32_t timer_clock = divided ? 2 * pclk1 : pclk1;
  REGISTER(TIM6 + 0x00) = REGISTER(TIM6 + 0x00) & ~0x80u;
  REGISTER(TIM6 + 0x2C) = 999;
  REGISTER(TIM6 + 0x28) = timer_clock / 1000000 - 1;
  REGISTER(TIM6 + 0x14) = 1;
  REGISTER(TIM6 + 0x0C) = REGISTER(TIM6 + 0x0C) | 1;
  REGISTER(TIM6 + 0x00) = REGISTER(TIM6 + 0x00) | 1;
  enable_interrupt(TIM6_LINE);
  set_priority(TIM6_LINE, 0);
}

uint32_t tick(void) { return milliseconds; }

void delay(uint32_t wait) {
  const uint32_t start = tick();
  while (tick() - start < wait + 1) {
  }
}

void driver_start(void) {
  const uint32_t grouping = (AIRCR & ~0xFFFF0700u) | 0x05FA0000u | 3u << 8;
  ASSERT(grouping == 0x05FA0300u);
  AIRCR = grouping;
  /* The one field of RCC that is loaded without the call. On a secured prescaler it reads 0, which is also
   * its value. */
  const uint32_t cfgr2 = REGISTER(RCC + 0x20);
  system_core_clock = sysclk_hertz() >> ahb_shift[cfgr2 & 15];
  start_tick();
}
