/* Fast interrupts: TIM2 is made fast and interrupts while the application calls without end. What its handler
 * does is chosen by the test; if the application dies of it, the next run shows that the line is an ordinary
 * one again, or, with parameters.address = 1, dies anew at another moment. */
#include "guest.h"

enum {
  KIND_LATENCY,   /* looks at the timer, at its exception number and at its registers */
  KIND_CALL,      /* makes a system call */
  KIND_TAIL_CALL, /* ends with one */
  KIND_HANG,      /* never returns */
  KIND_FLOOD,     /* leaves the cause standing */
  KIND_UNDEFINED, /* faults */
  KIND_RETURN,    /* branches to parameters.value */
  KIND_STACK,     /* moves its stack pointer to parameters.value and pushes */
  KIND_SLEEP,     /* waits for an interrupt in the handler */
  KIND_ERRORS,    /* no handler: what the calls answer */
  KIND_HALF_LOAD, /* takes parameters.value cycles each time, every 100 us */
  KIND_FLOAT,     /* uses the floating-point unit, as what it interrupts does */
};

#define TIM2 0x40000000u
#define TIM2_LINE 45u
#define PERIOD 16000u /* cycles: 100 us */

/* What the handler found at its very beginning: r4 to r12, and the timer. */
volatile uint32_t found[10];
static volatile uint32_t interrupts, worst, wrong, status_seen, after, ordinary;
static volatile uint32_t patience = 200, period = PERIOD;

uint32_t handle_fast(void);
__attribute__((naked)) void TIM2_IRQHandler(void) {
  __asm__ volatile(
      "push {r0, r1}\n\t"
      "ldr r0, =found\n\t"
      "ldr r1, =0x40000024\n\t"
      "ldr r1, [r1]\n\t"
      "str r1, [r0, #36]\n\t"
      "stmia r0, {r4-r12}\n\t"
      "pop {r0, r1}\n\t"
      "push {r4, lr}\n\t"
      "bl handle_fast\n\t"
      "pop {r4, lr}\n\t"
      "cbnz r0, 1f\n\t"
      "bx lr\n\t"
      "1: b.w mvNoOp\n\t"
      ".ltorg");
}

static void look(void) {
  uint32_t ipsr = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  for (int i = 0; i < 9; ++i) wrong += found[i] != 0;
  wrong += ipsr != 1;
  if (found[9] > worst) worst = found[9];
}

/* Every register of the FPU that a function may change, and its status, become something else. */
static void disturb_floats(void) {
  const uint32_t other = 0x7FC00000u | interrupts;
  const uint32_t status = 0xF000009Fu; /* flags, exceptions */
  __asm__ volatile(
      ".fpu fpv5-sp-d16\n\t"
      "vmov s0, %0\n\tvmov s1, %0\n\tvmov s2, %0\n\tvmov s3, %0\n\tvmov s4, %0\n\tvmov s5, %0\n\t"
      "vmov s6, %0\n\tvmov s7, %0\n\tvmov s8, %0\n\tvmov s9, %0\n\tvmov s10, %0\n\tvmov s11, %0\n\t"
      "vmov s12, %0\n\tvmov s13, %0\n\tvmov s14, %0\n\tvmov s15, %0\n\t"
      "vmsr fpscr, %1"
      :
      : "r"(other), "r"(status));
}

static uint32_t floats[33], floats_after[33];

/* Loads all registers and the status, makes a call, and looks at what has become of them. */
static void hold_floats(uint32_t round) {
  uint64_t now = 0;
  for (uint32_t i = 0; i < 32; ++i) floats[i] = 0x3F800000u + 0x10001u * i + round;
  floats[32] = (round & 3u) << 22 | (round & 0xFu) << 28; /* rounding mode, flags */
  __asm__ volatile(
      ".fpu fpv5-sp-d16\n\t"
      "vldmia %0, {s0-s31}\n\t"
      "ldr r3, [%0, #128]\n\t"
      "vmsr fpscr, r3\n\t"
      "mov r3, #400\n\t"
      "1: subs r3, #1\n\t"
      "bne 1b\n\t"
      "push {%0, %1}\n\t"
      "mov r0, %2\n\t"
      "bl mvGetMicroseconds\n\t"
      "pop {%0, %1}\n\t"
      "vmrs r3, fpscr\n\t"
      "vstmia %1, {s0-s31}\n\t"
      "str r3, [%1, #128]"
      :
      : "r"(floats), "r"(floats_after), "r"(&now)
      : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
  for (uint32_t i = 0; i < 33; ++i) wrong += floats_after[i] != floats[i];
}

/* True: the handler is to end with a call. */
uint32_t handle_fast(void) {
  uint64_t now = 0;
  ++interrupts;
  if (parameters.kind != KIND_FLOOD || ordinary) REG(TIM2 + 0x10) = 0;
  if (ordinary) return 0;
  switch (parameters.kind) {
    case KIND_LATENCY: look(); break;
    case KIND_FLOAT: disturb_floats(); break;
    case KIND_CALL: status_seen = mvGetMicroseconds(&now); break;
    case KIND_TAIL_CALL: return 1;
    case KIND_FLOOD: break;
    case KIND_HALF_LOAD: {
      const uint32_t begun = REG(TIM2 + 0x24);
      while (REG(TIM2 + 0x24) - begun < parameters.value) {
      }
      break;
    }
    default: break;
  }
  if (interrupts < patience) return 0;
  switch (parameters.kind) {
    case KIND_HANG:
      for (;;) __asm__ volatile("nop");
    case KIND_SLEEP:
      for (;;) __asm__ volatile("wfi");
    case KIND_UNDEFINED: __asm__ volatile("udf #0"); break;
    case KIND_RETURN: __asm__ volatile("bx %0" : : "r"(parameters.value)); break;
    case KIND_STACK: __asm__ volatile("msr msp, %0\n\tpush {r0-r3}" : : "r"(parameters.value)); break;
    default: break;
  }
  return 0;
}

static void start_timer(void) {
  mvPeriphPoke32(RCC_APB1ENR1, 1, 1);
  REG(TIM2 + 0x2C) = period - 1;
  REG(TIM2 + 0x14) = 1;
  REG(TIM2 + 0x10) = 0;
  REG(TIM2 + 0x0C) = 1;
  REG(TIM2 + 0x00) = 1;
}

static void answers(void) {
  static uint32_t ring[16] __attribute__((aligned(8)));
  const struct MvNotificationSetup setup = {.irq = 50, .buffer = (void*)ring, .buffer_size = 64};
  const struct MvNotificationSetup on_fast = {.irq = TIM2_LINE, .buffer = (void*)ring, .buffer_size = 64};
  MvNotificationHandle handle = 0;
  print_number("reserved", mvSetFastInterrupt(48));
  print_number("beyond", mvSetFastInterrupt(126));
  print_number("not fast", mvEnableFastInterrupt(TIM2_LINE));
  print_number("not fast", mvDisableFastInterrupt(TIM2_LINE));
  print_number("not fast", mvClearFastInterrupt(TIM2_LINE));
  REG(0xE000ED08) = 0x0C100000;
  print_number("vector", mvSetFastInterrupt(TIM2_LINE));
  REG(0xE000ED08) = 0x08000000;
  print_number("set", mvSetFastInterrupt(TIM2_LINE));
  print_number("fast centre", mvSetupNotifications(&on_fast, &handle));
  print_number("centre", mvSetupNotifications(&setup, &handle));
  print_number("serves", mvSetFastInterrupt(50));
  REG(NVIC_ISER + 4) = 1u << 13;
  REG(NVIC_ISPR + 4) = 1u << 13;
  REG8(NVIC_IPR + TIM2_LINE) = 0x40;
  print_number("own view", REG(NVIC_ISER + 4) | REG(NVIC_ISPR + 4) | REG8(NVIC_IPR + TIM2_LINE));
  print_number("disable all", mvDisableAllFastInterrupts());
  print_number("enable all", mvEnableAllFastInterrupts());
  print_number("clear", mvClearFastInterrupt(TIM2_LINE));
  for (uint32_t line = 11; line < 19; ++line) wrong += mvSetFastInterrupt(line) != MV_STATUS_OKAY;
  print_number("eight", wrong);
  print_number("ninth", mvSetFastInterrupt(TIM2_LINE));
  print("answered");
}

int main(void) {
  uint8_t reason[1] = {0};
  uint64_t now = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)reason);
  print_number("start", reason[0]);
  if (parameters.kind == KIND_ERRORS) answers();
  REG8(NVIC_IPR + TIM2_LINE) = 0x40;
  if (parameters.address != 0) {
    mvGetMicroseconds(&now);
    const uint32_t seed = (uint32_t)now * 2654435761u;
    period = 3000 + (seed >> 8) % 5000;
    patience = 1 + (seed >> 20) % 50;
  }
  start_timer();
  if (reason[0] == MV_WAKEREASON_APPLICATIONCRASH && parameters.address == 0) {
    /* An ordinary interrupt now: it sees its own number. */
    ordinary = 1;
    REG(NVIC_ISER + 4) = 1u << 13;
    while (interrupts < 10) {
    }
    REG(NVIC_ISER + 4 + 0x80) = 1u << 13;
    print_number("ordinary", REG8(NVIC_IPR + TIM2_LINE));
    for (;;) __asm__ volatile("nop");
  }
  if (mvSetFastInterrupt(TIM2_LINE) != MV_STATUS_OKAY || mvEnableFastInterrupt(TIM2_LINE) != MV_STATUS_OKAY) {
    print("not fast");
  }
  if (parameters.kind == KIND_FLOAT) {
    REG(0xE000ED88) |= 0xFu << 20; /* CPACR: CP10, CP11 */
    __asm__ volatile("dsb\n\tisb");
    for (uint32_t round = 0; interrupts < 3000; ++round) hold_floats(round);
  }
  /* Masks its interrupts now and then: fast ones come all the same. */
  while (interrupts < 3000) {
    __asm__ volatile("cpsid i");
    for (volatile int i = 0; i < 50; ++i) {
    }
    __asm__ volatile("cpsie i");
    wrong += mvGetMicroseconds(&now) != MV_STATUS_OKAY;
  }
  mvClearFastInterrupt(TIM2_LINE);
  after = interrupts;
  for (volatile int i = 0; i < 20000; ++i) {
  }
  print_number("late", interrupts - after);
  print_number("worst", worst);
  print_number("wrong", wrong);
  print_number("call", status_seen);
  print("done");
  for (;;) __asm__ volatile("nop");
  return 0;
}
