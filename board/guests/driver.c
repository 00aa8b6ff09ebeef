/* See driver.h. */
#include "driver.h"

uint32_t core_clock;
volatile uint32_t ticks;

extern uint32_t zero_begin, zero_end;

void start_program(void) {
  for (volatile uint32_t* word = &zero_begin; word < &zero_end; ++word) *word = 0;
  core_clock = 4000000;
}

void set_bits(uint32_t address, uint32_t bits) { REGISTER(address) = REGISTER(address) | bits; }
void clear_bits(uint32_t address, uint32_t bits) { REGISTER(address) = REGISTER(address) & ~bits; }

void set_field(uint32_t address, unsigned shift, uint32_t mask, uint32_t value) {
  REGISTER(address) = (REGISTER(address) & ~(mask << shift)) | value << shift;
}

static void change_exclusively(uint32_t address, uint32_t clear, uint32_t set) {
  uint32_t value, refused;
  do {
    __asm__ volatile("ldrex %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    value = (value & ~clear) | set;
    __asm__ volatile("strex %0, %1, [%2]" : "=&r"(refused) : "r"(value), "r"(address) : "memory");
  } while (refused != 0);
}
void set_bits_exclusively(uint32_t address, uint32_t bits) { change_exclusively(address, 0, bits); }
void clear_bits_exclusively(uint32_t address, uint32_t bits) { change_exclusively(address, bits, 0); }

/* --- time */

void systick_handler(void) { ticks = ticks + 1; }

void start_ticks(void) {
  REGISTER(0xE000E014) = core_clock / 1000 - 1;
  REGISTER(0xE000E018) = 0;
  REGISTER(0xE000E010) = 7;
}

bool wait_until(uint32_t address, uint32_t mask, uint32_t value, uint32_t limit) {
  const uint32_t start = ticks;
  while ((REGISTER(address) & mask) != value) {
    if (ticks - start > limit) return false;
  }
  return true;
}

/* --- lines and pins */

void enable_line(unsigned line) { REGISTER(0xE000E100u + 4 * (line / 32)) = 1u << line % 32; }

void start_pin(char port, unsigned pin, unsigned mode, unsigned alternate) {
  set_bits(RCC + 0x8C, 1u << (port - 'A'));
  (void)REGISTER(RCC + 0x8C);
  set_field(GPIO(port) + 0x20 + 4 * (pin / 8), 4 * (pin % 8), 15, alternate);
  set_field(GPIO(port), 2 * pin, 3, mode);
}

/* --- clock tree */

/* The voltage's flags are polled by count, not by ticks: 50 us worth of loops. */
static void raise_voltage(uint32_t number) {
  set_bits(RCC + 0x94, 1u << 2);
  (void)REGISTER(RCC + 0x94);
  if ((REGISTER(PWR + 0x3C) >> 16 & 3) == 3) return;
  set_field(PWR + 0x0C, 16, 7, 7); /* VOS = 3, BOOSTEN */
  uint32_t left = 50 * (core_clock / 1000000) + 1;
  while ((REGISTER(PWR + 0x0C) & 1u << 15) == 0) check(--left != 0, number);
  while ((REGISTER(PWR + 0x3C) & 1u << 15) == 0) check(--left != 0, number);
}

/* MSIS 4 MHz * 80 / 2. The booster is off while the PLL's source and its divider are set. */
static void start_pll(uint32_t number) {
  set_bits(RCC + 0x08, 1u << 23);
  set_field(RCC + 0x08, 28, 15, 4);
  check(wait_until(RCC, 1u << 2, 1u << 2, 2), number);
  clear_bits(RCC, 1u << 24);
  check(wait_until(RCC, 1u << 25, 0, 2), number + 1);
  clear_bits(PWR + 0x0C, 1u << 18);
  REGISTER(RCC + 0x28) = (REGISTER(RCC + 0x28) & ~0xFF03u) | 1;
  REGISTER(RCC + 0x34) = 79u | 1u << 9 | 1u << 16 | 1u << 24;
  clear_bits(RCC + 0x28, 1u << 4);
  set_field(RCC + 0x38, 3, 0x1FFF, 0);
  set_bits(RCC + 0x28, 1u << 4);
  set_field(RCC + 0x28, 2, 3, 0);
  set_bits(PWR + 0x0C, 1u << 18);
  set_bits(RCC + 0x28, 1u << 18);
  set_bits(RCC, 1u << 24);
  check(wait_until(RCC, 1u << 25, 1u << 25, 2), number + 2);
}

static void switch_to_pll(uint32_t number) {
  set_field(FLASH, 0, 15, 4);
  check((REGISTER(FLASH) & 15) == 4, number);
  check(wait_until(PWR + 0x0C, 1u << 14, 1u << 14, 2), number + 1);
  set_field(RCC + 0x1C, 0, 3, 3);
  check(wait_until(RCC + 0x1C, 3u << 2, 3u << 2, 5000), number + 2);
}

void raise_clock(uint32_t first_check) {
  raise_voltage(first_check);
  start_pll(first_check + 1);
  switch_to_pll(first_check + 4);
  core_clock = 160000000;
  start_ticks();
}
