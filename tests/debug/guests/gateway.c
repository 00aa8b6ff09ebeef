/* Non-secure code that calls a Secure function through a gateway (SG, BXNS), twice. */
#include <arm_cmse.h>

#include "guest.h"

#define NONSECURE __attribute__((section(".nonsecure"), noinline))
#define SAU 0xE000EDD0u

static volatile uint32_t served;

__attribute__((noinline, used)) static uint32_t serve(uint32_t value) {
  served = served + 1;
  return value + 1;
}

__attribute__((naked, aligned(32))) uint32_t gateway(uint32_t value __attribute__((unused))) {
  __asm__ volatile(
      "sg\n"
      "push {r4, lr}\n"
      "bl serve\n"
      "pop {r4, lr}\n"
      "bxns lr\n"
      ".balign 32\n");
}

NONSECURE uint32_t visit(uint32_t (*call)(uint32_t)) {
  const uint32_t first = call(40);
  return call(first) + 1;
}

__attribute__((noinline)) static void set_region(uint32_t number, uint32_t first, uint32_t last,
                                                 uint32_t callable) {
  REGISTER(SAU + 0x08) = number;
  REGISTER(SAU + 0x0C) = first;
  REGISTER(SAU + 0x10) = (last & ~0x1Fu) | callable << 1 | 1u;
}

typedef uint32_t visitor(uint32_t (*)(uint32_t)) __attribute__((cmse_nonsecure_call));

void main(void) {
  served = 0;
  REGISTER(0x56020C88u) |= 1u << 24; /* RCC_AHB1ENR.GTZC1EN */
  for (uint32_t block = 0; block < 4; ++block) REGISTER(0x50033100u + 4 * block) = 0; /* MPCBB2, SRAM2 */
  set_region(0, 0x20030000u, 0x2003FFFFu, 0);
  set_region(1, (uint32_t)&gateway & ~1u, (uint32_t)&gateway | 0x1Fu, 1);
  REGISTER(SAU) = 1;
  __asm__ volatile("msr msp_ns, %0\n dsb\n isb" ::"r"(0x20038000));
  visitor* other = (visitor*)cmse_nsfptr_create((visitor*)(uint32_t)&visit);
  check(other(&gateway) == 43 && served == 2, 1);
  finish(0);
}
