/* What a debugger is tried on: a loop whose instructions have names, a tick, a call of Microvisor's, faults.
 * The kind can be changed while it runs. */
#include "guest.h"

enum { KIND_LOOP, KIND_FAULT, KIND_MASKED, KIND_BKPT, KIND_SLEEP, KIND_OWN_HANDLER };

volatile uint32_t kind;
volatile uint32_t rounds;
volatile uint32_t ticks;
volatile uint32_t watched;
volatile uint32_t usage_faults;

void SysTick_Handler(void) {
  ++ticks;
  if (ticks % 4 == 0) watched = ticks;
}

/* Skips the undefined instruction. */
__attribute__((naked)) void UsageFault_Handler(void) {
  __asm__ volatile(
      "ldr r0, [sp, #24]\n"
      "adds r0, #2\n"
      "str r0, [sp, #24]\n"
      "ldr r1, =usage_faults\n"
      "ldr r0, [r1]\n"
      "adds r0, #1\n"
      "str r0, [r1]\n"
      "ldr r1, =0xE000ED28\n" /* CFSR */
      "ldr r0, =0xFFFFFFFF\n"
      "str r0, [r1]\n"
      "bx lr\n"
      ".ltorg\n");
}

/* r0 = r0 + 6, in steps of 1, 2, 3; the labels are what the test steps through. */
__attribute__((naked, noinline)) uint32_t sequence(uint32_t value) {
  (void)value;
  __asm__ volatile(
      ".global step_1, step_2, step_3, step_4\n"
      "step_1: adds r0, #1\n"
      "step_2: adds r0, #2\n"
      "step_3: adds r0, #3\n"
      "step_4: bx lr\n");
}

__attribute__((naked, noinline)) void undefined(void) {
  __asm__ volatile(
      ".global undefined_instruction, behind_undefined\n"
      "undefined_instruction: udf #1\n"
      "behind_undefined: bx lr\n");
}

__attribute__((naked, noinline)) void breakpoint(void) {
  __asm__ volatile(
      ".global breakpoint_instruction, behind_breakpoint\n"
      "breakpoint_instruction: bkpt #0\n"
      "behind_breakpoint: bx lr\n");
}

/* Calls mvGetMicroseconds at call_site, comes back to behind_call. */
__attribute__((naked, noinline)) uint32_t call(uint64_t* now) {
  (void)now;
  __asm__ volatile(
      ".global call_site, behind_call\n"
      "push {r4, lr}\n"
      "ldr r4, =mvGetMicroseconds\n"
      "call_site: blx r4\n"
      "behind_call: movs r1, #7\n"
      "pop {r4, pc}\n"
      ".ltorg\n");
}

int main(void) {
  uint64_t now = 0;
  console_start();
  kind = parameters.kind;
  REG(0xE000ED88) |= 0xFu << 20; /* CPACR: floating point */
  REG(0xE000E014) = 159999;      /* 1 ms */
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  print_number("start", kind);
  for (;;) {
    rounds = sequence(rounds) - 5;
    call(&now);
    __asm__ volatile(".fpu fpv5-sp-d16\n vmov.f32 s0, #2.0\n vmov.f32 s20, #3.0\n .fpu softvfp");
    if (kind == KIND_MASKED) __asm__ volatile("cpsid i");
    if (kind == KIND_FAULT) undefined();
    if (kind == KIND_BKPT) breakpoint();
    if (kind == KIND_SLEEP) __asm__ volatile("wfi");
    if (kind == KIND_OWN_HANDLER) {
      REG(0xE000E010) = 0;         /* the tick would come before the fault */
      REG(0xE000ED24) |= 1u << 18; /* SHCSR.USGFAULTENA */
      undefined();
    }
  }
  return 0;
}
