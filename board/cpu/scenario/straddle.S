@ From Non-secure into Secure memory without a branch: the address in the frame is that of the instruction that could not
@ be fetched, which for one that straddles the edge is the Non-secure one.
  .include "scenario.inc"
  .equ EDGE, 0x28240000

  .macro put address, value
  load r0, \address
  load r1, \value
  str r1, [r0]
  .endm

  .section .secure, "ax"
  entry scenario
  put EDGE - 8, 0xBF00BF00        @ NOP, NOP
  put EDGE - 4, 0xF3AFBF00        @ NOP, first half of NOP.W
  put EDGE, 0xBF008000            @ the other half
  poke 0xE000EDD8, 0              @ a Secure gap of 32 bytes at the edge
  poke 0xE000EDE0, (EDGE - 0x20) | 1
  poke 0xE000EDD8, 2
  poke 0xE000EDDC, EDGE + 0x20
  poke 0xE000EDE0, 0x282FFFE1
  go_nonsecure ns_main

  entry s_secure
  log_sfsr
  mrs r0, msp_ns
  ldr r1, [r0, #24]
  log r1
  ldr r1, [r0, #28]
  log r1
  str r7, [r0, #24]
  bic r1, r1, #0x06000000
  bic r1, r1, #0x0000FC00
  str r1, [r0, #28]
  poke 0xE000EDE4, 0xFF
  bx lr

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  mark 0xA01
  adr r7, one
  load r0, EDGE - 7
  bx r0                           @ NOP, NOP, NOP, and a NOP.W of which half is missing
  .balign 4
one:
  mark 0xA02
  load r2, EDGE - 2
  movw r1, #0xBF00
  strh r1, [r2]
  dsb
  isb
  adr r7, two
  load r0, EDGE - 3
  bx r0                           @ NOP, and then the edge
  .balign 4
two:
  mark 0xA03
  load r2, EDGE - 2
  movw r1, #0xBF08                @ IT EQ, whose instruction lies behind the edge
  strh r1, [r2]
  dsb
  isb
  adr r7, three
  load r0, EDGE - 1
  movs r1, #0
  bx r0
  .balign 4
three:
  mark 0xA04
  adr r7, four
  load r0, EDGE - 2
  ldr r1, [r0]                    @ data across the edge
  .balign 4
four:
  mark 0xA05
  adr r7, five
  load r0, EDGE - 1
  strh r1, [r0]
  .balign 4
five:
  load r0, EDGE - 4
  ldr r1, [r0]
  log r1                          @ nothing was written
  finish
