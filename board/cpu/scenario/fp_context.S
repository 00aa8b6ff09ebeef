@ FP contexts of both worlds: frames, FPCAR, the lazy store, TS, FPDSCR, and VLSTM and VLLDM around a call.
  .include "scenario.inc"

  .macro fill base
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  load r0, \base + \number
  vmov s\number, r0
  .endr
  .endm
  .macro log_single number
  vmov r0, s\number
  log r0
  .endm
  .macro log_some
  log_single 0
  log_single 7
  log_single 15
  log_single 16
  log_single 31
  vmrs r0, fpscr
  log r0
  mrs r0, control
  log r0
  .endm
@ Without the return address: QEMU takes interrupts at the ISB only.
  .macro log_frame stack, count
  mrs r0, \stack
  movs r1, #\count
  adds r3, r0, #24
9: cmp r0, r3
  it ne
  ldrne r2, [r0]
  adds r0, #4
  log r2
  subs r1, #1
  bne 9b
  .endm

  .section .secure, "ax"
  entry scenario
  poke 0xE000ED88, 0x00F00000
  poke 0xE002ED88, 0x00F00000
  poke 0xE000ED8C, 0x00000C00
  poke 0xE000E380, 0x000000F0
  poke 0xE000E100, 0x0000000F
  poke 0xE002E100, 0x000000F0
  log_word 0xE000EF34
  poke 0xE000EF3C, 0x00C00000     @ FPDSCR: round towards zero
  mark 0xD01
  fill 0x3F800000
  log_some
  movs r0, #2
  msr control, r0                 @ drops the context: the next instruction opens a new one
  isb
  vmrs r0, fpscr
  log r0
  mrs r0, control
  log r0
  fill 0x40000000
  mark 0xD02                      @ handlers that leave the FPU alone
  poke 0xE000E200, 0x1
  log_some
  mark 0xD03                      @ and that use it
  poke 0xE000E200, 0x2
  log_some
  mark 0xD04                      @ Non-secure, without
  poke 0xE000E200, 0x10
  log_some
  mark 0xD05                      @ and with
  poke 0xE000E200, 0x20
  log_some
  poke 0xE000EF34, 0xE4000000     @ TS, LSPENS
  mark 0xD06
  fill 0x41000000
  poke 0xE000E200, 0x2
  log_some
  mark 0xD07
  poke 0xE000E200, 0x20
  log_some
  mark 0xD08
  poke 0xE000EF34, 0x84000000     @ stored at once
  poke 0xE000E200, 0x1
  log_some
  poke 0xE000E200, 0x10
  log_some
  mark 0xD09
  poke 0xE000EF34, 0xC0000000
  load r0, ns_call
  bic r4, r0, #1
  fill 0x42000000
  sub sp, #0x88
  vlstm sp
  blxns r4
  vlldm sp
  add sp, #0x88
  log_some
  mark 0xD0A
  mov r4, #0
  msr control, r4
  isb
  go_nonsecure ns_main

  entry s_irq0
  log lr
  log_word 0xE000EF34
  log_word 0xE000EF38
  mrs r0, control
  log r0
  bx lr
  entry s_irq1
  log lr
  fill 0x77000000
  log_word 0xE000EF34
  mrs r0, control
  log r0
  vmrs r0, fpscr
  log r0
  log_frame psp, 26
  bx lr
  entry s_usage
  log lr
  log_word 0xE000ED28
  poke 0xE000ED28, 0xFFFFFFFF
  poke 0xE000ED8C, 0x00000C00
  bx lr

  .section .nonsecure, "ax"
  .thumb_func
ns_call:
  push {r4, lr}
  log_some
  fill 0x55000000
  log_some
  pop {r4, pc}
  .thumb_func
ns_main:
  mark 0xD11
  fill 0x43000000
  log_some
  poke 0xE000E200, 0x20
  log_some
  mark 0xD12
  svc #0                          @ takes the FPU away, and the Secure side gives it back
  vmov r0, s3
  log r0
  mark 0xD13
  poke 0xE000ED88, 0
  adr r7, after
  vmov r0, s3
  .balign 4
after:
  mark 0xD14
  finish
  entry n_svc
  log lr
  bx lr
  entry n_irq4
  log lr
  log_word 0xE000EF34
  mrs r0, control
  log r0
  bx lr
  entry n_irq5
  log lr
  log_some
  fill 0x66000000
  log_word 0xE000EF34
  mrs r0, control
  log r0
  bx lr
  entry n_usage
  log lr
  log_word 0xE000ED28
  mov r0, sp
  str r7, [r0, #24]
  bx lr
