/* Changes of world: Secure code calls a Non-secure function and gets it back (BLXNS, FNC_RETURN), or, with
 * GATEWAY defined, Non-secure code calls a Secure function through a gateway (SG, BXNS). Ten calls a turn,
 * counted in r4 on the far side; ROUNDS is thousands of turns. */
#include "guest.h"

#define SAU 0xE000EDD0u

/* Non-secure memory for the code and its stack, and what opens it. */
#ifdef MPS2
#define NONSECURE 0x28200000u
static void open_memory(void) {
  const uint32_t checker = 0x58009000u; /* memory protection controller of SSRAM3 (AN505, MPC registers) */
  REGISTER(checker) &= ~0x100u;
  for (uint32_t block = 0; block <= REGISTER(checker + 0x10); ++block) {
    REGISTER(checker + 0x18) = block;
    REGISTER(checker + 0x1C) = 0xFFFFFFFFu;
  }
  REGISTER(0x50080014u) = 3; /* Secure aliases may be callable (NSCCFG) */
}
#else
#define NONSECURE 0x20030000u
static void open_memory(void) {
  REGISTER(0x56020C88u) |= 1u << 24; /* RCC_AHB1ENR.GTZC1EN */
  for (uint32_t block = 0; block < 4; ++block) REGISTER(0x50033100u + 4 * block) = 0; /* MPCBB2, SRAM2 */
}
#endif

static void set_region(uint32_t number, uint32_t first, uint32_t last, uint32_t callable) {
  REGISTER(SAU + 0x08) = number;
  REGISTER(SAU + 0x0C) = first;
  REGISTER(SAU + 0x10) = (last & ~0x1Fu) | callable << 1 | 1u;
}

/* Position-independent: these run from Non-secure memory. */
#ifndef GATEWAY
__attribute__((naked, aligned(4))) static void callee(void) { __asm volatile("adds r4, #1\n bx lr"); }
#else
__attribute__((naked, aligned(4))) static void caller(void) {
  __asm volatile(
      "push {r5, lr}\n"
      "1: .rept 10\n blx r6\n .endr\n"
      "subs r5, #1\n"
      "bne 1b\n"
      "pop {r5, pc}\n");
}
#endif

__attribute__((naked, aligned(32), section(".text.gateway"))) static void gateway(void) {
  __asm volatile(
      "sg\n"
      "adds r4, #1\n"
      "bxns lr\n"
      ".balign 32\n");
}

static uint32_t place(void (*function)(void), uint32_t offset) {
  const uint32_t source = (uint32_t)function & ~1u;
  for (uint32_t done = 0; done < 64; done += 4) REGISTER(NONSECURE + offset + done) = REGISTER(source + done);
  return NONSECURE + offset;
}

uint32_t run(void) {
  open_memory();
  const uint32_t gate = (uint32_t)gateway & ~1u;
  set_region(0, NONSECURE, NONSECURE + 0x7FFF, 0);
  set_region(1, gate, gate + 31, 1);
  REGISTER(SAU) = 1;
  __asm volatile("msr msp_ns, %0\n dsb\n isb" ::"r"(NONSECURE + 0x8000u) : "memory");
  register uint32_t calls __asm("r4") = 0;
  register uint32_t turns __asm("r5") = ROUNDS * 1000u;
#ifdef GATEWAY
  register uint32_t target __asm("r6") = gate | 1u;
  const uint32_t entry = place(caller, 0);
  __asm volatile("blxns %3\n" : "+r"(calls), "+r"(turns), "+r"(target) : "r"(entry) : "lr", "cc", "memory");
#else
  register uint32_t target __asm("r6") = place(callee, 0);
  __asm volatile(
      "1: .rept 10\n blxns r6\n .endr\n"
      "subs r5, #1\n"
      "bne 1b\n"
      : "+r"(calls), "+r"(turns), "+r"(target)
      :
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
#endif
  return calls;
}
