/* A small program with all that a debugger should show: both worlds, an exception, memory that changes. It
 * ends with the value of `total` as its status. */
#include <arm_cmse.h>
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t*)(address))
#define NONSECURE __attribute__((section(".nonsecure"), noinline))

volatile uint32_t total;
volatile uint32_t calls = 40;
static volatile uint32_t handled;

static uint32_t semihosting(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void print(const char* text) { semihosting(0x04, text); }

NONSECURE uint32_t double_it(uint32_t value) { return value * 2; }

NONSECURE uint32_t visit(uint32_t value) {
  uint32_t result = double_it(value) + 1;
  return result;
}

__attribute__((noinline)) uint32_t add(uint32_t value) {
  total += value;
  return total;
}

void svc_handler(void) { handled = handled + 1; }

__attribute__((noinline)) void ask(uint32_t depth) {
  if (depth != 0) {
    ask(depth - 1);
  } else {
    __asm__ volatile("svc 0" ::: "memory");
  }
  calls = calls + 1;
}

static void open_the_other_world(void) {
  REGISTER(0x56020C88) |= 1u << 24; /* RCC_AHB1ENR.GTZC1EN */
  REGISTER(0x50033000 + 0x100) = 0; /* MPCBB2_SECCFGR0: SRAM2 Non-secure */
  REGISTER(0x50033000 + 0x104) = 0;
  REGISTER(0xE000EDD8) = 0; /* SAU_RNR, RBAR, RLAR, CTRL */
  REGISTER(0xE000EDDC) = 0x20030000;
  REGISTER(0xE000EDE0) = 0x2003FFE0 | 1;
  REGISTER(0xE000EDD0) = 1;
  __asm__ volatile("msr msp_ns, %0" ::"r"(0x20038000));
  __asm__ volatile("msr basepri_ns, %0" ::"r"(0xF0)); /* a mask that lets SVCall through */
  __asm__ volatile("msr msplim, %0" ::"r"(0x30008000));
  __asm__ volatile("dsb\nisb");
}

typedef uint32_t visitor(uint32_t) __attribute__((cmse_nonsecure_call));

void main(void) {
  total = 0;
  calls = 0;
  print("worlds\n");
  open_the_other_world();
  visitor* other = (visitor*)cmse_nsfptr_create((visitor*)&visit);
  add(other(10)); /* 21 */
  ask(2);
  add(3);
  const uint32_t block[2] = {0x20026, total + handled};
  semihosting(0x20, block);
  for (;;) {
  }
}

/* Thread mode on its process stack: where GDB 13 looks for the frame of a call to Non-secure code. */
__attribute__((naked)) void start(void) {
  __asm__ volatile(
      "ldr r0, =0x3000C000\n\t"
      "msr psp, r0\n\t"
      "movs r0, #2\n\t"
      "msr control, r0\n\t"
      "isb\n\t"
      "b main\n\t"
      ".ltorg");
}

static void unexpected(void) {
  const uint32_t block[2] = {0x20026, 99};
  semihosting(0x20, block);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))0x30010000,
    start,
    unexpected,
    unexpected,
    unexpected,
    unexpected,
    unexpected,
    unexpected,
    0,
    0,
    0,
    svc_handler,
    unexpected,
    0,
    unexpected,
    unexpected,
};
