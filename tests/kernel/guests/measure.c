/* Marks with PA7 the begin and the end of loops whose instructions the test counts. */
#include "guest.h"

static void mark(int level) { REG(GPIOA + 0x18) = level ? 1u << 7 : 1u << 23; }

__attribute__((noinline)) static void loop_empty(uint32_t n) {
  while (n-- != 0) __asm__ volatile("nop");
}
__attribute__((noinline)) static void loop_calls(uint32_t n) {
  while (n-- != 0) mvNoOp();
}

int main(void) {
  console_start();
  REG(GPIOA + 0x00) = (REG(GPIOA + 0x00) & ~(3u << 14)) | (1u << 14);
  mark(0);
  mark(1);
  loop_empty(1000);
  mark(0);
  mark(1);
  loop_calls(1000);
  mark(0);
  print("measured");
  for (;;) __asm__ volatile("nop");
  return 0;
}
