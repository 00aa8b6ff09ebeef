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

  entry s_svc
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

@ --- gates of the failing variant: SG veneers ---------------------------------------------------------------
  .section .callable, "ax"
  .global veneers
veneers:
  .irp number, 0, 1, 2, 3, 4, 5
  sg
  b.w veneer_\number
  .endr
  .section .secure, "ax"
  .irp number, 0, 1, 2, 3, 4, 5
  .thumb_func
veneer_\number:
  mov r12, #\number
  b veneer_body
  .endr
  .thumb_func
veneer_body:
  push {r4, r5, r6, lr}
  mrs r4, basepri
  movs r5, #0x40
  msr basepri, r5
  sub sp, #8
  str r12, [sp]
  bl perform
  add sp, #8
  movs r1, #0
  movs r2, #0
  movs r3, #0
  msr basepri, r4
  isb
  pop {r4, r5, r6, lr}
  mov r12, #0
  bxns lr

@ --- the Non-secure side --------------------------------------------------------------------------------
  .section .nonsecure, "ax"
  .global nonsecure_pattern
  .thumb_func
nonsecure_pattern:
  check_pattern

  .macro gate number
  .global gate_\number
  .thumb_func
gate_\number:
  load r12, gate_base
  ldr r12, [r12]
  add r12, r12, #(8 * \number + 1)
  bx r12
  .endm
  .irp number, 0, 1, 2, 3, 4, 5
  gate \number
  .endr

  .global first_task
  .thumb_func
first_task:
  svc #0
  entry n_svc
  bl current_stack
  ldmia r0!, {r4-r11, lr}
  msr psp, r0
  bx lr
  entry n_pendsv
  mrs r0, psp
  stmdb r0!, {r4-r11, lr}
  bl next_stack                   @ r0: the stack of the task that goes on
  ldmia r0!, {r4-r11, lr}
  msr psp, r0
  bx lr
