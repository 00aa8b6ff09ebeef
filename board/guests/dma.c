/* GPDMA1 as secure firmware uses it: what moves, what wakes the core, what a channel of the other world
 * meets, and what it does to code and to flash. */
#include "guest.h"

#define RCC_AHB1ENR REGISTER(0x56020C88u)
#define GPDMA 0x50020000u
#define SECCFGR REGISTER(GPDMA + 0x00)
#define PRIVCFGR REGISTER(GPDMA + 0x04)
#define CHANNEL(x) (GPDMA + 0x50 + 0x80 * (x))
#define CxFCR(x) REGISTER(CHANNEL(x) + 0x0C)
#define CxSR(x) REGISTER(CHANNEL(x) + 0x10)
#define CxCR(x) REGISTER(CHANNEL(x) + 0x14)
#define CxTR1(x) REGISTER(CHANNEL(x) + 0x40)
#define CxTR2(x) REGISTER(CHANNEL(x) + 0x44)
#define CxBR1(x) REGISTER(CHANNEL(x) + 0x48)
#define CxSAR(x) REGISTER(CHANNEL(x) + 0x4C)
#define CxDAR(x) REGISTER(CHANNEL(x) + 0x50)
#define WORDS (2u | 2u << 16)
#define SINC (1u << 3)
#define DINC (1u << 19)
#define SECURE_BOTH (1u << 15 | 1u << 31)
#define TCF (1u << 8)
#define DTEF (1u << 10)
#define TZIC_SR4 REGISTER(0x5003281Cu)
#define TZIC_FCR4 REGISTER(0x5003282Cu)
#define FLASH 0x50022000u
#define NSCR REGISTER(FLASH + 0x28)
#define SECKEYR REGISTER(FLASH + 0x0C)
#define SECSR REGISTER(FLASH + 0x24)
#define SECCR REGISTER(FLASH + 0x2C)

#define SOURCE 0x30008000u
#define TARGET 0x30009000u

static volatile uint32_t interrupts;
static uint32_t table[16 + 126] __attribute__((aligned(1024)));

static void channel0_handler(void) {
  ++interrupts;
  CxFCR(0) = 0x7F00;
}

static void start(unsigned x, uint32_t from, uint32_t to, uint32_t bytes, uint32_t tr1, uint32_t enables) {
  CxFCR(x) = 0x7F00;
  CxTR1(x) = tr1;
  CxTR2(x) = 1u << 9;
  CxBR1(x) = bytes;
  CxSAR(x) = from;
  CxDAR(x) = to;
  CxCR(x) = 1 | enables;
}

static uint32_t finish_channel(unsigned x) {
  while ((CxSR(x) & 1) == 0) {
  }
  return CxSR(x) & 0x7F00;
}

static void copies_and_wakes(void) {
  for (unsigned word = 0; word < 64; ++word) REGISTER(SOURCE + 4 * word) = 0x01010101u * word;
  for (unsigned entry = 0; entry < 16; ++entry) table[entry] = REGISTER(0x0C000000u + 4 * entry);
  table[16 + 29] = (uint32_t)channel0_handler;
  REGISTER(0xE000ED08u) = (uint32_t)table;
  REGISTER(0xE000E100u) = 1u << 29;
  SECCFGR = 1;
  PRIVCFGR = 1; /* SRAM starts privileged */
  start(0, SOURCE, TARGET, 256, WORDS | SINC | DINC | SECURE_BOTH, TCF);
  while (interrupts == 0) __asm__ volatile("wfi");
  check(interrupts == 1, 1);
  for (unsigned word = 0; word < 64; ++word) check(REGISTER(TARGET + 4 * word) == 0x01010101u * word, 2);
}

/* A non-secure channel moves zeros out of secure memory and nothing into it, and TZIC names the memory. */
static void other_world(void) {
  PRIVCFGR = 2;
  REGISTER(0x50032C00u + 0x100) = 0; /* first 16 KiB of SRAM1 non-secure */
  REGISTER(0x50032C00u) = 1u << 31;  /* SRWILADIS */
  REGISTER(0x30000000u) = 0x55555555u;
  TZIC_FCR4 = ~0u;
  start(1, SOURCE + 4, 0x20000000u, 4, WORDS, 0);
  check(finish_channel(1) == (TCF | 1u << 9), 3);
  check(REGISTER(0x30000000u) == 0, 4);
  check(TZIC_SR4 == 1u << 24, 5);
  TZIC_FCR4 = ~0u;
  start(1, 0x20000000u, TARGET + 4, 4, WORDS, 0);
  check(finish_channel(1) == (TCF | 1u << 9), 6);
  check(REGISTER(TARGET + 4) == 0x01010101u, 7);
  check(TZIC_SR4 == 1u << 24, 8);
}

/* The instruction that has already run is no longer what it was. */
static void changes_code(void) {
  static const uint16_t first[] = {0x2001, 0x4770};  /* movs r0, #1; bx lr */
  static const uint16_t second[] = {0x2002, 0x4770}; /* movs r0, #2; bx lr */
  uint32_t (*const function)(void) = (uint32_t(*)(void))(TARGET + 0x101);
  REGISTER(TARGET + 0x100) = *(const uint32_t*)first;
  REGISTER(SOURCE) = *(const uint32_t*)second;
  __asm__ volatile("dsb\n isb" ::: "memory");
  check(function() == 1, 9);
  SECCFGR = 4;
  PRIVCFGR = 4;
  start(2, SOURCE, TARGET + 0x100, 4, WORDS | SECURE_BOTH, 0);
  check(finish_channel(2) == (TCF | 1u << 9), 10);
  check(function() == 2, 11);
}

static void programs_flash(void) {
  SECKEYR = 0x45670123u;
  SECKEYR = 0xCDEF89ABu;
  SECCR = 1;
  start(2, TARGET, 0x0C102000u, 32, WORDS | SINC | DINC | SECURE_BOTH, 0);
  check(finish_channel(2) == (TCF | 1u << 9), 12);
  while (SECSR & (1u << 16)) {
  }
  check(SECSR == 0, 13);
  SECCR = 0;
  for (unsigned word = 0; word < 8; ++word) {
    check(REGISTER(0x0C102000u + 4 * word) == REGISTER(TARGET + 4 * word), 14);
  }
  /* Bytes are refused as they are from the core. */
  SECCR = 1;
  start(2, TARGET, 0x0C102100u, 4, SECURE_BOTH, 0);
  finish_channel(2);
  check((SECSR & (1u << 6)) != 0, 15); /* SIZERR */
  SECCR = 0;
  SECSR = 0xF8;
}

/* A wrong key by DMA shuts the register as by the core, and the error comes back as an error of the channel.
 */
static void locks_keys(void) {
  REGISTER(SOURCE) = 0x12345678u;
  start(1, 0x20000000u, 0x40022010u, 4, WORDS, 0); /* OPTKEYR, by the non-secure channel */
  check(finish_channel(1) == DTEF, 16);
  REGISTER(FLASH + 0x08) = 0x45670123u;
  REGISTER(FLASH + 0x08) = 0xCDEF89ABu;
  check((NSCR & 1u << 31) == 0, 17);
  start(2, SOURCE, 0x50022008u, 4, WORDS | SECURE_BOTH, 0); /* NSKEYR */
  check(finish_channel(2) == DTEF, 18);
  check((NSCR >> 30) == 3, 19);
}

void main(void) {
  interrupts = 0;
  RCC_AHB1ENR |= 1u | 1u << 24;
  copies_and_wakes();
  other_world();
  changes_code();
  programs_flash();
  locks_keys();
  finish(0);
}
