/* Says that it is going to sleep, and does, without anything that could wake it. */
#include "guest.h"

__attribute__((noinline)) static void sleep_for_good(void) {
  for (;;) __asm__ volatile("wfi");
}

void main(void) {
  print("asleep\n");
  sleep_for_good();
}
