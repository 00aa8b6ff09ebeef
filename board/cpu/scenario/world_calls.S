@ BLXNS and FNC_RETURN: from Thread mode on both stacks, from a handler (IPSR = 1), nested, with wrong frames.
  .include "scenario.inc"

  .section .secure, "ax"
  entry scenario
  load r0, ns_function
  bic r4, r0, #1
  mark 0x301
  mov r0, sp
  log r0
  movs r0, #5
  blxns r4
  log r0
  mov r0, sp
  log r0
  mrs r0, control
  log r0
  mark 0x302
  movs r0, #2                     @ the same on PSP_S
  msr control, r0
  isb
  blxns r4
  mov r0, sp
  log r0
  movs r0, #0
  msr control, r0
  isb
  mark 0x303
  add r5, r4, #1                  @ bit 0 set: stays Secure, which is a transition fault there
  poke 0xE000E100, 0x3
  poke 0xE000E200, 0x1            @ from a handler
  mark 0x304
  load r0, ns_nested
  bic r4, r0, #1
  poke 0xE000E200, 0x2
  mark 0x305
  load r0, ns_bad
  bic r4, r0, #1
  blxns r4                        @ returns through a frame that claims to be a handler's
  mark 0x306                      @ never
  finish

  entry s_irq0
  push {r4, lr}
  mrs r0, ipsr
  log r0
  log lr
  movs r0, #7
  blxns r4
  log r0
  mrs r0, ipsr
  log r0
  pop {r4, pc}

  entry s_irq1
  push {r4, lr}
  blxns r4
  mrs r0, ipsr
  log r0
  pop {r4, pc}

  entry s_secure                  @ fetches from 0xF000_0000 up are Secure
  log lr
  log_sfsr
  mrs r0, msp_ns
  ldr r0, [r0, #24]
  log r0
  finish

  .section .nonsecure, "ax"
  .thumb_func
ns_function:
  push {r4, lr}
  mrs r1, ipsr
  log r1
  log lr
  mov r1, sp
  log r1
  mrs r1, control
  log r1
  add r0, r0, #1
  pop {r4, pc}
  .thumb_func
ns_nested:
  mrs r1, ipsr
  log r1
  load lr, 0xFEFFFFFE             @ the other form
  bx lr
  .thumb_func
ns_bad:
  mark 0x311
  movs r0, #0
  svc #0                          @ an exception in between disturbs nothing
  poke 0xE000ED24, 0x00050000
  load lr, 0xFFFFFFB9             @ EXC_RETURN is an address in Thread mode
  bx lr

  entry n_svc
  mrs r0, ipsr
  log r0
  log lr
  bx lr
