@ Secure gateways: the variants that go wrong under a task switcher, or need its help not to.
@
@ All land in Secure Thread mode on the one Secure thread stack. Whatever they do first, an interrupt can be taken
@ before it, and a task switch then leaves a frame behind that another task will find.
  .include "scenario.inc"

@ --- SG, then BASEPRI_S raised for the call ------------------------------------------------------------------
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
  .thumb_func
back_to_caller:
  movs r1, #0
  movs r2, #0
  movs r3, #0
  msr basepri, r4
  isb
  pop {r4, r5, r6, lr}
  mov r12, #0
  bxns lr

@ --- SG, then SVC: the exit has no window, the entry has ----------------------------------------------------
  .section .callable, "ax"
  .global veneers_closed
veneers_closed:
  .irp number, 0, 1, 2, 3, 4, 5
  sg
  b.w closed_\number
  .endr
  .section .secure, "ax"
  .irp number, 0, 1, 2, 3, 4, 5
  .thumb_func
closed_\number:
  mov r12, #\number
  svc #2
  .endr
  .global svc_of_gateway
  .thumb_func
svc_of_gateway:
  mov r0, sp
  bl closed_call                  @ r0: the Secure stack without the frame of this call
  mov sp, r0
  load lr, 0xFFFFFFB9             @ Non-secure Thread mode, the frame on its stack
  bx lr

@ --- SG, and a wait in Thread mode with the interrupts on -----------------------------------------------------
  .section .callable, "ax"
  .global veneer_parked
veneer_parked:
  sg
  b.w parked_body
  .section .secure, "ax"
  .thumb_func
parked_body:
  push {r4, r5, r6, lr}
  mrs r4, basepri
  bl parked_call
  b back_to_caller
