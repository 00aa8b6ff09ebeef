@ Where QEMU 7.2 does something else than the architecture says: what stands in the table of docs/core.md, in its order.
@ scenario_test.cpp knows what each side logs, and the rule that decides.
  .include "scenario.inc"

  .equ GATE, 0x38030000           @ Secure and not callable

  .section .secure, "ax"
  entry scenario
  log_word 0xE000ED00             @ CPUID
  load r0, 0xFF
  msr basepri_ns, r0
  mrs r1, basepri_ns
  log r1
  movs r0, #0
  msr basepri_ns, r0
  poke 0xE000EDFC, 0x01010000     @ DEMCR: TRCENA, MON_EN
  log_word 0xE000EDFC
  poke 0xE000EDFC, 0
  log_word 0xE0002000             @ FP_CTRL
  log_word 0xE0001000             @ DWT_CTRL
  bkpt 0                          @ nobody is there to take it: s_hard logs its status
  poke 0xE000ED0C, 0x05FA4000     @ AIRCR: PRIS
  poke 0xE000ED1C, 0x40004040     @ SHPR2; SecureFault stands in SHPR1:
  poke 0xE000ED18, 0x40404040
  poke 0xE000E380, 1              @ ITNS: IRQ 0 is Non-secure
  poke 0xE000E400, 0              @ at 0, which is 0x80 beside Secure exceptions
  poke 0xE000E100, 1
  cpsie i
  go_nonsecure ns_main

  entry s_hard
  mrs r0, ipsr
  log r0
  log_word 0xE000ED2C             @ HFSR, DFSR
  log_word 0xE000ED30
  poke 0xE000ED2C, 0xFFFFFFFF
  poke 0xE000ED30, 0xFFFFFFFF
  tst lr, #0x40                   @ a frame of the Secure side: the BKPT
  beq over
  ldr r1, [sp, #24]
  adds r1, #2
  str r1, [sp, #24]
  bx lr

  entry s_secure
  mrs r0, ipsr
  log r0
  log_word 0xE000EDE4             @ SFSR, DFSR
  log_word 0xE000ED30
over:                             @ goes on at r7 of the interrupted code
  poke 0xE000EDE4, 0xFF
  mrs r1, msp_ns
  str r7, [r1, #24]
  ldr r0, [r1, #28]
  orr r0, r0, #0x01000000
  str r0, [r1, #28]
  bx lr
  .ltorg

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  load r7, ns_pend
  load r0, 0x38000000             @ Secure
  ldr r0, [r0]
  b .
  .balign 4
ns_pend:
  load r7, ns_handler_end
  load r0, 0xE000E200             @ ISPR
  movs r1, #1
  str r1, [r0]
  dsb
  isb
  b done
  entry n_irq0
  load r3, GATE + 1
  bx r3                           @ SecureFault at 0x40 out of a handler at 0x80
  .balign 4
ns_handler_end:
  bx lr
  .thumb_func
done:
  finish
  .ltorg
