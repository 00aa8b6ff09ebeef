@ Faults of both worlds: which exception, which world, which status, which address.
  .include "scenario.inc"

  .section .secure, "ax"
  entry scenario
  poke 0xE000ED14, 0x00000010     @ DIV_0_TRP
  poke 0xE002ED14, 0x00000018     @ and UNALIGN_TRP for the other world
  mark 0x501
  adr r7, secure_one
  udf #0
  .balign 4
secure_one:
  mark 0x502
  adr r7, secure_two
  movs r0, #0
  movs r1, #1
  udiv r0, r1, r0
  nop
  .balign 4
secure_two:
  mark 0x503
  adr r7, secure_three
  load r0, 0x28200001             @ fetch from Non-secure memory
  bx r0
  .balign 4
secure_three:
  mark 0x504
  adr r7, secure_four
  load r0, 0xE0100000             @ never executed
  orr r0, r0, #1
  bx r0
  .balign 4
secure_four:
  mark 0x505
  adr r7, secure_five
  load r0, 0x38000000
  bx r0                           @ T = 0
  .balign 4
secure_five:
  mark 0x506
  poke 0xE000ED24, 0              @ all disabled: HardFault
  adr r7, secure_six
  udf #0
  .balign 4
secure_six:
  mark 0x507
  adr r7, secure_seven
  movs r0, #1
  msr primask, r0
  svc #0                          @ cannot be taken
  .balign 4
secure_seven:
  movs r0, #0
  msr primask, r0
  poke 0xE000ED24, 0x000F0000
  mark 0x508
  go_nonsecure ns_main

  .macro report
  log lr
  mrs r0, ipsr
  log r0
  log_word 0xE000ED28
  log_word 0xE000ED2C
  log_word 0xE000ED34
  log_sfsr
  log_word 0xE002ED28
  log_word 0xE002ED34
  poke 0xE000ED28, 0xFFFFFFFF
  poke 0xE000ED2C, 0xFFFFFFFF
  poke 0xE000EDE4, 0xFF
  poke 0xE002ED28, 0xFFFFFFFF
  .endm
@ Goes on at r7, of whichever world the frame is.
  .macro go_on stack
  mrs r0, \stack
  ldr r1, [r0, #24]
  log r1
  ldr r1, [r0, #28]
  log r1
  str r7, [r0, #24]
  orr r1, r1, #0x01000000
  str r1, [r0, #28]
  bx lr
  .endm
  entry s_usage
  entry s_mem
  entry s_hard
  entry s_bus
  entry s_secure
  report
  tst lr, #0x40
  beq 1f
  go_on msp
1: go_on msp_ns

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  mark 0x511
  adr r7, ns_one
  load r0, 0x38000000
  ldr r0, [r0, #4]                @ Secure data
  .balign 4
ns_one:
  mark 0x512
  adr r7, ns_two
  load r0, 0x38010000
  str r0, [r0, #8]
  .balign 4
ns_two:
  mark 0x513
  adr r7, ns_three
  udf #1
  .balign 4
ns_three:
  mark 0x514
  adr r7, ns_four
  load r0, LOG + 0x8001
  ldr r0, [r0]                    @ UNALIGN_TRP
  .balign 4
ns_four:
  mark 0x515
  poke 0xE000ED24, 0              @ UsageFault of this world disabled: HardFault of the other
  adr r7, ns_five
  udf #2
  .balign 4
ns_five:
  poke 0xE000ED24, 0x00050000
  mark 0x516
  adr r7, ns_six
  load r0, 0x38040001             @ LDR to PC
  ldr r1, =0x38040001
  ldr pc, =0x38040011
  .balign 4
ns_six:
  mark 0x517
  adr r7, ns_seven
  poke 0xE000ED98, 0              @ MPU: the log's last 4 KiB read-only
  poke 0xE000ED9C, 0x282FF004
  poke 0xE000EDA0, 0x282FFFE1
  poke 0xE000EDC0, 0x44
  poke 0xE000ED94, 0x5
  load r0, 0x282FF000
  ldr r1, [r0]
  str r1, [r0, #0x20]
  .balign 4
ns_seven:
  mark 0x518
  adr r7, ns_eight
  load r0, 0x282FF001             @ execution there is allowed: it holds zeros (MOVS r0, r0), until the region ends
  poke 0xE000ED94, 0
  adr r7, ns_eight
  movs r0, #1                     @ unprivileged Thread mode
  msr control, r0
  isb
  load r0, 0xE000ED00
  ldr r0, [r0]
  .balign 4
ns_eight:
  mark 0x519
  adr r7, ns_nine
  bxns_attempt: .inst.n 0x4704    @ BXNS is undefined here
  .balign 4
ns_nine:
  mark 0x51A
  svc #0                          @ semihosting is for privileged code
  .ltorg

  entry n_svc
  finish
  .macro report_ns
  log lr
  mrs r0, ipsr
  log r0
  log_word 0xE000ED28
  log_word 0xE000ED34
  log_word 0xE000ED2C
  poke 0xE000ED28, 0xFFFFFFFF
  .endm
  entry n_usage
  entry n_mem
  report_ns
  mov r0, sp
  ldr r1, [r0, #24]
  log r1
  ldr r1, [r0, #28]
  log r1
  str r7, [r0, #24]
  bx lr
