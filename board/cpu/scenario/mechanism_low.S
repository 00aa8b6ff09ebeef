@ The lower half of the mechanism: entrances of the handlers, the switch between main and worker stack, the task switch of
@ the Non-secure world, and the loops that check that no register is ever lost.
  .include "scenario.inc"

  .section .secure, "ax"
  entry s_secure
  mov r0, lr
  push {r4, lr}
  bl gate_trap
  pop {r4, pc}

  entry s_irq1
  push {r4, lr}
  bl urgent_interrupt
  pop {r4, pc}

  entry s_mon
  push {r4, lr}
  bl halt
  pop {r4, pc}

@ A fast interrupt: the Non-secure handler is called from here, with nothing of the Secure side in its registers.
  entry s_irq2
  push {r4-r11, lr}
  sub sp, #4
  load r0, n_fast
  bic r0, r0, #1
  .irp register, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12
  mov \register, #0
  .endr
  msr apsr_nzcvqg, r1
  blxns r0
  add sp, #4
  pop {r4-r11, pc}

@ The worker runs *inside* this exception, on its own stack; svc #0 goes over to it and comes back when it parks.
  entry s_pendsv
  push {r4-r11, lr}
  sub sp, #4
  bl worker_slice_begins
  svc #0
  add sp, #4
  pop {r4-r11, pc}

  .macro switch_stacks from_sp, to_sp, to_limit
  load r0, \from_sp
  str sp, [r0]
  movs r1, #0
  msr msplim, r1
  load r0, \to_sp
  ldr sp, [r0]
  load r0, \to_limit
  ldr r0, [r0]
  msr msplim, r0
  .endm

@ From Thread mode it is the call of a closed gateway (mechanism_gates.S); else the worker's switch.
  entry s_svc
  tst lr, #8
  bne svc_of_gateway
  push {r4-r11, lr}
  load r2, worker_running
  ldr r3, [r2]
  cbnz r3, 1f
  switch_stacks main_stack, worker_stack, worker_limit
  movs r1, #1
  str r1, [r2]
  pop {r4-r11, lr}
  bx lr
1: movs r1, #0
  str r1, [r2]
  switch_stacks worker_stack, main_stack, main_limit
  bl worker_parked
  pop {r4-r11, lr}
  bx lr

@ The end of a slice: the C part says whether the worker itself was interrupted, and then it is parked from here.
  entry s_systick
  mov r0, lr
  mov r1, sp
  push {r4, lr}
  bl slice_timer
  pop {r4, lr}
  cbnz r0, 1f
  bx lr
1: push {r4-r11, lr}
  load r2, worker_running
  movs r1, #0
  str r1, [r2]
  switch_stacks worker_stack, main_stack, main_limit
  pop {r4-r11, lr}
  bx lr

@ Fills r1 to r12 and lr from r0, spins r1 times, and counts in r0 what has changed.
  .macro check_pattern
  push {r4-r11, lr}
  push {r0, r1}
  .irp number, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
  add r\number, r0, #\number
  .endr
  add lr, r0, #14
1: ldr r0, [sp, #4]
  subs r0, #1
  str r0, [sp, #4]
  bne 1b
  ldr r1, [sp]
  movs r0, #0
  .irp number, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
  sub r\number, r\number, #\number
  cmp r\number, r1
  it ne
  addne r0, r0, #1
  .endr
  sub lr, lr, #14
  cmp lr, r1
  it ne
  addne r0, r0, #1
  add sp, #8
  pop {r4-r11, pc}
  .endm

  .global secure_pattern
  .thumb_func
secure_pattern:
  check_pattern

  .global start_nonsecure
  .thumb_func
start_nonsecure:
  go_nonsecure ns_start

  .global end_of_run
  .thumb_func
end_of_run:
  finish

@ --- the Non-secure side --------------------------------------------------------------------------------
  .section .nonsecure, "ax"
  .global nonsecure_pattern
  .thumb_func
nonsecure_pattern:
  check_pattern

@ Fills S0 to S31 from r0, spins r1 times, and counts in r0 what has changed.
  .global float_pattern
  .thumb_func
float_pattern:
  push {r4, lr}
  vpush {s16-s31}
  mov r4, #0
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  add r2, r0, #\number
  vmov s\number, r2
  .endr
1: subs r1, #1
  bne 1b
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  add r2, r0, #\number
  vmov r3, s\number
  cmp r2, r3
  it ne
  addne r4, #1
  .endr
  vpop {s16-s31}
  mov r0, r4
  pop {r4, pc}

  .macro gate number
  .global gate_\number
  .thumb_func
gate_\number:
  load r12, gate_masked
  ldr r12, [r12]
  cmp r12, #0
  bne 1f
  load r12, gate_base
  ldr r12, [r12]
  add r12, r12, #(8 * \number + 1)
  bx r12
1: push {r4, lr}
  mrs r4, primask
  cpsid i
  load r12, gate_base
  ldr r12, [r12]
  add r12, r12, #(8 * \number + 1)
  blx r12
  msr primask, r4
  pop {r4, pc}
  .endm
  .irp number, 0, 1, 2, 3, 4, 5
  gate \number
  .endr

  .global gate_parked
  .thumb_func
gate_parked:
  load r12, veneer_parked + 1
  bx r12

  .global mask_and_spin
  .thumb_func
mask_and_spin:
  cpsid i
1: subs r0, #1
  bne 1b
  cpsie i
  bx lr

  .global breakpoint
  .thumb_func
breakpoint:
  bkpt #1
  bx lr

@ Called with BLXNS; leaves all registers in disorder, as a handler may.
  .thumb_func
n_fast:
  push {r4, lr}
  mrs r0, ipsr
  bl count_fast
  .irp register, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12
  mov \register, #0x55
  .endr
  pop {r1, pc}

  .global first_task
  .thumb_func
first_task:
  svc #0
  entry n_svc
  bl current_stack
  ldmia r0!, {r4-r11, lr}
  msr psp, r0
  bx lr
@ As an RTOS does it: S16 to S31 belong to the task only if its frame says that it has an FP context.
  entry n_pendsv
  mrs r0, psp
  tst lr, #0x10
  it eq
  vstmdbeq r0!, {s16-s31}
  stmdb r0!, {r4-r11, lr}
  bl next_stack                   @ r0: the stack of the task that goes on
  ldmia r0!, {r4-r11, lr}
  tst lr, #0x10
  it eq
  vldmiaeq r0!, {s16-s31}
  msr psp, r0
  bx lr
