/* Each kind of conditional branch once, half of them taken: bit n of the exit status says that the n-th was.
 */
#include "guest.h"

/* `branch` leads to 1f if it is taken; bits 8 and up go to a second word because an exit status has eight. */
#define TRY(branch, bit)           \
  branch                           \
      "b 2f\n"                     \
      "1: orr %0, %0, #1 << " #bit \
      "\n"                         \
      "2:\n"

void main(void) {
  uint32_t taken = 0;
  __asm__ volatile(
      "movs r0, #0\n"
      "movs r1, #1\n"
      "cmp r0, #0\n" TRY("beq.n 1f\n", 0) TRY("bne.n 1f\n", 1) TRY("beq.w 1f\n", 2) TRY("bmi.w 1f\n", 3)
          TRY("cbz r0, 1f\n", 4) TRY("cbz r1, 1f\n", 5) TRY("cbnz r1, 1f\n", 6)
              TRY("adr.w r2, 1f\n orr r2, r2, #1\n cmp r0, #0\n it eq\n bxeq r2\n", 7)
                  TRY("adr.w r2, 1f\n orr r2, r2, #1\n cmp r0, #0\n it ne\n bxne r2\n", 8) TRY(
                      "adr.w r2, 1f\n orr r2, r2, #1\n push {r2}\n cmp r0, #0\n it eq\n popeq {pc}\n", 9)
                      TRY("adr.w r2, 1f\n orr r2, r2, #1\n push {r2}\n cmp r0, #0\n it ne\n popne {pc}\n", 10)
                          TRY("cmp r0, #0\n itt hi\n movhi r3, r3\n bhi.w 1f\n", 11)
      : "+r"(taken)
      :
      : "r0", "r1", "r2", "r3", "cc", "memory");
  finish(taken);
}
