/* System start-up, oscillators, 160 MHz, Stop mode and 160 MHz again, as the vendor's start-up file and RCC
 * driver go about it. PC13 rising ends the Stop mode. */
#include "driver.h"

static void system_init(void) {
  REGISTER(RCC) = 1; /* a plain write: MSIK and all others go off */
  REGISTER(RCC + 0x1C) = 0;
  REGISTER(RCC + 0x20) = 0;
  REGISTER(RCC + 0x24) = 0;
  clear_bits(RCC, 1u << 16 | 1u << 19 | 1u << 24 | 1u << 26 | 1u << 28);
  REGISTER(RCC + 0x28) = 0;
  clear_bits(RCC, 1u << 18);
  REGISTER(RCC + 0x50) = 0;
  check((REGISTER(RCC) & 1u << 5) == 0, 1); /* MSIKRDY */
}

/* Each is switched on and off again; the ready flag follows both ways. */
static void oscillator(uint32_t address, unsigned on, unsigned ready, uint32_t limit, uint32_t number) {
  set_bits(address, 1u << on);
  check(wait_until(address, 1u << ready, 1u << ready, limit), number);
  clear_bits(address, 1u << on);
  check(wait_until(address, 1u << ready, 0, limit), number + 1);
}

static void oscillators(void) {
  set_bits(RCC + 0x94, 1u << 2);
  (void)REGISTER(RCC + 0x94);
  oscillator(RCC, 4, 5, 2, 10);     /* MSIK */
  oscillator(RCC, 8, 10, 2, 12);    /* HSI16 */
  oscillator(RCC, 12, 13, 2, 14);   /* HSI48 */
  oscillator(RCC, 14, 15, 2, 16);   /* SHSI */
  oscillator(RCC, 16, 17, 100, 18); /* HSE */
  set_bits(PWR + 0x28, 1);
  check(wait_until(PWR + 0x28, 1, 1, 2), 20);
  oscillator(RCC + 0xF0, 26, 27, 2, 22);  /* LSI */
  oscillator(RCC + 0xF0, 0, 1, 5000, 24); /* LSE */
  set_bits(RCC + 0xF0, 1);
  check(wait_until(RCC + 0xF0, 1u << 1, 1u << 1, 5000), 26);
  oscillator(RCC + 0xF0, 7, 11, 5000, 28); /* LSESYS */
}

static void stop_until_button(void) {
  start_pin('C', 13, 0, 0);
  set_field(EXTI + 0x6C, 8, 0xFF, 2);
  set_bits(EXTI + 0x00, 1u << 13);
  set_bits(EXTI + 0x80, 1u << 13);
  enable_line(11 + 13);
  set_field(PWR, 0, 7, 2);
  clear_bits(0xE000E010, 2); /* the tick would wake the core */
  set_bits(0xE000ED10, 1u << 2);
  __asm__ volatile("dsb\n\twfi");
  clear_bits(0xE000ED10, 1u << 2);
  set_bits(0xE000E010, 2);
}

static volatile unsigned buttons;
void interrupt(unsigned line) {
  check(line == 11 + 13, 90);
  REGISTER(EXTI + 0x0C) = 1u << 13;
  ++buttons;
}

void main(void) {
  start_program();
  system_init();
  start_ticks();
  oscillators();
  raise_clock(30);
  set_bits(PWR + 0x38, 1); /* CSSF */
  check((REGISTER(PWR + 0x38) & 3) == 0, 40);
  print("asleep\n");
  stop_until_button();
  check(buttons == 1, 41);
  check((REGISTER(PWR + 0x38) & 2) != 0, 42);              /* STOPF */
  check((REGISTER(RCC + 0x1C) & 0xF) == 0, 43);            /* MSIS again */
  check((REGISTER(RCC) & (1u << 24 | 1u << 25)) == 0, 44); /* PLL1 is off */
  core_clock = 4000000;
  start_ticks();
  raise_clock(50);
  const uint32_t start = ticks;
  while (ticks - start < 100) {
  }
  finish(0);
}
