/* Two tasks that a small pre-emptive kernel of the application's own switches, for a debugger far away: a
 * tick, PendSV, a line of log ten times a second, a function whose lines count, and ways to mask interrupts
 * and to end. `mode` and `unit` are for the debugger to set. */
#include "guest.h"

enum { MODE_WORK, MODE_FAULT, MODE_PRIMASK, MODE_BASEPRI, MODE_FAULTMASK, MODE_RESTART, MODE_COUNT };

#define SCB_ICSR 0xE000ED04u
#define SCB_SHPR3 0xE000ED20u
#define SYSTICK 0xE000E010u
#define WORKERS 2
#define STACK_WORDS 256
#define TICKS_BETWEEN_LINES 100

struct worker {
  uint32_t number;
  volatile uint32_t rounds;
  const char* name;
};

volatile uint32_t mode;
volatile uint32_t unit = 1;
volatile uint32_t ticks;
volatile uint32_t last_tick;
volatile uint32_t spins;
volatile uint32_t current;
volatile uint32_t switches;
struct worker workers[WORKERS] = {{0, 0, "teller"}, {1, 0, "idler"}};

static uint32_t stacks[WORKERS][STACK_WORDS] __attribute__((aligned(8)));
static uint32_t* volatile saved[WORKERS];
static uint8_t log_buffer[4096] __attribute__((aligned(512)));
static uint32_t said, line_due;

void SysTick_Handler(void) {
  ticks = ticks + 1;
  if (ticks % 8 == 0) last_tick = ticks;
  REG(SCB_ICSR) = 1u << 28;
}

__attribute__((used)) static uint32_t* switch_worker(uint32_t* sp) {
  saved[current] = sp;
  switches = switches + 1;
  current = current + 1 == WORKERS ? 0 : current + 1;
  return saved[current];
}

__attribute__((naked)) void PendSV_Handler(void) {
  __asm__ volatile(
      "mrs r0, psp\n\t"
      "mov r3, lr\n\t"
      "stmdb r0!, {r3-r11}\n\t"
      "bl switch_worker\n\t"
      "ldmia r0!, {r3-r11}\n\t"
      "msr psp, r0\n\t"
      "bx r3");
}

__attribute__((noinline)) void yield(void) {
  REG(SCB_ICSR) = 1u << 28;
  __asm__ volatile("dsb\n\tisb" : : : "memory");
}

/* "count N", where N grows by `unit`. */
__attribute__((noinline)) void tell(void) {
  char text[20] = "count ", digits[10];
  uint32_t size = 6, count = 0;
  said += unit;
  for (uint32_t rest = said; rest != 0 || count == 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  while (count != 0) text[size++] = digits[--count];
  mvServerLog((const uint8_t*)text, (uint16_t)size);
}

/* As it is written, line by line: a stop before line n finds `count` at n, and more by ten each round. */
__attribute__((noinline, optimize("O0"))) void count_lines(void) {
  volatile uint32_t count = 0;
  while (mode == MODE_COUNT) {
    count = count + 1; /* line 0 */
    count = count + 1; /* line 1 */
    count = count + 1; /* line 2 */
    count = count + 1; /* line 3 */
    count = count + 1; /* line 4 */
    count = count + 1; /* line 5 */
    count = count + 1; /* line 6 */
    count = count + 1; /* line 7 */
    count = count + 1; /* line 8 */
    count = count + 1; /* line 9 */
  }
}

__attribute__((noinline)) void fall(uint32_t depth) {
  if (depth != 0) fall(depth - 1);
  if (depth == 0) __asm__ volatile("udf #7");
  __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void spin(uint32_t how) {
  if (how == MODE_PRIMASK) __asm__ volatile("cpsid i");
  if (how == MODE_FAULTMASK) __asm__ volatile("cpsid f");
  if (how == MODE_BASEPRI) __asm__ volatile("msr basepri, %0" : : "r"(0x20));
  while (mode == how) spins = spins + 1;
  __asm__ volatile("msr basepri, %0\n\tcpsie f\n\tcpsie i" : : "r"(0));
}

__attribute__((noinline)) void obey(void) {
  switch (mode) {
    case MODE_FAULT: return fall(3);
    case MODE_RESTART: mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE); return;
    case MODE_COUNT: return count_lines();
    case MODE_WORK: return;
    default: return spin(mode);
  }
}

__attribute__((noinline)) void work(struct worker* self) {
  uint64_t now = 0;
  for (;;) {
    self->rounds = self->rounds + 1;
    yield(); /* the other one's turn */
    if (self->number != 0) {
      __asm__ volatile("wfi");
      continue;
    }
    mvGetMicroseconds(&now); /* a call of Microvisor's */
    obey();
    if ((int32_t)(ticks - line_due) < 0) continue;
    line_due += TICKS_BETWEEN_LINES;
    tell();
  }
}

static void prepare(uint32_t number) {
  uint32_t* sp = &stacks[number][STACK_WORDS];
  *--sp = 0x01000000;
  *--sp = (uint32_t)(uintptr_t)work & ~1u;
  for (int i = 0; i < 5; ++i) *--sp = 0; /* lr, r12, r3 to r1 */
  *--sp = (uint32_t)(uintptr_t)&workers[number];
  for (int i = 0; i < 8; ++i) *--sp = 0; /* r11 to r4 */
  *--sp = 0xFFFFFFBC;
  saved[number] = sp;
}

int main(void) {
  mvServerLoggingInit(log_buffer, sizeof log_buffer);
  for (uint32_t i = 0; i < WORKERS; ++i) prepare(i);
  REG(SCB_SHPR3) = 0xFFFF0000; /* PendSV and SysTick lowest */
  REG(SYSTICK + 4) = 159999;   /* 1 ms */
  REG(SYSTICK + 8) = 0;
  REG(SYSTICK) = 7;
  /* The first begins by hand, the other one at its first turn. */
  __asm__ volatile(
      "msr psp, %0\n\t"
      "movs r0, #2\n\t"
      "msr control, r0\n\t"
      "isb\n\t"
      "mov r0, %2\n\t"
      "movs r1, #0\n\t"
      "mov lr, r1\n\t"
      "bx %1"
      :
      : "r"(&stacks[0][STACK_WORDS]), "r"(work), "r"(&workers[0])
      : "r0", "r1");
  return 0;
}
