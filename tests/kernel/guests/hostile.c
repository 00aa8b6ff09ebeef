/* Does one forbidden thing, chosen by the test. On the first run it prints "begin"; if it is still there
 * afterwards "survived" and what it saw. Started again it prints why. */
#include "guest.h"

enum {
  KIND_NONE,
  KIND_READ,
  KIND_WRITE,
  KIND_EXECUTE,
  KIND_MASK_AND_SPIN,
  KIND_SPIN_IN_HANDLER,
  KIND_UNDEFINED_IN_HANDLER,
  KIND_FORGED_RETURN,
  KIND_STACK_IN_MICROVISOR,
  KIND_STACK_POINTER_CALL,
  KIND_BREAKPOINT,
  KIND_RESET_REQUEST,
  KIND_LOCK_VTOR,
  KIND_RESTART,
  KIND_RAISE_IN_HANDLERS,
  KIND_STORM,
};

static volatile uint32_t nested;

static void spin(void) {
  for (;;) __asm__ volatile("nop");
}

void TIM6_IRQHandler(void) {
  switch (parameters.kind) {
    case KIND_SPIN_IN_HANDLER: spin(); break;
    case KIND_UNDEFINED_IN_HANDLER: __asm__ volatile("udf #0"); break;
    case KIND_FORGED_RETURN: __asm__ volatile("bx %0" : : "r"(parameters.value)); break;
    case KIND_RAISE_IN_HANDLERS:
      REG(NVIC_ISPR + 4) = 1u << 18; /* TIM7 pre-empts this one, and crashes there */
      __asm__ volatile("dsb\n\tisb");
      break;
    case KIND_STORM: REG(NVIC_ISPR + 4) = 1u << 17; break; /* itself again, for ever */
    default: break;
  }
}

void TIM7_IRQHandler(void) {
  ++nested;
  __asm__ volatile("udf #0");
}

static void enter_handler(void) {
  REG8(NVIC_IPR + 49) = 0x80;
  REG8(NVIC_IPR + 50) = 0x40;
  REG(NVIC_ISER + 4) = (1u << 17) | (1u << 18);
  REG(NVIC_ISPR + 4) = 1u << 17;
  __asm__ volatile("dsb\n\tisb");
}

static void attack(void) {
  typedef void (*function)(void);
  uint32_t value = 0;
  switch (parameters.kind) {
    case KIND_READ:
      value = REG(parameters.address);
      print_hex("read", value);
      break;
    case KIND_WRITE:
      REG(parameters.address) = parameters.value;
      __asm__ volatile("dsb");
      break;
    case KIND_EXECUTE: ((function)(uintptr_t)(parameters.address | 1))(); break;
    case KIND_MASK_AND_SPIN:
      __asm__ volatile("cpsid i");
      spin();
      break;
    case KIND_STACK_IN_MICROVISOR:
      __asm__ volatile("msr msp, %0\n\tpush {r0-r3}" : : "r"(parameters.address));
      break;
    case KIND_STACK_POINTER_CALL:
      __asm__ volatile("msr msp, %0\n\tbl mvNoOp" : : "r"(parameters.address) : "lr", "r0");
      break;
    case KIND_BREAKPOINT: __asm__ volatile("bkpt #1"); break;
    case KIND_RESET_REQUEST:
      REG(0xE000ED0C) = 0x05FA0004;
      __asm__ volatile("dsb");
      break;
    case KIND_LOCK_VTOR:
      REG(0x4600040C) = 3;
      REG(0xE000ED08) = 0x08000200;
      break;
    case KIND_RESTART: mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE); break;
    case KIND_NONE: break;
    default: enter_handler(); break;
  }
}

int main(void) {
  uint8_t reason[1] = {0};
  console_start();
  mvGetWakeReason((enum MvWakeReason*)reason);
  print_number("start", reason[0]);
  if (reason[0] == MV_WAKEREASON_APPLICATIONCRASH) spin();
  print("begin");
  attack();
  print("survived");
  spin();
  return 0;
}
