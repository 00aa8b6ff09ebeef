@ The kernel's exception handlers as far as they have to be assembly: entries, the switch between main and worker stack,
@ and the way out of a dead application.
@
@ All of it lies in RAM. Stack switching happens only by legal exception returns (docs/kernel.md): the worker is ordinary
@ code on a stack of its own inside PendSV, and "parked" means that its stack ends in the frame of the exception that parked
@ it, below that r3 to r11 and that exception's EXC_RETURN. Offsets in worker_context are asserted in scheduler.hpp.

  .syntax unified
  .cpu cortex-m33
  .thumb

  .equ CONTEXT_RUNNING, 0
  .equ CONTEXT_WORKER_SP, 4
  .equ CONTEXT_MAIN_SP, 8
  .equ CONTEXT_MAIN_LIMIT, 12
  .equ CONTEXT_WORKER_LIMIT, 16
  .equ CONTEXT_MAIN_TOP, 20
  .equ CONTEXT_THREAD_TOP, 24

  .equ VERDICT_VALID, 0x5AA5C33C

  .equ FAST_FRAME, 0
  .equ FAST_EXCEPTION, 4

  .macro handler name
  .global \name
  .type \name, %function
  .thumb_func
\name:
  .endm

  .section .ram_code.exceptions, "ax", %progbits

@ Gates and everything else that is a SecureFault. r0 = EXC_RETURN. The C++ side says whether
@ the application has to end.
handler secure_fault_handler
  mov r0, lr
  push {r4, lr}
  bl kernel_secure_fault
  cbnz r0, 1f
  pop {r4, pc}
1:
  pop {r4, lr}
  b end_application

@ HardFault, MemManage, BusFault, UsageFault. Above 1: of a fast interrupt's handler. It may be the kernel's own stack that
@ has run over: the limit is lifted, and the report of it goes to what lies below.
handler fault_handler
  mov r0, lr
  mov r1, sp
  mrs r2, msplim
  movs r3, #0
  msr msplim, r3
  push {r2, r3, r4, lr}
  bl kernel_fault
  pop {r2, r3, r4, lr}
  msr msplim, r2
  cmp r0, #1
  beq end_application
  bhi abandon_fast_interrupt
  bx lr

@ Software-pended line at the priority of system calls: notifications that wait, and the end of the application when
@ something else than a fault has asked for it.
handler tasklet_handler
  mov r0, lr
  mov r1, sp
  push {r4, lr}
  bl kernel_tasklet
  pop {r4, lr}
  cbnz r0, end_application
  bx lr

@ The application is over. Saves what the worker needs to go on later, ends every other active exception, and goes to
@ thread mode at application_ended().
end_application:
  cpsid i
  push {r3-r11, lr}
  mov r0, lr
  mov r1, sp
  bl kernel_prepare_unwind
  cmp r0, #1
  beq unwind_to_thread
  bhi unwind_to_secure
  cpsie i                       @ 0: not yet, the interrupted handler has to end first
  pop {r3-r11, lr}
  bx lr

unwind_to_thread:
  ldr r4, =worker_context
  movs r0, #0
  msr msplim, r0
  ldr r0, [r4, #CONTEXT_MAIN_TOP]
  mov sp, r0
  ldr r0, [r4, #CONTEXT_MAIN_LIMIT]
  msr msplim, r0
1:
  bl kernel_next_active         @ exception number of an active line other than this, now Secure; 0: none
  cbz r0, 3f
  sub sp, #32                   @ a frame that returns to 2: in that exception
  ldr r1, =2f
  str r1, [sp, #24]
  orr r0, r0, #0x01000000
  str r0, [sp, #28]
  mvn lr, #0x0E                 @ 0xFFFFFFF1: Secure handler mode
  bx lr
2:
  b 1b
3:
  ldr r0, [r4, #CONTEXT_THREAD_TOP]
  subs r0, #32
  ldr r1, =application_ended
  bic r1, r1, #1
  str r1, [r0, #24]
  mov r1, #0x01000000
  str r1, [r0, #28]
  msr psp, r0
  mvn lr, #0x02                 @ 0xFFFFFFFD: Secure thread mode, process stack
  bx lr

@ A Secure handler was pre-empted by the application's handler that has just died: end the latter, let the former finish.
unwind_to_secure:
1:
  bl kernel_next_active
  cbz r0, 3f
  sub sp, #32
  ldr r1, =2f
  str r1, [sp, #24]
  orr r0, r0, #0x01000000
  str r0, [sp, #28]
  mvn lr, #0x0E
  bx lr
2:
  b 1b
3:
  add sp, #40                   @ r3 to r11 and lr of end_application: the Secure handler's own are in its state context
  cpsie i
  mvn lr, #0x2E                 @ 0xFFFFFFD1: Secure handler mode, with state context
  bx lr

@ DebugMonitor: the application has come to a breakpoint, a watchpoint or the end of a step, or is to halt. What is in the
@ registers that hardware has not stacked is the application's, and goes back changed.
handler debug_monitor_handler
  mov r0, lr
  push {r3-r11, lr}
  add r1, sp, #4
  bl monitor_entered
  pop {r3-r11, pc}

@ S16 to S31 of the application, to and from r0. The first of these instructions has hardware stack S0 to S15 and FPSCR, if
@ it has not yet. The context that is begun with that is given up again, so that no frame on the kernel's stack has room for it.
  .fpu fpv5-sp-d16
handler save_high_floating_point
  vstmia r0, {s16-s31}
  b forget_context
handler load_high_floating_point
  vldmia r0, {s16-s31}
forget_context:
  mrs r1, control
  bic r1, r1, #0xC              @ SFPA, FPCA
  msr control, r1
  isb
  bx lr
  .fpu softvfp

@ One slice of the worker.
handler pendsv_handler
  push {r3-r11, lr}
  bl scheduler_begin_slice
  cbz r0, 1f
  svc #0
1:
  pop {r3-r11, pc}

@ Stack switch: from PendSV to the worker, or back when the worker yields.
handler svc_handler
  push {r3-r11, lr}
  ldr r4, =worker_context
  ldr r0, [r4, #CONTEXT_RUNNING]
  movs r1, #0
  cbz r0, 1f
  str r1, [r4, #CONTEXT_RUNNING]
  mov r0, sp
  str r0, [r4, #CONTEXT_WORKER_SP]
  msr msplim, r1
  ldr r0, [r4, #CONTEXT_MAIN_SP]
  mov sp, r0
  ldr r0, [r4, #CONTEXT_MAIN_LIMIT]
  msr msplim, r0
  bl scheduler_worker_yielded
  pop {r3-r11, lr}
  bx lr
1:
  mov r0, sp
  str r0, [r4, #CONTEXT_MAIN_SP]
  msr msplim, r1
  ldr r0, [r4, #CONTEXT_WORKER_SP]
  mov sp, r0
  ldr r0, [r4, #CONTEXT_WORKER_LIMIT]
  msr msplim, r0
  movs r0, #1
  str r0, [r4, #CONTEXT_RUNNING]
  pop {r3-r11, lr}
  bx lr

@ Early warning of the watchdog.
handler watchdog_handler
  mov r0, lr
  b watchdog_warned

@ Scheduler's timer. If the worker's slice is over and the worker itself was interrupted, returns behind PendSV's svc.
handler timer_handler
  mov r0, lr
  mov r1, sp
  push {r4, lr}
  bl scheduler_timer
  pop {r4, lr}
  cbnz r0, 1f
  bx lr
1:
  push {r3-r11, lr}
  ldr r4, =worker_context
  movs r1, #0
  str r1, [r4, #CONTEXT_RUNNING]
  mov r0, sp
  str r0, [r4, #CONTEXT_WORKER_SP]
  msr msplim, r1
  ldr r0, [r4, #CONTEXT_MAIN_SP]
  mov sp, r0
  ldr r0, [r4, #CONTEXT_MAIN_LIMIT]
  msr msplim, r0
  pop {r3-r11, lr}
  bx lr

@ Every line that is the application's comes here when it is fast: calls the application's handler as a function of the
@ Non-secure state, which then sees exception number 1. Nothing of the Secure side is left in the registers; the FPU is
@ never the kernel's. BLXNS leaves two words on this stack, which the handler's return takes off again.
handler fast_interrupt_handler
  push {r3-r11, lr}
  bl fast_interrupt_begin       @ the application's handler; 0: not wanted any more
  cbz r0, 1f
  ldr r1, =fast_interrupt_context
  str sp, [r1, #FAST_FRAME]
  .irp register, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12
  mov \register, #0
  .endr
  msr apsr_nzcvqg, r1
  blxns r0
fast_interrupt_over:
  ldr r1, =fast_interrupt_context
  movs r0, #0
  str r0, [r1, #FAST_FRAME]
  bl fast_interrupt_end
1:
  pop {r3-r11, pc}

@ Secure SysTick, above fast interrupts: one of them takes too long.
handler overdue_handler
  mov r0, lr
  push {r4, lr}
  bl fast_interrupt_overdue
  pop {r4, lr}
  cbnz r0, abandon_fast_interrupt
  bx lr

@ The application's handler of a fast interrupt is not to go on: returns from this exception to the end of the fast
@ interrupt itself, as if it had. What that had pre-empted goes on, be it the worker, a system call or the application,
@ until the tasklet ends the latter.
abandon_fast_interrupt:
  ldr r1, =fast_interrupt_context
  ldr r0, [r1, #FAST_FRAME]
  mov sp, r0
  sub sp, #32
  ldr r0, =fast_interrupt_over
  bic r0, r0, #1
  str r0, [sp, #24]
  ldr r0, [r1, #FAST_EXCEPTION]
  orr r0, r0, #0x01000000
  str r0, [sp, #28]
  mvn lr, #0x0E                 @ 0xFFFFFFF1: Secure handler mode
  bx lr

  .ltorg

@ Enters the application: r0 = its stack pointer, r1 = its entry, r2 = what was found of it (crypto::Verdict). All registers
@ and flags are cleared first; nothing of the Secure world is left in them. The linker's long jump to here stands behind
@ others like it: whoever disturbs one of those falls into it, without a verdict.
handler enter_application
  ldr r3, =VERDICT_VALID
  cmp r2, r3
  bne refuse_application
  msr msp_ns, r0
  bic r1, r1, #1
  mov r0, #0
  msr psp_ns, r0
  msr msplim_ns, r0
  msr psplim_ns, r0
  msr control_ns, r0
  msr basepri_ns, r0
  msr faultmask_ns, r0
  msr primask_ns, r0
  cmp r2, r3
  bne refuse_application
  mov r2, r0
  mov r3, r0
  mov r4, r0
  mov r5, r0
  mov r6, r0
  mov r7, r0
  mov r8, r0
  mov r9, r0
  mov r10, r0
  mov r11, r0
  mov r12, r0
  mvn lr, r0
  msr apsr_nzcvq, r0
  dsb
  isb
  bxns r1
refuse_application:
  udf #0                        @ the kernel's own fault, which starts the device anew
  b refuse_application

  .ltorg
