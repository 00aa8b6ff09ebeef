@ Secure gateways: SG with BXNS back, the state it leaves, what is not a gateway, and the ways past the edge of the region.
  .include "scenario.inc"

  .section .callable, "ax"
gate_one:
  sg
  b.w service_one
gate_two:
  sg
  mrs r1, control
  add r0, r0, #2
  bxns lr
not_a_gate:
  nop
  nop
data_gate:
  .word 0xE97FE97F                @ an SG by accident is a gateway all the same
  add r0, r0, #3
  bxns lr

  .section .secure, "ax"
  .thumb_func
service_one:
  log lr                          @ bit 0 clear: the caller is Non-secure
  mov r1, sp
  log r1
  mrs r1, msp_ns
  log r1
  add r0, r0, #1
  bxns lr

  entry scenario
  mark 0x201
  sg                              @ a NOP in Secure state
  mov r4, lr
  mrs r0, control
  log r0
  go_nonsecure ns_main

@ SecureFault: logs and goes on at the address in r7 of the interrupted code.
  entry s_secure
  log lr
  log_sfsr
  mrs r0, msp_ns
  ldr r1, [r0, #24]
  log r1
  ldr r1, [r0, #28]
  log r1
  str r7, [r0, #24]
  ldr r1, [r0, #28]
  orr r1, r1, #0x01000000
  str r1, [r0, #28]
  poke 0xE000EDE4, 0xFF
  bx lr

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  mark 0x202
  sg                              @ a NOP in Non-secure memory
  mov r0, sp
  log r0
  movs r0, #0x10
  bl call_one
  log r0
  movs r0, #0x20
  bl call_two
  log r0
  log r1
  movs r0, #0x30
  load r3, data_gate + 1
  blx r3
  log r0
  adr r7, after_one
  load r3, not_a_gate + 1
  blx r3
after_one:
  mark 0x203
  adr r7, after_two
  load r3, gate_one + 5           @ behind the SG
  blx r3
after_two:
  mark 0x204
  adr r7, after_three
  load r3, gate_one               @ even address: T = 0
  bx r3
after_three:
  mark 0x205
  adr r7, after_four
  load r3, 0x38020000
  ldr r3, [r3]                    @ callable memory is no data of ours
after_four:
  mark 0x206
  load r3, gate_two + 1
  movs r0, #0x40
  cmp r0, #0x40
  itt eq                          @ a call from the last place of an IT block
  addeq r0, r0, #1
  blxeq r3
  log r0
  finish
  .thumb_func
call_one:
  load r3, gate_one + 1
  bx r3
  .thumb_func
call_two:
  load r3, gate_two + 1
  bx r3
