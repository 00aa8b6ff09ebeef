/* Counts as fast as it can, so that what it has of the processor can be seen from outside; `counter` lies at
 * the beginning of SRAM4. */
#include "guest.h"

int main(void) {
  volatile uint32_t* const counter = (volatile uint32_t*)(uintptr_t)0x28000000u;
  console_start();
  print("counting");
  __asm__ volatile(
      "1: ldr r0, [%0]\n\t"
      "adds r0, #1\n\t"
      "str r0, [%0]\n\t"
      "b 1b"
      :
      : "r"(counter)
      : "r0", "memory", "cc");
  return 0;
}
