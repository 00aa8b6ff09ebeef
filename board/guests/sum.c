/* Adds the powers of two from 1 to 128 in a straight line: the exit status tells which addition is missing.
 */
#include "guest.h"

void main(void) {
  uint32_t sum = 0;
  __asm__ volatile(
      "adds %0, #1\n"
      "adds %0, #2\n"
      "adds %0, #4\n"
      "adds %0, #8\n"
      "add.w %0, %0, #16\n"
      "add.w %0, %0, #32\n"
      "cmp %0, #0\n"
      "itt ne\n"
      "addne %0, #64\n"
      "addne.w %0, %0, #128\n"
      : "+l"(sum)
      :
      : "cc");
  finish(sum);
}
