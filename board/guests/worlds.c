/* All ways between the worlds, in the middle of each other: Secure code calls Non-secure code, that calls
 * back through a gateway (SG) and branches to plain Secure memory (a trap gate: SecureFault.INVEP, whose
 * handler sends it back); a Secure and a Non-secure SysTick interrupt either. */
#include "guest.h"

#define SAU 0xE000EDD0u
#define SFSR REGISTER(0xE000EDE4u)
#define VTOR_NS REGISTER(0xE002ED08u)
#define SYSTICK 0xE000E010u
#define SYSTICK_NS 0xE002E010u
#define TURNS 30u

/* SRAM2 by its Non-secure alias: code, vectors, what its handler counts, stack. */
#define NONSECURE 0x20030000u
#define VECTORS 0x400u
#define COUNTER 0x800u
#define STACK 0x1000u

static volatile uint32_t ticks, traps;

void systick_handler(void) { ++ticks; }

/* Returns to whoever branched to Secure memory: with the basic frame on the Non-secure stack. */
void secure_fault_handler(void) {
  uint32_t* frame;
  __asm__ volatile("mrs %0, msp_ns" : "=r"(frame));
  check(SFSR == 1, 1); /* INVEP and nothing else */
  SFSR = 1;
  frame[6] = frame[5] & ~1u;
  ++traps;
}

/* Position-independent: these run from Non-secure memory. */
__attribute__((naked, aligned(4))) static void caller(void) {
  __asm__ volatile(
      "push {r5, lr}\n"
      "1: blx r6\n"
      "blx r7\n"
      "subs r5, #1\n"
      "bne 1b\n"
      "pop {r5, pc}\n");
}
__attribute__((naked, aligned(4))) static void nonsecure_tick(void) {
  __asm__ volatile(
      "movw r0, #0x0800\n"
      "movt r0, #0x2003\n"
      "ldr r1, [r0]\n"
      "adds r1, #1\n"
      "str r1, [r0]\n"
      "bx lr\n");
}

__attribute__((naked, aligned(32), section(".text.gateway"))) static void gateway(void) {
  __asm__ volatile(
      "sg\n"
      "adds r4, #1\n"
      "bxns lr\n"
      ".balign 32\n");
}

static void open_memory(void) {
  REGISTER(0x56020C88u) |= 1u << 24; /* RCC_AHB1ENR.GTZC1EN */
  for (uint32_t block = 0; block < 4; ++block) REGISTER(0x50033100u + 4 * block) = 0; /* MPCBB2 */
}

static void set_region(uint32_t number, uint32_t first, uint32_t last, uint32_t callable) {
  REGISTER(SAU + 0x08) = number;
  REGISTER(SAU + 0x0C) = first;
  REGISTER(SAU + 0x10) = (last & ~0x1Fu) | callable << 1 | 1u;
}

static uint32_t place(void (*function)(void), uint32_t offset) {
  const uint32_t source = (uint32_t)function & ~1u;
  for (uint32_t done = 0; done < 32; done += 4) REGISTER(NONSECURE + offset + done) = REGISTER(source + done);
  return NONSECURE + offset;
}

static void start_ticks(uint32_t systick, uint32_t period) {
  REGISTER(systick + 4) = period - 1;
  REGISTER(systick + 8) = 0;
  REGISTER(systick) = 7;
}

void main(void) {
  ticks = traps = 0;
  open_memory();
  const uint32_t gate = (uint32_t)gateway & ~1u;
  set_region(0, NONSECURE, NONSECURE + 0x7FFF, 0);
  set_region(1, gate, gate + 31, 1);
  REGISTER(SAU) = 1;
  REGISTER(0xE000ED24u) |= 1u << 19; /* SHCSR.SECUREFAULTENA */
  REGISTER(NONSECURE + VECTORS + 4 * 15) = place(nonsecure_tick, 0x100) | 1u;
  REGISTER(NONSECURE + COUNTER) = 0;
  VTOR_NS = NONSECURE + VECTORS;
  __asm__ volatile("msr msp_ns, %0\n dsb\n isb" ::"r"(NONSECURE + STACK) : "memory");
  start_ticks(SYSTICK, 97);
  start_ticks(SYSTICK_NS, 131);
  register uint32_t calls __asm__("r4") = 0;
  register uint32_t turns __asm__("r5") = TURNS;
  register uint32_t target __asm__("r6") = gate | 1u;
  register uint32_t trap __asm__("r8") = (uint32_t)main | 1u;
  register uint32_t entry __asm__("r3") = place(caller, 0);
  __asm__ volatile(
      "push {r7, r9}\n"
      "mov r7, r8\n"
      "blxns r3\n"
      "pop {r7, r9}\n"
      : "+r"(calls), "+r"(turns), "+r"(target), "+r"(entry)
      : "r"(trap)
      : "r0", "r1", "r2", "r12", "lr", "cc", "memory");
  REGISTER(SYSTICK) = REGISTER(SYSTICK_NS) = 0;
  check(calls == TURNS, 2);
  check(traps == TURNS, 3);
  check(ticks > 5, 4);
  check(REGISTER(NONSECURE + COUNTER) > 5, 5);
  finish(0);
}
