/* Dies with known values in its registers and on its stack. The parameter says how: 0 by an undefined
 * instruction on the main stack, 1 on the process stack, 2 by a store into a peripheral of Microvisor's, 3 as
 * 0 but after a time that is different in each run, 4 as 3 after having logged all that may be logged at
 * once. */
#include "guest.h"

#define LINES 32 /* ServerLog's rate: so many at once */

static uint8_t log_buffer[LINES * 1536] __attribute__((aligned(512)));

static uint32_t process_stack[64] __attribute__((aligned(8)));

/* rN = 0xC0DE0000 + N, the first eight of them on the stack, LR = 0xC0DE00FF. */
__attribute__((naked, noreturn)) static void die(void) {
  __asm__ volatile(
      ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12\n\t"
      "movw r\\n, #\\n\n\t"
      "movt r\\n, #0xC0DE\n\t"
      ".endr\n\t"
      "movw lr, #0x00FF\n\t"
      "movt lr, #0xC0DE\n\t"
      "push {r0-r7}\n\t"
      ".global crash_here\n\t"
      ".type crash_here, %function\n"
      "crash_here:\n\t"
      "udf #0");
}

static void wait(uint32_t milliseconds) {
  REG(0xE000E014) = 160000 - 1;
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  while (milliseconds-- != 0) __asm__ volatile("wfi");
  REG(0xE000E010) = 0;
}

void SysTick_Handler(void) {}

/* A part of the image, so that there is something to fetch. */
static const uint8_t line[1024] = {[0] = 'x', [1023] = 'x'};
static const uint8_t ballast[60000] = {[0] = 1};

static void log_much(void) {
  mvServerLoggingInit(log_buffer, sizeof log_buffer);
  for (unsigned i = 0; i < LINES; ++i) mvServerLog(line, sizeof line);
}

int main(void) {
  uint8_t reason = 0;
  uint64_t now = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("start", reason);
  mvGetMicroseconds(&now);
  if (parameters.kind == 1) {
    __asm__ volatile("msr psp, %0\n\tmsr control, %1\n\tisb" : : "r"(process_stack + 32), "r"(2));
  }
  if (parameters.kind == 2) REG(0x40003000) = 0xAAAA; /* IWDG */
  if (parameters.kind == 4) log_much();
  if (parameters.kind >= 3 && ballast[0] != 0) wait(1 + (uint32_t)(now * 2654435761u >> 8) % 1500);
  die();
}
