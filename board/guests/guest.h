/* What the bare test programs share: registers, semihosting, and the names of the linker script. */
#ifndef MICROVISOR_BOARD_GUEST_H
#define MICROVISOR_BOARD_GUEST_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t*)(address))

static inline uint32_t semihosting(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static inline void print(const char* text) { semihosting(0x04, text); }

static inline void finish(uint32_t status) {
  const uint32_t block[2] = {0x20026, status};
  semihosting(0x20, block);
  for (;;) {
  }
}

/* Ends the program with the number of the first check that fails. */
static inline void check(int holds, uint32_t number) {
  if (!holds) finish(number);
}

#endif
