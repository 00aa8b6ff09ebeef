@ Each world pre-empting the other: frames, EXC_RETURN, cleared registers, tail-chains with and without the additional
@ context, and a corrupted signature.
  .include "scenario.inc"

  .macro fill_registers
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
  load r\number, 0x77000000 + \number
  .endr
  .endm
  .macro log_registers
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
  log r\number
  .endr
  .endm

  .section .secure, "ax"
  entry scenario
  poke 0xE000E380, 0x000000F0     @ lines 4-7 Non-secure
  poke 0xE000E100, 0x0000000F
  poke 0xE002E100, 0x000000F0
  poke 0xE000E400, 0x20406080     @ lines 0-3
  poke 0xE002E404, 0x20406080     @ lines 4-7
  mark 0x401
  load lr, 0xE000E200
  fill_registers
  push {r0}
  mov r0, #0x10                   @ line 4, Non-secure, from Secure Thread mode
  str r0, [lr]
  dsb
  isb
  pop {r0}
  log_registers
  mark 0x402
  poke 0xE000E200, 0x12           @ lines 1 and 4 at once: 0x60 before 0x80, then a tail-chain to Non-secure
  mark 0x403
  poke 0xE000E200, 0x41           @ lines 6 (0x40) and 0 (0x80): Non-secure first, then a tail-chain to Secure
  mark 0x404
  poke 0xE000E200, 0x4            @ line 2 calls up line 7 itself: nested
  mark 0x405
  movs r0, #2                     @ on PSP_S
  msr control, r0
  isb
  fill_registers
  poke 0xE000E200, 0x10
  log_registers
  mrs r0, control
  log r0
  movs r0, #0
  msr control, r0
  isb
  mark 0x406
  go_nonsecure ns_main

  .macro frame_words stack, count
  mrs r0, \stack
  movs r1, #\count
9: ldr r2, [r0], #4
  log r2
  subs r1, #1
  bne 9b
  .endm

  entry s_irq0                    @ 0x80
  log lr
  mov r0, sp
  log r0
  log r4
  frame_words msp, 16             @ not the address: QEMU takes interrupts at the ISB only
  ldr r2, [r0, #4]
  log r2
  bx lr
  entry s_irq1                    @ 0x60
  log lr
  load r0, 0x5EC2E7
  mov r12, r0
  mov r3, r0
  bx lr
  entry s_irq2                    @ 0x40
  push {r4, lr}
  log lr
  poke 0xE000E200, 0x80
  mark 0x442
  pop {r4, pc}
  entry s_irq3                    @ 0x20
  log lr
  mrs r0, msp_ns
  log r0
  mrs r0, psp_ns
  log r0
  mrs r0, control_ns
  log r0
  bx lr
  entry s_secure
  log lr
  log_sfsr
  finish

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  mark 0x411
  load lr, 0xE000E200
  fill_registers
  poke 0xE000E200, 0x20           @ Non-secure by Non-secure
  log r4
  mark 0x412
  movs r0, #2
  msr control, r0
  isb
  push {r0}
  poke 0xE000E200, 0x30           @ lines 5 (0x60) and 4 (0x80)
  mark 0x413
  load r4, 0x01234567
  svc #0                          @ its handler pends the Secure line 3 through a gate of its own: see n_svc
  log r4
  mark 0x414
  load r0, 0xFFFFFFF8             @ claims to return to a Secure background
  svc #1
  mark 0x415                      @ never
  finish

  entry n_irq0
  entry n_irq1
  entry n_irq2
  entry n_irq3
  bx lr
  entry n_irq4                    @ 0x80
  log_registers
  log lr
  mrs r0, apsr
  log r0
  mov r0, sp
  log r0
  bx lr
  entry n_irq5                    @ 0x60
  log lr
  bx lr
  entry n_irq6                    @ 0x40
  log lr
  bx lr
  entry n_irq7                    @ 0x20
  log lr
  mrs r0, ipsr
  log r0
  bx lr
  entry n_svc
  log lr
  mov r1, sp
  mrs r2, psp
  ldr r3, [r2, #24]
  log r3
  ldrh r3, [r3, #-2]
  log r3
  load r2, 0xDF01
  cmp r3, r2
  ittt eq                         @ R0 to R3 of the caller are in the frame only
  mrseq r2, psp
  ldreq r0, [r2]
  moveq lr, r0
  bx lr
