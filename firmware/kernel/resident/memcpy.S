@ memcpy, in RAM: the compiler calls it wherever it likes, system calls included, while the application's interrupts wait. So
@ it is made of as few instructions as there can be: blocks of 32 bytes by multiple loads and stores, what is left by the bits
@ of its size. Multiple loads want aligned addresses; single ones read and write words anywhere in normal memory
@ (CCR.UNALIGN_TRP = 0).

  .syntax unified
  .cpu cortex-m33
  .thumb

  .section .ram_code.memcpy, "ax", %progbits

@ r0 = to (kept: it is the result), r1 = from, r2 = size. r12 moves through the destination.
  .global memcpy
  .type memcpy, %function
  .thumb_func
memcpy:
  push {r4-r10, lr}
  orr r3, r0, r1
  mov r12, r0
  lsls r3, r3, #30
  bne .Lunaligned
.Laligned:
  subs r2, #32
  blo 2f
1:
  ldmia r1!, {r3-r10}
  stmia r12!, {r3-r10}
  subs r2, #32
  bhs 1b
2:                              @ the low five bits of r2 are the rest
  lsls r3, r2, #28              @ carry: 16 bytes more; negative: 8
  bcc 3f
  ldmia r1!, {r4-r7}
  stmia r12!, {r4-r7}
3:
  bpl .Lrest_of_8
  ldmia r1!, {r4-r5}
  stmia r12!, {r4-r5}
.Lrest_of_8:
  lsls r3, r2, #30              @ carry: 4; negative: 2
  bcc 5f
  ldr r4, [r1], #4
  str r4, [r12], #4
5:
  bpl 6f
  ldrh r4, [r1], #2
  strh r4, [r12], #2
6:
  lsls r3, r2, #31
  bpl 7f
  ldrb r4, [r1]
  strb r4, [r12]
7:
  pop {r4-r10, pc}

@ The first word is copied whole and the destination moved on to its next boundary; if the source lies on one then, the rest
@ is aligned.
.Lunaligned:
  subs r2, #4
  blo .Lfew
  ldr r4, [r1]
  str r4, [r12]
  and r3, r12, #3
  rsb r3, r3, #4                @ 1 to 4 bytes are done
  adds r2, #4
  subs r2, r3
  add r1, r3
  add r12, r3
  lsls r3, r1, #30
  beq .Laligned
  subs r2, #32
  blo 2f
1:
  ldr r3, [r1]
  ldr r4, [r1, #4]
  ldr r5, [r1, #8]
  ldr r6, [r1, #12]
  ldr r7, [r1, #16]
  ldr r8, [r1, #20]
  ldr r9, [r1, #24]
  ldr r10, [r1, #28]
  adds r1, #32
  stmia r12!, {r3-r10}
  subs r2, #32
  bhs 1b
2:                              @ the low five bits of r2 are the rest
  lsls r3, r2, #28              @ carry: 16 bytes more; negative: 8
  bcc 3f
  ldr r4, [r1]
  ldr r5, [r1, #4]
  ldr r6, [r1, #8]
  ldr r7, [r1, #12]
  add r1, #16
  stmia r12!, {r4-r7}
3:
  bpl .Lrest_of_8
  ldr r4, [r1], #4
  ldr r5, [r1], #4
  stmia r12!, {r4-r5}
  b .Lrest_of_8
.Lfew:                            @ less than 4 bytes: r2 is negative
  adds r2, #4
  beq 6f
5:
  ldrb r4, [r1], #1
  strb r4, [r12], #1
  subs r2, #1
  bne 5b
6:
  pop {r4-r10, pc}
  .size memcpy, . - memcpy
