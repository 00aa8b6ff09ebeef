/* A small pre-emptive kernel of the application's, as RTOSes for this core do it: SysTick at 1 kHz pends
 * PendSV, both at the lowest priority, and PendSV switches between three tasks on process stacks. Less usual
 * ones have other priorities (parameters.value: SHPR3), or switch in SysTick itself (kind 2). All tasks make
 * system calls without end and check that their registers, their stack and their results are their own. TIM6
 * interrupts at 5 kHz and calls too.
 *
 * Kinds 3 and 4 have no time of their own: they switch in TIM6's handler, at the most urgent priority,
 * whenever the test raises the line. The tasks of kind 4 make no calls. */
#include "guest.h"

enum { KIND_SWITCH_IN_TICK = 2, KIND_SWITCH_ON_DEMAND, KIND_SWITCH_WITHOUT_CALLS };

#define TASKS 3
#define STACK_WORDS 256

static uint32_t stacks[TASKS][STACK_WORDS] __attribute__((aligned(8)));
uint32_t* volatile task_sp[TASKS];
volatile uint32_t current_task;
static volatile uint32_t ticks, loops[TASKS], errors, timer_calls;

/* True: switch at once. */
uint32_t tick(void) {
  ++ticks;
  if (parameters.kind == KIND_SWITCH_IN_TICK) return 1;
  REG(0xE000ED04) = 1u << 28;
  return 0;
}

uint32_t* switch_task(uint32_t* sp) {
  task_sp[current_task] = sp;
  current_task = current_task + 1 == TASKS ? 0 : current_task + 1;
  return task_sp[current_task];
}

__attribute__((naked)) void PendSV_Handler(void) {
  __asm__ volatile(
      "mrs r0, psp\n\t"
      "mov r3, lr\n\t"
      "stmdb r0!, {r3-r11}\n\t"
      "bl switch_task\n\t"
      "ldmia r0!, {r3-r11}\n\t"
      "msr psp, r0\n\t"
      "bx r3");
}

__attribute__((naked)) void SysTick_Handler(void) {
  __asm__ volatile(
      "push {r4, lr}\n\t"
      "bl tick\n\t"
      "pop {r4, lr}\n\t"
      "cbnz r0, 1f\n\t"
      "bx lr\n\t"
      "1: b.w PendSV_Handler");
}

/* True: switch at once. */
uint32_t timer(void) {
  uint64_t now = 0;
  if (parameters.kind >= KIND_SWITCH_ON_DEMAND) return 1;
  REG(TIM6 + 0x10) = 0;
  if (mvGetMicroseconds(&now) != MV_STATUS_OKAY || now == 0) ++errors;
  ++timer_calls;
  return 0;
}

__attribute__((naked)) void TIM6_IRQHandler(void) {
  __asm__ volatile(
      "push {r4, lr}\n\t"
      "bl timer\n\t"
      "pop {r4, lr}\n\t"
      "cbnz r0, 1f\n\t"
      "bx lr\n\t"
      "1: b.w PendSV_Handler");
}

/* Fills the callee-saved registers with a pattern, makes a call, and compares. */
__attribute__((naked, noinline)) static uint32_t call_with_pattern(__attribute__((unused)) uint32_t seed,
                                                                   __attribute__((unused)) uint32_t* out) {
  __asm__ volatile(
      "push {r4-r11, lr}\n\t"
      "sub sp, #4\n\t"
      "str r0, [sp]\n\t"
      "add r4, r0, #4\n\tadd r5, r0, #5\n\tadd r6, r0, #6\n\tadd r7, r0, #7\n\t"
      "add r8, r0, #8\n\tadd r9, r0, #9\n\tadd r10, r0, #10\n\tadd r11, r0, #11\n\t"
      "mov r0, r1\n\t"
      "bl mvGetHClk\n\t"
      "ldr r1, [sp]\n\t"
      "subs r4, r1\n\tsub r5, r1\n\tsub r6, r1\n\tsub r7, r1\n\tsub r8, r1\n\tsub r9, r1\n\tsub r10, "
      "r1\n\tsub r11, r1\n\t"
      "sub r4, #4\n\tsub r5, #5\n\tsub r6, #6\n\tsub r7, #7\n\tsub r8, #8\n\tsub r9, #9\n\tsub r10, "
      "#10\n\tsub r11, #11\n\t"
      "orr r0, r4\n\torr r0, r5\n\torr r0, r6\n\torr r0, r7\n\torr r0, r8\n\torr r0, r9\n\torr r0, "
      "r10\n\torr r0, r11\n\t"
      "add sp, #4\n\t"
      "pop {r4-r11, pc}");
}

/* A queue from task 0 to task 1: numbers in order. */
#define QUEUE 16
static volatile uint32_t queue[QUEUE], sent, received;

static void use_queue(uint32_t number) {
  if (number == 0 && sent - received < QUEUE) {
    queue[sent % QUEUE] = sent * 2654435761u;
    __asm__ volatile("" : : : "memory");
    sent = sent + 1;
  }
  if (number == 1 && received != sent) {
    if (queue[received % QUEUE] != received * 2654435761u) ++errors;
    received = received + 1;
  }
}

/* One more call of those with results that are known. */
static void call_another(uint32_t which) {
  uint32_t value = 0, count = 7;
  uint8_t id[36] = {0};
  enum MvNetworkReason reasons;
  switch (which % 6) {
    case 0:
      if (mvGetDeviceId(id, 34) != MV_STATUS_OKAY || id[0] != 'U' || id[34] != 0) ++errors;
      break;
    case 1:
      if (mvPeriphPeek32(RCC_APB1ENR1, &value) != MV_STATUS_OKAY || (value & 0x10) == 0) ++errors;
      break;
    case 2:
      if (mvGetNetworkReasons(&reasons, &count) != MV_STATUS_OKAY || count != 0) ++errors;
      break;
    case 3:
      if (mvGetNetworkStatus(0, (enum MvNetworkStatus*)&value) != MV_STATUS_INVALIDHANDLE || value != 0)
        ++errors;
      break;
    case 4:
      if (mvServerLog(id, 1) != MV_STATUS_UNAVAILABLE) ++errors;
      break;
    default:
      if (mvGetSysClk((uint32_t*)0x30080000) != MV_STATUS_PARAMETERFAULT) ++errors;
      break;
  }
}

static void task(uint32_t number) {
  volatile uint32_t guard[8];
  uint32_t seed = 0x1000 * (number + 1);
  const uint32_t end = parameters.address != 0 ? parameters.address : 1000; /* ticks of a millisecond */
  for (uint32_t i = 0; i < 8; ++i) guard[i] = seed + i;
  while (parameters.kind == KIND_SWITCH_WITHOUT_CALLS) ++loops[number];
  for (;;) {
    uint32_t hertz = 0;
    uint64_t before = 0, after = 0;
    seed = seed * 1664525u + 1013904223u;
    if (call_with_pattern(seed, &hertz) != 0 || hertz != 160000000u) ++errors;
    mvGetMicroseconds(&before);
    mvGetMicroseconds(&after);
    if (after < before || after - before > 1000000) ++errors;
    for (uint32_t i = 0; i < 8; ++i) {
      if (guard[i] != 0x1000 * (number + 1) + i) ++errors;
    }
    call_another(seed >> 16);
    use_queue(number);
    ++loops[number];
    if (number == 0 && ticks >= end) break;
  }
  REG(0xE000E010) = 0;
  print_number("ticks", ticks);
  print_number("timer", timer_calls);
  print_number("loops", loops[0] + loops[1] + loops[2]);
  print_number("queue", received);
  print_number("errors", errors);
  print("tasks done");
  for (;;) __asm__ volatile("nop");
}

static void prepare(uint32_t number) {
  uint32_t* sp = &stacks[number][STACK_WORDS];
  *--sp = 0x01000000;
  *--sp = (uint32_t)(uintptr_t)task & ~1u;
  for (int i = 0; i < 5; ++i) *--sp = 0; /* lr, r12, r3 to r1 */
  *--sp = number;
  for (int i = 0; i < 8; ++i) *--sp = 0; /* r11 to r4 */
  *--sp = 0xFFFFFFBC;
  task_sp[number] = sp;
}

static void start_time(void) {
  mvPeriphPoke32(RCC_APB1ENR1, 0x10, 0x10);
  REG(TIM6 + 0x28) = 159;
  REG(TIM6 + 0x2C) = 199; /* 5 kHz */
  REG(TIM6 + 0x14) = 1;
  REG(TIM6 + 0x10) = 0;
  REG(TIM6 + 0x0C) = 1;
  REG(TIM6 + 0x00) = 1;
  REG(0xE000E014) = 159999;
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
}

int main(void) {
  uint8_t reason = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("start", reason);
  for (uint32_t i = 0; i < TASKS; ++i) prepare(i);
  /* PendSV and SysTick lowest, unless the test wants it otherwise. */
  REG(0xE000ED20) = parameters.value != 0 ? parameters.value : 0xFFFF0000;
  REG(NVIC_ISER + 4) = 1u << 17;
  if (parameters.kind < KIND_SWITCH_ON_DEMAND) start_time();
  /* Task 0 begins by hand; the others at their first PendSV. */
  __asm__ volatile(
      "msr psp, %0\n\t"
      "movs r0, #2\n\t"
      "msr control, r0\n\t"
      "isb\n\t"
      "movs r0, #0\n\t"
      "bx %1"
      :
      : "r"(&stacks[0][STACK_WORDS]), "r"(task)
      : "r0");
  return 0;
}
