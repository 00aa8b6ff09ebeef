/* Makes any call with any arguments in any circumstances, as a test outside tells it through its RAM
 * (command.h). One image serves all cases. */
#include "command.h"

#include <stddef.h>

#include "guest.h"

#define C ((volatile struct command*)COMMAND_ADDRESS)

static uint32_t main_stack[512] __attribute__((aligned(8)));
uint32_t invoke_stack;

extern const uint8_t call_site[], return_site[];

/* Fills the registers, branches, and notes what the registers are then. r4 holds the flags. */
__attribute__((naked, noinline)) static void invoke(void) {
  __asm__ volatile(
      "push {r4-r11, lr}\n\t"
      "ldr r1, =invoke_stack\n\t"
      "str sp, [r1]\n\t"
      "ldr r12, =%c[command]\n\t"
      "ldr r0, [r12, %[stack]]\n\t"
      "ldr r1, [r12, %[control]]\n\t"
      "ldr r2, [r12, %[limit]]\n\t"
      "cbz r0, 2f\n\t"
      "lsls r3, r1, #30\n\t"
      "bmi 1f\n\t"
      "msr msp, r0\n\tmsr msplim, r2\n\tb 2f\n"
      "1:\tmsr psp, r0\n\tmsr psplim, r2\n"
      "2:\tmsr control, r1\n\tisb\n\t"
      "mov r0, sp\n\t"
      "str r0, [r12, %[before]]\n\t"
      "ldr r0, [r12, %[context]]\n\t"
      "ldr lr, [r12, %[link]]\n\t"
      "ldr r4, =0xA0000000\n\tldr r5, =0x55555555\n\tldr r6, =0x66666666\n\tldr r7, =0x77777777\n\t"
      "ldr r8, =0x88888888\n\tldr r9, =0x99999999\n\tldr r10, =0xAAAAAAAA\n\tldr r11, =0xBBBBBBBB\n\t"
      "cmp r0, %[jump]\n\t"
      "beq 3f\n\t"
      "cmp r0, %[if_then]\n\t"
      "beq 4f\n\t"
      "add r0, r12, %[r]\n\tldm r0, {r0-r3}\n\tldr r12, [r12, %[target]]\n\t"
      "msr apsr_nzcvq, r4\n"
      ".global call_site\ncall_site:\n\t"
      "blx r12\n"
      ".global return_site\nreturn_site:\n\t"
      "b 5f\n"
      "3:\tadd r0, r12, %[r]\n\tldm r0, {r0-r3}\n\tldr r12, [r12, %[target]]\n\t"
      "msr apsr_nzcvq, r4\n\tbx r12\n"
      "4:\tadd r0, r12, %[r]\n\tldm r0, {r0-r3}\n\tldr r12, [r12, %[target]]\n\t"
      "msr apsr_nzcvq, r4\n\tit cs\n\tblxcs r12\n"
      "5:\tldr lr, =%c[command]\n\t"
      "str r0, [lr, %[after]]\n\tstr r1, [lr, %[after] + 4]\n\tstr r2, [lr, %[after] + 8]\n\t"
      "str r3, [lr, %[after] + 12]\n\tstr r12, [lr, %[r12]]\n\t"
      "mrs r0, apsr\n\tstr r0, [lr, %[flags]]\n\t"
      "mov r0, sp\n\tstr r0, [lr, %[stack_after]]\n\t"
      "add r0, lr, %[kept]\n\tstm r0, {r4-r11}\n\t"
      "ldr r0, [lr, %[returned]]\n\tadds r0, #1\n\tstr r0, [lr, %[returned]]\n\t"
      "ldr r0, [lr, %[control]]\n\tlsls r0, r0, #31\n\tbpl 6f\n\tsvc #0\n"
      "6:\tmovs r0, #0\n\tmsr msplim, r0\n\tmsr psplim, r0\n\tmsr control, r0\n\tisb\n\t"
      "ldr r1, =invoke_stack\n\tldr r1, [r1]\n\tmov sp, r1\n\t"
      "pop {r4-r11, pc}\n\t"
      ".ltorg"
      :
      : [command] "i"(COMMAND_ADDRESS), [stack] "i"(offsetof(struct command, stack)),
        [control] "i"(offsetof(struct command, control)), [limit] "i"(offsetof(struct command, limit)),
        [before] "i"(offsetof(struct command, stack_before)),
        [context] "i"(offsetof(struct command, context)), [link] "i"(offsetof(struct command, link)),
        [r] "i"(offsetof(struct command, r)), [target] "i"(offsetof(struct command, target)),
        [after] "i"(offsetof(struct command, after)), [r12] "i"(offsetof(struct command, r12)),
        [flags] "i"(offsetof(struct command, flags)),
        [stack_after] "i"(offsetof(struct command, stack_after)), [kept] "i"(offsetof(struct command, kept)),
        [returned] "i"(offsetof(struct command, returned)), [jump] "i"(CONTEXT_JUMP),
        [if_then] "i"(CONTEXT_IF_THEN));
}

void SVC_Handler(void) { __asm__ volatile("msr control, %0\n\tisb" : : "r"(0)); }

/* The end of what `invoke` notes when the call was the handler's last act. */
__attribute__((naked)) static void tail(void) {
  __asm__ volatile(
      "ldr r12, =%c[command]\n\tadd r0, r12, %[r]\n\tldm r0, {r0-r3}\n\t"
      "ldr r12, [r12, %[target]]\n\tbx r12\n\t.ltorg"
      :
      : [command] "i"(COMMAND_ADDRESS), [r] "i"(offsetof(struct command, r)),
        [target] "i"(offsetof(struct command, target)));
}

/* Leaves the handler by `link` through a frame of its own that leads to the target. */
__attribute__((naked)) static void forged(void) {
  __asm__ volatile(
      "ldr r12, =%c[command]\n\tsub sp, #32\n\t"
      "add r0, r12, %[r]\n\tldm r0, {r0-r3}\n\tstm sp, {r0-r3}\n\t"
      "ldr r1, =return_site\n\torr r1, #1\n\tstr r1, [sp, #20]\n\t"
      "ldr r1, [r12, %[target]]\n\tbic r1, #1\n\tstr r1, [sp, #24]\n\t"
      "ldr r1, =0x01000000\n\tstr r1, [sp, #28]\n\t"
      "ldr lr, [r12, %[link]]\n\tbx lr\n\t.ltorg"
      :
      : [command] "i"(COMMAND_ADDRESS), [r] "i"(offsetof(struct command, r)),
        [target] "i"(offsetof(struct command, target)), [link] "i"(offsetof(struct command, link)));
}

/* Naked, so that LR is still EXC_RETURN where it has to be. */
__attribute__((naked)) void TIM6_IRQHandler(void) {
  __asm__ volatile(
      "ldr r0, =%c[command]\n\tldr r0, [r0, %[context]]\n\t"
      "cmp r0, %[tail_context]\n\tbeq %c[tail]\n\t"
      "cmp r0, %[forged_context]\n\tbeq %c[forged]\n\t"
      "b %c[invoke]\n\t.ltorg"
      :
      : [command] "i"(COMMAND_ADDRESS), [context] "i"(offsetof(struct command, context)),
        [tail_context] "i"(CONTEXT_HANDLER_TAIL), [forged_context] "i"(CONTEXT_FORGED), [tail] "i"(tail),
        [forged] "i"(forged), [invoke] "i"(invoke));
}

typedef uint32_t (*call)(uint32_t, uint32_t, uint32_t, uint32_t);

void TIM7_IRQHandler(void) {
  ++C->handler_runs;
  if (C->handler_target != 0) {
    C->handler_status =
        ((call)C->handler_target)(C->handler_r[0], C->handler_r[1], C->handler_r[2], C->handler_r[3]);
  }
}

static void pend_handler(void) {
  REG(NVIC_ISPR + 4) = 1u << 17;
  __asm__ volatile("dsb\n\tisb");
}

static void carry_out(void) {
  for (uint32_t i = 0; i < C->writes && i < COMMAND_WRITES; ++i) REG(C->write[i][0]) = C->write[i][1];
  __asm__ volatile("dsb\n\tisb");
  switch (C->context) {
    case CONTEXT_HANDLER:
    case CONTEXT_HANDLER_TAIL:
    case CONTEXT_FORGED: pend_handler(); break;
    case CONTEXT_PRIMASK:
      __asm__ volatile("cpsid i" : : : "memory");
      invoke();
      break;
    case CONTEXT_FAULTMASK:
      __asm__ volatile("cpsid f" : : : "memory");
      invoke();
      break;
    case CONTEXT_BASEPRI:
      __asm__ volatile("msr basepri, %0" : : "r"(0x10) : "memory");
      invoke();
      break;
    case CONTEXT_NONE: break;
    default: invoke(); break;
  }
  __asm__ volatile("cpsie i\n\tcpsie f\n\tmsr basepri, %0" : : "r"(0) : "memory");
  for (uint32_t i = 0; i < C->wait; ++i) __asm__ volatile("nop");
}

static void make_objects(void) {
  struct MvNotificationSetup setup = {
      .irq = 45, .buffer = (struct MvNotification*)RING_ADDRESS, .buffer_size = 128};
  struct MvRequestNetworkParams request = {.version = 1};
  struct MvOpenSystemNotificationParams events = {.notification_tag = 1};
  mvSetupNotifications(&setup, (MvNotificationHandle*)&C->handle[0]);
  request.v1.notification_handle = (MvNotificationHandle)C->handle[0];
  mvRequestNetwork(&request, (MvNetworkHandle*)&C->handle[1]);
  events.notification_handle = (MvNotificationHandle)C->handle[0];
  mvOpenSystemNotification(&events, (MvSystemEventHandle*)&C->handle[3]);
  mvExternalFlashOpen((MvExternalFlashHandle*)&C->handle[4]);
}

__attribute__((noreturn)) static void serve(void) {
  uint8_t reason[1] = {0};
  console_start();
  make_objects();
  C->call_site = (uint32_t)(uintptr_t)call_site & ~1u;
  C->return_site = (uint32_t)(uintptr_t)return_site & ~1u;
  REG(NVIC_ISER + 4) = (1u << 17) | (1u << 18);
  mvGetWakeReason((enum MvWakeReason*)reason);
  print_number("ready", reason[0]);
  for (;;) {
    while (C->state != COMMAND_GO) {
    }
    carry_out();
    ++C->runs;
    C->state = COMMAND_DONE;
  }
}

int main(void) {
  __asm__ volatile("msr msp, %0" : : "r"(&main_stack[512]));
  serve();
}
