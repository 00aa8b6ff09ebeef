@ MRS and MSR across worlds, modes and privileges.
  .include "scenario.inc"

  .macro read_all
  .irp name, apsr, ipsr, epsr, xpsr, msp, psp, msplim, psplim, primask, basepri, faultmask, control
  mrs r0, \name
  log r0
  .endr
  .endm
  .macro read_other
  .irp name, msp_ns, psp_ns, msplim_ns, psplim_ns, primask_ns, basepri_ns, faultmask_ns, control_ns, sp_ns
  mrs r0, \name
  log r0
  .endr
  .endm

  .section .secure, "ax"
  entry scenario
  load r0, 0xF80F0000
  msr apsr_nzcvqg, r0
  mrs r1, apsr
  log r1
  movs r1, #0
  msr apsr_g, r1
  mrs r1, apsr
  log r1
  msr apsr_nzcvqg, r0
  mov r1, #0
  msr apsr_nzcvq, r1
  mrs r1, apsr
  log r1
  msr apsr_nzcvqg, r1
  load r0, 0x38070007
  msr msplim, r0
  load r0, 0x28270007
  msr msplim_ns, r0
  load r0, 0x2827800F
  msr psplim_ns, r0
  load r0, 0x28290003
  msr psp_ns, r0
  mvn r0, #0
  msr basepri_ns, r0
  mrs r1, basepri_ns
  and r1, r1, #0xF0               @ QEMU's core has eight bits
  log r1
  movs r0, #0
  msr basepri_ns, r0
  movs r0, #2
  msr control_ns, r0
  movs r0, #0
  msr apsr_nzcvqg, r0
  read_all
  read_other
  poke 0xE000E100, 1
  poke 0xE000E200, 1
  mark 0x903
  mrs r0, control
  log r0
  movs r0, #1                     @ unprivileged
  msr control, r0
  isb
  read_other
  mrs r0, control
  log r0
  movs r0, #0
  msr control, r0
  mrs r0, control
  log r0
  msr primask, r0
  cpsid i
  mrs r0, primask
  log r0
  svc #0
  mrs r0, control
  log r0
  go_nonsecure ns_main

  entry s_svc
  movs r0, #0
  msr control, r0
  movs r0, #0
  bx lr

  entry s_irq0
  mark 0x902
  movs r0, #2                     @ SPSEL has no effect in a handler
  msr control, r0
  mrs r0, control
  log r0
  mrs r0, sp_ns
  log r0
  mrs r0, ipsr
  log r0
  mrs r0, xpsr
  log r0
  mrs r0, iapsr
  log r0
  bx lr

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  mark 0x911
  read_all
  mov r0, sp
  log r0
  load r0, 0x28288000
  msr msp, r0
  mrs r0, msp
  log r0
  movs r0, #0
  msr control, r0
  isb
  mov r0, sp
  log r0
  movs r0, #3
  msr control, r0
  isb
  mark 0x912
  read_all
  cpsid i
  mov r0, #1
  msr faultmask, r0
  msr basepri, r0
  svc #0                          @ semihosting is for privileged code
  entry n_svc
  finish
