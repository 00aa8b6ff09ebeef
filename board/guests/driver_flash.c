/* The flash driver's ways: unlocking both halves, quad-word, burst of eight quad-words, page erase polled and
 * by interrupt, a block made non-secure, locking. Errors of the last operation are flags, and stay until
 * written back. */
#include "driver.h"

#define NSKEYR REGISTER(FLASH + 0x08)
#define SECKEYR REGISTER(FLASH + 0x0C)
#define SECSR REGISTER(FLASH + 0x24)
#define NSCR REGISTER(FLASH + 0x28)
#define SECCR REGISTER(FLASH + 0x2C)
#define PAGE 20u
#define TARGET (0x0C000000u + PAGE * 0x2000u)
#define ERRORS 0xFAu
#define LINE 7

static volatile unsigned operations;

void interrupt(unsigned line) {
  check(line == LINE, 90);
  check((SECSR & ERRORS) == 0, 91);
  if ((SECSR & 1) == 0) return;
  SECSR = 1; /* EOP */
  SECCR = SECCR & ~(1u << 1);
  operations = operations + 1;
}

static void wait_for_last(uint32_t number) {
  check(wait_until(FLASH + 0x24, 3u << 16, 0, 1000), number);
  check((SECSR & ERRORS) == 0, number);
  if ((SECSR & 1) != 0) SECSR = 1;
}

static void unlock(void) {
  NSKEYR = 0x45670123u;
  NSKEYR = 0xCDEF89ABu;
  check((NSCR >> 31) == 0, 1);
  SECKEYR = 0x45670123u;
  SECKEYR = 0xCDEF89ABu;
  check((SECCR >> 31) == 0, 2);
}

static void program(uint32_t address, uint32_t rows, uint32_t mode, uint32_t number) {
  wait_for_last(number);
  set_bits(FLASH + 0x2C, mode);
  __asm__ volatile("cpsid i" ::: "memory");
  for (uint32_t offset = 0; offset < 16 * rows; offset += 4)
    REGISTER(address + offset) = 0x5A000000u + offset;
  __asm__ volatile("cpsie i" ::: "memory");
  wait_for_last(number);
  clear_bits(FLASH + 0x2C, mode);
  for (uint32_t offset = 0; offset < 16 * rows; offset += 4)
    check(REGISTER(address + offset) == 0x5A000000u + offset, number + 1);
}

static void erase(bool by_interrupt, uint32_t number) {
  wait_for_last(number);
  clear_bits(FLASH + 0x2C, 1u << 11);
  if (by_interrupt) set_bits(FLASH + 0x2C, 3u << 24);
  SECCR = (SECCR & ~(0x7Fu << 3)) | PAGE << 3 | 1u << 1 | 1u << 16;
  if (by_interrupt) {
    const uint32_t start = ticks;
    while (operations == 0) check(ticks - start < 1000, number);
    clear_bits(FLASH + 0x2C, 3u << 24);
  } else {
    wait_for_last(number);
    clear_bits(FLASH + 0x2C, 1u << 1);
  }
  for (uint32_t offset = 0; offset < 0x2000; offset += 256)
    check(REGISTER(TARGET + offset) == 0xFFFFFFFFu, number + 1);
}

static void block_security(void) {
  REGISTER(FLASH + 0x80) = 0x10u; /* SECBB1R1 */
  check(REGISTER(FLASH + 0x80) == 0x10u, 50);
  REGISTER(FLASH + 0x80) = 0;
  check(REGISTER(FLASH + 0x80) == 0, 51);
}

void main(void) {
  start_program();
  start_ticks();
  raise_clock(60);
  enable_line(LINE);
  unlock();
  program(TARGET, 1, 1, 10);                  /* PG */
  program(TARGET + 128, 8, 1 | 1u << 14, 20); /* PG, BWR */
  erase(false, 30);
  program(TARGET + 128, 8, 1 | 1u << 14, 22);
  erase(true, 40);
  block_security();
  set_bits(FLASH + 0x2C, 1u << 31);
  check((SECCR >> 31) == 1, 52);
  SECKEYR = 0x45670123u;
  SECKEYR = 0xCDEF89ABu;
  check((SECCR >> 31) == 0, 53);
  finish(0);
}
