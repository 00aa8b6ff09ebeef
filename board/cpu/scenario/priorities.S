@ Who comes first: PRIS, BASEPRI, PRIMASK and FAULTMASK of both worlds, PendSV and SVC, priority groups.
  .include "scenario.inc"

  .section .secure, "ax"
  entry scenario
  poke 0xE000E380, 0x000000F0
  poke 0xE000E100, 0x0000000F
  poke 0xE002E100, 0x000000F0
  poke 0xE000E400, 0xC0804000     @ Secure lines 0-3
  poke 0xE002E404, 0xC0804000     @ Non-secure lines 4-7
  mark 0x601
  bl pend_all
  mark 0x602
  poke 0xE000ED0C, 0x05FA4000     @ PRIS
  bl pend_all
  mark 0x603
  movs r0, #0x80
  msr basepri, r0
  bl pend_all
  mark 0x604
  movs r0, #0
  msr basepri, r0
  isb
  mark 0x605
  movs r0, #0x40                  @ 0xA0 under PRIS
  msr basepri_ns, r0
  bl pend_all
  movs r0, #0
  msr basepri_ns, r0
  isb
  mark 0x606
  movs r0, #1
  msr primask_ns, r0
  bl pend_all
  movs r0, #0
  msr primask_ns, r0
  isb
  mark 0x607
  movs r0, #1
  msr faultmask_ns, r0
  bl pend_all
  movs r0, #0
  msr faultmask_ns, r0
  isb
  mark 0x608
  cpsid i
  bl pend_all
  log_word 0xE000ED04
  log_word 0xE000E200
  cpsie i
  isb
  mark 0x609
  cpsid f
  bl pend_all
  cpsie f
  isb
  mark 0x60A
  poke 0xE000ED0C, 0x05FA4500     @ PRIGROUP 5: two bits of group
  load r0, 0x80
  msr basepri, r0
  bl pend_all
  movs r0, #0
  msr basepri, r0
  isb
  mark 0x60B
  load r0, 0xE000ED22
  movs r1, #0xF0
  strb r1, [r0]                   @ PendSV_S last
  load r0, 0xE002ED22
  strb r1, [r0]
  poke 0xE002ED04, 0x10000000
  poke 0xE000ED04, 0x10000000
  mark 0x60C
  movs r0, #0x20
  msr basepri_max, r0
  movs r0, #0x40
  msr basepri_max, r0
  mrs r0, basepri
  log r0
  movs r0, #0
  msr basepri, r0
  mark 0x60D
  go_nonsecure ns_main

  .thumb_func
pend_all:
  poke 0xE000E200, 0xFF
  bx lr

  .macro line number, what
  entry \what\()_irq\number
  mrs r0, ipsr
  log r0
  bx lr
  .endm
  .irp number, 0, 1, 2, 3
  line \number, s
  .endr
  entry s_pendsv
  mrs r0, ipsr
  log r0
  mark 0x5EC
  bx lr
  entry s_svc
  mark 0x5EC
  bx lr

  .section .nonsecure, "ax"
  .irp number, 4, 5, 6, 7
  line \number, n
  .endr
  entry n_pendsv
  mrs r0, ipsr
  log r0
  bx lr
  entry n_svc
  push {r4, lr}
  mrs r0, ipsr
  log r0
  poke 0xE000E200, 0xF0
  mark 0x611
  pop {r4, pc}
  .thumb_func
ns_main:
  mark 0x60E
  poke 0xE000E200, 0xFF           @ what this world may pend of it
  mark 0x60F
  svc #0
  mark 0x610
  cpsid i
  poke 0xE000E200, 0xF0
  log_word 0xE000ED04
  cpsie i
  isb
  mark 0x612
  log_word 0xE000E100
  log_word 0xE000E380
  log_word 0xE000E400
  log_word 0xE000E404
  log_word 0xE000ED0C
  log_word 0xE000ED24
  log_word 0xE000ED20
  finish
