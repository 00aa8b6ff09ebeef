/* The small kernel's hold on the core (Armv8-M manual: exception frames, BASEPRI, PSPLIM, EXC_RETURN). Built
 * for a core without use of TrustZone: a context is PSPLIM, EXC_RETURN and r4 to r11 below the hardware's
 * frame, nothing of a secure stack. */
#include "rtos_port.h"

#include "driver.h"

/* Two generations: the number of the supervisor call that starts the first task, and the priority up to which
 * critical sections mask. */
#ifndef START_CALL
#define START_CALL 2
#endif
#ifndef MASKED_PRIORITY
#define MASKED_PRIORITY 0xA0
#endif
#define TEXT_OF(value) #value
#define TEXT(value) TEXT_OF(value)

#define ICSR REGISTER(0xE000ED04)
#define VTOR REGISTER(0xE000ED08)
#define SHPR2 REGISTER(0xE000ED1C)
#define SHPR3 REGISTER(0xE000ED20)
#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)

void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
void supervisor_call(const uint32_t* frame);

static unsigned lowest_group;

uint32_t* port_first_frame(uint32_t* stack, size_t words, void (*entry)(void*), void* argument,
                           void (*exit)(void)) {
  uint32_t* sp = stack + words;
  *--sp = 0x01000000;
  *--sp = (uint32_t)(uintptr_t)entry;
  *--sp = (uint32_t)(uintptr_t)exit;
  *--sp = 0x12121212;
  for (uint32_t value = 0x03030303; value != 0; value -= 0x01010101) *--sp = value;
  *--sp = (uint32_t)(uintptr_t)argument;
  for (uint32_t value = 0x11111111; value != 0x09090909; value -= 0x01010101)
    *--sp = value; /* eight registers */
  *--sp = 0xFFFFFFBC;
  *--sp = (uint32_t)(uintptr_t)stack;
  return sp;
}

/* --- start */

static void count_priority_bits(void) {
  const uint32_t original = SHPR2;
  SHPR2 = 0xFF000000u;
  const uint32_t kept = SHPR2;
  ASSERT(kept == 0xF0000000u);
  lowest_group = 7;
  for (uint8_t bits = (uint8_t)(kept >> 24); (bits & 0x80) != 0; bits = (uint8_t)(bits << 1)) --lowest_group;
  SHPR2 = original;
  ASSERT(lowest_group == 3);
  ASSERT((AIRCR >> 8 & 7) <= lowest_group);
}

void port_check(void) {
  const uint32_t* table = (const uint32_t*)(uintptr_t)VTOR;
  ASSERT(table[0] == 0x20080000u);
  ASSERT(table[11] == (uint32_t)(uintptr_t)SVC_Handler);
  ASSERT(table[14] == (uint32_t)(uintptr_t)PendSV_Handler);
  count_priority_bits();
}

static void start_systick(void) {
  SYSTICK_CONTROL = 4;
  SYSTICK_VALUE = 0;
  SYSTICK_RELOAD = system_core_clock / 1000 - 1;
  SYSTICK_CONTROL = 7;
}

/* Main stack back to its top, from the table; then the supervisor call. */
__attribute__((naked, noreturn)) static void start_first_task(void) {
  __asm__ volatile(
      "ldr r0, =0xE000ED08\n\t"
      "ldr r0, [r0]\n\t"
      "ldr r0, [r0]\n\t"
      "msr msp, r0\n\t"
      "cpsie i\n\t"
      "cpsie f\n\t"
      "dsb\n\t"
      "isb\n\t"
      "svc #" TEXT(START_CALL) "\n\t"
      "nop\n\t"
      ".ltorg");
}

void port_start(void) {
  REGISTER8(0xE000ED1F) = 0; /* supervisor calls at the highest priority */
  SHPR3 |= 0x00FF0000u;
  SHPR3 |= 0xFF000000u;
  port_mask();
  start_systick();
  start_first_task();
}

__attribute__((naked, noreturn)) static void restore_first_task(void) {
  __asm__ volatile(
      "ldr r2, =current_task\n\t"
      "ldr r1, [r2]\n\t"
      "ldr r0, [r1]\n\t"
      "ldm r0!, {r1-r2}\n\t"
      "msr psplim, r1\n\t"
      "movs r1, #2\n\t"
      "msr control, r1\n\t"
      "adds r0, #32\n\t"
      "msr psp, r0\n\t"
      "isb\n\t"
      "mov r0, #0\n\t"
      "msr basepri, r0\n\t"
      "bx r2\n\t"
      ".ltorg");
}

void supervisor_call(const uint32_t* frame) {
  const uint8_t number = ((const uint8_t*)(uintptr_t)frame[6])[-2];
  ASSERT(number == START_CALL);
  restore_first_task();
}

__attribute__((naked)) void SVC_Handler(void) {
  __asm__ volatile(
      "tst lr, #4\n\t"
      "ite eq\n\t"
      "mrseq r0, msp\n\t"
      "mrsne r0, psp\n\t"
      "b supervisor_call");
}

/* --- switching */

__attribute__((naked)) void PendSV_Handler(void) {
  __asm__ volatile(
      "mrs r0, psp\n\t"
      "mrs r2, psplim\n\t"
      "mov r3, lr\n\t"
      "stmdb r0!, {r2-r11}\n\t"
      "ldr r2, =current_task\n\t"
      "ldr r1, [r2]\n\t"
      "str r0, [r1]\n\t"
      "mov r0, #" TEXT(MASKED_PRIORITY) "\n\t"
      "msr basepri, r0\n\t"
      "dsb\n\t"
      "isb\n\t"
      "bl switch_task\n\t"
      "mov r0, #0\n\t"
      "msr basepri, r0\n\t"
      "ldr r2, =current_task\n\t"
      "ldr r1, [r2]\n\t"
      "ldr r0, [r1]\n\t"
      "ldmia r0!, {r2-r11}\n\t"
      "msr psplim, r2\n\t"
      "msr psp, r0\n\t"
      "bx r3\n\t"
      ".ltorg");
}

void SysTick_Handler(void) {
  const uint32_t mask = port_mask_from_handler();
  if (rtos_tick()) ICSR = 1u << 28;
  port_unmask_from_handler(mask);
}

void port_yield(void) {
  ICSR = 1u << 28;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

uint32_t port_mask_from_handler(void) {
  uint32_t before = 0;
  __asm__ volatile(
      "mrs %0, basepri\n\t"
      "mov r1, #" TEXT(MASKED_PRIORITY) "\n\t"
      "msr basepri, r1\n\t"
      "dsb\n\t"
      "isb"
      : "=&r"(before)::"r1", "memory");
  return before;
}
void port_unmask_from_handler(uint32_t mask) {
  __asm__ volatile("msr basepri, %0\n\tdsb\n\tisb" ::"r"(mask) : "memory");
}
void port_mask(void) { (void)port_mask_from_handler(); }
void port_unmask(void) { port_unmask_from_handler(0); }
