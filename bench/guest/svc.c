/* Round trips of SVC: ten calls a turn, a handler that counts them in r4 and returns. ROUNDS is thousands of
 * turns. */
#include "guest.h"

__attribute__((naked)) void svc_handler(void) { __asm volatile("adds r4, #1\n bx lr"); }

uint32_t run(void) {
  register uint32_t calls __asm("r4") = 0;
  register uint32_t turns __asm("r5") = ROUNDS * 1000u;
  __asm volatile(
      "1: .rept 10\n svc #0\n .endr\n"
      "subs r5, #1\n"
      "bne 1b\n"
      : "+r"(calls), "+r"(turns)
      :
      : "cc", "memory");
  return calls;
}
