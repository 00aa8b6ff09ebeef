@ What every scenario starts from: vector tables of both worlds and start-up. An exception that the scenario does not
@ define logs 0xBAD and its number and ends the run.
  .include "scenario.inc"

  .macro secure_vector name
  .weak \name
  .thumb_set \name, unexpected
  .word \name
  .endm
  .macro nonsecure_vector name
  .weak \name
  .thumb_set \name, unexpected_ns
  .word \name
  .endm

  .section .vectors, "ax"
  .word MSP_S_TOP
  .word start + 1
  .irp name, s_nmi, s_hard, s_mem, s_bus, s_usage, s_secure, s_res8, s_res9, s_res10, s_svc, s_mon, s_res13, s_pendsv, s_systick
  secure_vector \name
  .endr
  .irp name, s_irq0, s_irq1, s_irq2, s_irq3, s_irq4, s_irq5, s_irq6, s_irq7
  secure_vector \name
  .endr

  .section .ns_vectors, "ax"
  .word MSP_NS_TOP
  .word unexpected_ns
  .irp name, n_nmi, n_hard, n_mem, n_bus, n_usage, n_secure, n_res8, n_res9, n_res10, n_svc, n_mon, n_res13, n_pendsv, n_systick
  nonsecure_vector \name
  .endr
  .irp name, n_irq0, n_irq1, n_irq2, n_irq3, n_irq4, n_irq5, n_irq6, n_irq7
  nonsecure_vector \name
  .endr

  .section .boot, "ax"            @ of mps2-an505 only: opens the upper memory to the Non-secure world
  .word MSP_S_TOP
  .word boot + 1
  .thumb_func
boot:
  load r0, 0x58009000
  ldr r1, [r0]
  bic r1, r1, #0x100
  str r1, [r0]
  ldr r2, [r0, #0x10]
  movs r3, #0
1: str r3, [r0, #0x18]
  mvn r4, #0
  str r4, [r0, #0x1C]
  adds r3, #1
  cmp r3, r2
  bls 1b
  poke 0x50080014, 3              @ as the STM32U585 has it: the Secure aliases may be callable
  poke 0xE000ED08, 0x38000000
  load r0, start + 1
  bx r0

  .section .secure, "ax"
  .thumb_func
start:
  load r0, MSP_S_TOP
  msr msp, r0
  load r0, PSP_S_TOP
  msr psp, r0
  load r0, MSP_NS_TOP
  msr msp_ns, r0
  load r0, PSP_NS_TOP
  msr psp_ns, r0
  load r0, 0xE000EDD0             @ SAU
  movs r1, #0
  str r1, [r0, #8]
  load r1, 0x28200000
  str r1, [r0, #12]
  load r1, 0x282FFFE1
  str r1, [r0, #16]
  movs r1, #1
  str r1, [r0, #8]
  load r1, 0x38020000
  str r1, [r0, #12]
  load r1, 0x38020FE3             @ Non-secure callable
  str r1, [r0, #16]
  movs r1, #1
  str r1, [r0]
  dsb
  isb
  load r0, LOG
  add r1, r0, #16
  str r1, [r0]
  poke 0xE000ED24, 0x000F0000     @ all configurable faults of both worlds
  poke 0xE002ED24, 0x00050000
  poke 0xE002ED08, 0x28200000     @ VTOR_NS
  .irp register, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12
  mov \register, #0
  .endr
  msr apsr_nzcvqg, r0
  bl scenario
  finish
  .thumb_func
unexpected:
  mark 0xBAD
  mrs r0, ipsr
  log r0
  log_word 0xE000ED28
  log_word 0xE000ED2C
  log_word 0xE000EDE4
  finish
  .ltorg

  .section .nonsecure, "ax"
  .thumb_func
unexpected_ns:
  mark 0xBAD0
  mrs r0, ipsr
  log r0
  log_word 0xE000ED28
  finish
  .balign 4
file_name:
  .asciz "log"
  .balign 4
  .global file_block, write_block
file_block:
  .word file_name, 5, 3           @ "wb"
write_block:
  .word 0, 0, 0
  .section .secure, "ax"
