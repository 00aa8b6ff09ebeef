@ Stack limits: instructions that move SP, MSR, exception entry and BLXNS. Thread mode runs on PSP above its limit, and
@ the handler builds a new frame to go on at r7.
  .include "scenario.inc"
  .equ LIMIT, 0x38070000

  .macro at distance
  load r0, LIMIT + \distance
  mov sp, r0
  .endm
  .macro log_sp
  mov r0, sp
  load r1, 0x38078000
  mov sp, r1
  log r0
  .endm
  .macro trying number, distance
  at \distance
  load r0, \number
  adr r7, 7f
  .endm
  .macro tried
  .balign 4
7: log_sp
  .endm

  .section .secure, "ax"
  entry scenario
  load r0, LIMIT + 7              @ the three low bits are zero
  msr psplim, r0
  mrs r0, psplim
  log r0
  load r0, 0x38078000
  msr psp, r0
  movs r0, #2
  msr control, r0
  isb

  trying 1, 0x28
  sub sp, #0x28                   @ exactly fits
  tried
  trying 2, 0x28
  sub sp, #0x2C
  tried
  trying 3, 0x28
  push {r0-r9}                    @ exactly fits
  tried
  trying 4, 0x28
  push {r0-r10}
  tried
  trying 5, 0x28
  str r0, [sp, #-0x2C]!
  tried
  trying 6, 0x28
  ldr r0, [sp, #-0x2C]!
  tried
  trying 7, 0x28
  strd r0, r1, [sp, #-0x30]!
  tried
  trying 8, 0x28
  mvn r1, #0x2B
  add sp, r1
  tried
  trying 9, 0x28
  load r1, LIMIT - 4
  mov sp, r1
  tried
  trying 10, 0x28
  str r0, [sp, #-0x2C]            @ no write-back, no check
  tried
  trying 11, 0x20
  svc #0                          @ the frame exactly fits
  tried
  trying 12, 0x1C
  svc #0
  tried
  trying 13, 0x28
  load r1, ns_nothing
  bic r1, r1, #1
  blxns r1
  tried
  load r1, LIMIT - 0x100
  msr psp, r1                     @ MSR is not checked
  adr r7, 7f
  load r0, 14
  nop
  tried
  trying 15, 4
  load r1, ns_nothing
  bic r1, r1, #1
  blxns r1                        @ needs eight bytes, has four
  tried
  movs r0, #0
  msr control, r0
  isb
  mark 0xC02
  load r0, 0x28270000
  msr psplim_ns, r0
  msr msplim_ns, r0
  load r0, 0x28270010
  msr psp_ns, r0
  movs r0, #2
  msr control_ns, r0
  movs r7, #0
  load r0, 0x2826FFFC
  adr r7, after_sp_ns
  msr sp_ns, r0                   @ this one is checked
  .balign 4
after_sp_ns:
  mrs r0, psp_ns
  log r0
  poke 0xE002ED18, 0              @ UsageFault_NS before SVC_NS
  go_nonsecure ns_main

  entry s_svc
  mark 0xC5C
  bx lr
  entry s_usage
  log_word 0xE000ED28
  poke 0xE000ED28, 0xFFFFFFFF
  tst lr, #4
  beq 1f
  mrs r0, psp
  log r0
  load r0, LIMIT + 0x1000
  movs r1, #0
  .irp offset, 0, 4, 8, 12, 16, 20
  str r1, [r0, #\offset]
  .endr
  str r7, [r0, #24]
  load r1, 0x01000000
  str r1, [r0, #28]
  msr psp, r0
  bx lr
1: mov r0, sp
  str r7, [r0, #24]
  bx lr

  .section .nonsecure, "ax"
  .thumb_func
ns_nothing:
  bx lr
  .thumb_func
ns_main:
  adr r7, after_svc
  svc #0                          @ sixteen bytes are not enough for a frame
  .balign 4
after_svc:
  mark 0xC12
  finish
  entry n_svc                     @ still pending when the fault's handler has made room
  mark 0xC13
  bx lr
  entry n_usage
  mrs r0, psp
  log r0
  log_word 0xE000ED28
  log lr
  load r0, 0x28278000
  str r7, [r0, #24]
  load r1, 0x01000000
  str r1, [r0, #28]
  msr psp, r0
  bx lr
