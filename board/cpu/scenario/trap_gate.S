@ Trap gates: branches to plain Secure addresses from Thread mode (both stacks), from a handler, with T clear, by a tail
@ call, and the return to a rewritten address.
  .include "scenario.inc"
  .equ GATE, 0x38030000

  .section .secure, "ax"
  entry scenario
  poke 0xE000ED0C, 0x05FA4008     @ PRIS, SYSRESETREQS
  poke 0xE000E380, 0x000000FF     @ lines 0-7 are Non-secure
  poke 0xE002E100, 0x000000FF
  load r0, 0x40404040
  load r1, 0xE002E400
  str r0, [r1]
  movs r0, #2                     @ SPSEL_NS
  msr control_ns, r0
  go_nonsecure ns_main

@ Logs what it finds and returns to the caller as a call gate does.
  entry s_secure
  mov r0, lr
  log r0
  log_sfsr
  mrs r1, control_ns
  log r1
  mrs r2, psp_ns
  mrs r3, msp_ns
  tst lr, #8
  beq 1f
  tst r1, #2
  bne 2f
1: mov r2, r3
2: ldr r3, [r2, #24]              @ stacked PC, LR, xPSR
  log r3
  ldr r3, [r2, #20]
  log r3
  ldr r3, [r2, #28]
  log r3
  ldr r3, [r2]
  adds r3, #1
  str r3, [r2]
  ldr r3, [r2, #20]
  bic r3, r3, #1
  str r3, [r2, #24]
  ldr r3, [r2, #28]
  bic r3, r3, #0x06000000
  bic r3, r3, #0x0000FC00
  orr r3, r3, #0x01000000
  str r3, [r2, #28]
  load r3, 0xE000EDE4
  mvn r1, #0
  str r1, [r3]
  bx lr

  .section .nonsecure, "ax"
  .thumb_func
call_gate:
  load r3, GATE + 1
  bx r3                           @ a tail call: LR is the outer return address
  .thumb_func
ns_main:
  mark 0x101
  movs r0, #10
  load r3, GATE + 9
  blx r3                          @ on PSP
  log r0
  movs r0, #20
  bl call_gate
  log r0
  movs r0, #30
  load r3, GATE + 16              @ bit 0 clear
  blx r3
  log r0
  movs r0, #0
  msr control, r0                 @ on MSP
  isb
  movs r0, #40
  load r3, GATE + 25
  blx r3
  log r0
  mark 0x102
  poke 0xE000E200, 0x1            @ from a handler
  mark 0x103
  load r1, 0x22222222
  load r12, 0x44444444
  movs r0, #60
  load lr, done + 1
  cmp r0, #60                     @ Z, C
  ldr pc, =GATE + 1
done:
  mrs r3, apsr
  log r0
  log r1
  log r12
  log r3
  finish
  .ltorg
  entry n_irq0
  push {r4, lr}
  mrs r0, ipsr
  log r0
  movs r0, #50
  load r3, GATE + 33
  blx r3
  log r0
  pop {r4, pc}
