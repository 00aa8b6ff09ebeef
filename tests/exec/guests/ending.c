/* Ends in the way that ENDING says. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t*)(address))

static uint32_t semihosting(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void finish(uint32_t reason, uint32_t code) {
  const uint32_t block[2] = {reason, code};
  semihosting(0x20, block);
}

static volatile uint32_t loaded = 0x600DF00D; /* a segment in SRAM */

/* All as at reset but for what `board exec` sets (RM0456 7.9.13 FLASH_OPTR, 7.9.16 FLASH_SECBOOTADD0R, 11.8
 * RCC). */
static uint32_t first_wrong(void) {
  if ((REGISTER(0x50022040) >> 31) != 1) return 1;                 /* TZEN */
  if ((REGISTER(0x5002204C) & 0xFFFFFF80) != 0x0C004000) return 2; /* SECBOOTADD0 */
  if (REGISTER(0xE000ED08) != 0x0C004000) return 3;                /* VTOR_S */
  if (loaded != 0x600DF00D) return 4;
  if (REGISTER(0x0C000000) != 0xFFFFFFFF) return 5; /* the rest of the flash is blank */
  if (REGISTER(0x0C100000) != 0xFFFFFFFF) return 6;
  if (REGISTER(0xE000EDD0) != 0) return 7; /* SAU_CTRL */
  if (REGISTER(0x42020000) != 0 && REGISTER(0x42020000) != 0xABFFFFFF)
    return 8;                                          /* GPIOA gated, or as at reset */
  if ((REGISTER(0x56020CF4) >> 27 & 1) != 1) return 9; /* BORRSTF: power-on */
  return 0;
}

void main(void) {
#if ENDING == 0
  semihosting(0x18, (const void*)0x20026);
#elif ENDING == 1
  semihosting(0x18, (const void*)0x20023);
#elif ENDING == 2
  finish(0x20026, 42);
#elif ENDING == 3
  finish(0x20024, 0);
#elif ENDING == 4
  for (;;) {
  }
#elif ENDING == 5
  __asm__ volatile("udf 0");
#elif ENDING == 6
  for (;;) __asm__ volatile("cpsid i\n\twfi");
#elif ENDING == 7
  finish(0x20026, first_wrong());
#endif
}

static void broken_handler(void) { __asm__ volatile("udf 0"); }

__attribute__((section(".vectors"), used)) static void (*const vectors[8])(void) = {
    (void (*)(void))0x30010000,
    main,
    broken_handler,
    broken_handler,
    broken_handler,
    broken_handler,
    broken_handler,
    broken_handler,
};
