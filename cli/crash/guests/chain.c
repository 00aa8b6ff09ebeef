/* A chain of calls that ends at `stop_here`: through an inlined function, and through an exception that has
 * interrupted code on the process stack. The tests find the lines by the marks in the comments. */
#include "guest.h"

#define LINE 60
#define LINE_BIT (1u << LINE % 32)
#define NVIC_ISPR REGISTER(0xE000E200u + 4 * (LINE / 32))
#define NVIC_ISER REGISTER(0xE000E100u + 4 * (LINE / 32))

/* Both stacks lie together, the process stack above, so that one copy of memory has both. */
static struct {
  uint32_t main_stack[256];
  uint32_t process_stack[256];
} stacks __attribute__((aligned(8)));

static volatile uint32_t sum;

__attribute__((noinline)) void innermost(uint32_t value) {
  sum += value;
  __asm__ volatile(".global stop_here\n\t.type stop_here, %function\nstop_here:\n\tnop"); /* innermost */
}

static inline __attribute__((always_inline)) void add_twice(uint32_t value) {
  innermost(value);
  innermost(value + 0x1000); /* add_twice */
}

__attribute__((noinline)) static uint32_t handle(uint32_t line) {
  uint32_t copy[4] = {line, line + 1, line + 2, line + 3};
  __asm__ volatile("" ::"r"(copy) : "memory");
  if (copy[3] != 0) add_twice(copy[1]); /* handle */
  return copy[2] + sum;
}

void interrupt(unsigned line) {
  const uint32_t result = handle(line); /* interrupt */
  sum += result;
}

__attribute__((noipa)) static uint32_t work(uint32_t depth) {
  uint32_t result = sum;
  if (depth != 0) {
    result += work(depth - 1); /* work calls */
    __asm__ volatile("" : "+r"(result));
  } else {
#ifdef USES_FLOAT
    __asm__ volatile("vmov.f32 s0, #1.0");
#endif
    __asm__ volatile("str %1, [%0]\n\tdsb\n\tisb\n\tnop" ::"r"(&NVIC_ISPR), "r"(LINE_BIT)); /* work */
  }
  return result + depth;
}

__attribute__((noinline, used)) static void run(void) {
  NVIC_ISER = LINE_BIT;
#ifdef USES_FLOAT
  REGISTER(0xE000ED88) |= 0xFu << 20; /* CPACR */
  __asm__ volatile("dsb\n\tisb");
#endif
  sum = work(2) + 1; /* run */
  finish(0);
}

/* Thread mode on the process stack. */
__attribute__((naked)) void main(void) {
  __asm__ volatile(
      "msr psp, %0\n\t"
      "movs r0, #2\n\t"
      "msr control, r0\n\t"
      "isb\n\t"
      "ldr r0, =%c1\n\t"
      "msr msp, r0\n\t"
      "mov lr, #0xffffffff\n\t"
      "b run\n\t"
      ".ltorg" ::"r"(stacks.process_stack + 256),
      "i"(stacks.main_stack + 256));
}
