// Trap gates, a worker in the lowest Secure exception and a pre-emptive Non-secure task switcher, all at
// once.
//
// The Secure side performs calls in SecureFault (a branch to a plain Secure address is a call), and runs a
// worker as a coroutine inside PendSV_S at priority 0xF0, cut into slices by SysTick_S. The Non-secure side
// switches three tasks by SysTick_NS and PendSV_NS, and has an interrupt that calls a gate too. Everybody
// checks his registers all the time. The log at the end is: errors, calls, restarts, slices, parks by the
// timer, loops of the worker, task switches, ticks.
//
// Built with SG_VENEERS the gates are secure gateways instead, which cannot be made safe under a task
// switcher: two calls caught in their window are resumed in the wrong order, on the one Secure thread stack.
#include <cstdint>

namespace {

using Word = std::uint32_t;

volatile Word& reg(Word address) { return *reinterpret_cast<volatile Word*>(address); }
volatile std::uint8_t& byte_reg(Word address) { return *reinterpret_cast<volatile std::uint8_t*>(address); }

constexpr Word kIcsr = 0xE000'ED04;
constexpr Word kSfsr = 0xE000'EDE4;
constexpr Word kSysTickS = 0xE000'E010;
constexpr Word kPriorityPendSvS = 0xE000'ED22;
constexpr Word kPrioritySysTickS = 0xE000'ED23;
constexpr Word kGates = 0x3803'0000;
constexpr Word kWorkerPriority = 0xF0;
constexpr Word kBoostedPriority = 0x60;
constexpr Word kSliceTicks = 700;  // the worker's share
constexpr Word kShareTicks = 900;  // the application's
constexpr Word kRetryTicks = 40;
constexpr Word kHangTicks =
    30'000;  // pended that long without a start: the application has masked its interrupts

enum class Phase : Word { Application, Pended, Running };
volatile Phase phase;
volatile bool boosted, worker_enabled;
Word urgent_count, errors, calls, restarts, slices, parks, worker_loops, boosts;

struct Open {
  Word token, due;
};
Open open_calls[4];

void arm(Word ticks) {
  reg(kSysTickS) = 0;
  reg(kSysTickS + 4) = ticks - 1;
  reg(kSysTickS + 8) = 0;
  reg(kIcsr) = 1u << 25;
  reg(kSysTickS) = 7;
}
void disarm() {
  reg(kSysTickS) = 0;
  reg(kIcsr) = 1u << 25;
}

void application_share() {
  phase = Phase::Application;
  boosted = false;
  byte_reg(kPriorityPendSvS) = kWorkerPriority;
  byte_reg(kPrioritySysTickS) = 0x20;
  arm(kShareTicks);
}

constexpr Word kRestart = 0x8000'0001;

/// A call that waits for `duration` urgent interrupts: not done yet means that the caller comes again.
Word wait_call(Word token, Word duration) {
  Open* found = nullptr;
  Open* unused = nullptr;
  for (Open& entry : open_calls) {
    if (entry.token == token) found = &entry;
    if (entry.token == 0) unused = &entry;
  }
  if (found == nullptr) {
    if (unused == nullptr) return 0xEB;
    *unused = {token, urgent_count + duration};
    ++restarts;
    return kRestart;
  }
  if (static_cast<std::int32_t>(urgent_count - found->due) < 0) {
    ++restarts;
    return kRestart;
  }
  found->token = 0;
  return token + 1;
}

}  // namespace

extern "C" {

Word main_stack, worker_stack, worker_running, main_limit, worker_limit;
[[gnu::aligned(8)]] Word worker_memory[512];

void start_nonsecure();
void end_of_run();
Word secure_pattern(Word seed, Word spins);
extern Word gate_base;
extern Word veneers[];
extern volatile Word task_switches, tick_count, task_errors;

Word perform(Word a, Word b, Word c, Word d, Word number) {
  ++calls;
  switch (number) {
    case 0: return a;
    case 1: return a ^ 0x5A5A'1234;
    case 2: return a * 3 + b * 5 + c * 7 + d * 11;
#ifdef SG_VENEERS
    case 3: return a + 1;
#else
    case 3: return wait_call(a, b);
#endif
    case 4: ++errors; return 0;
    case 5: {
      volatile Word*& log = *reinterpret_cast<volatile Word**>(0x282F'0000);
      const Word figures[] = {errors + task_errors, calls,         restarts,  slices, parks,
                              worker_loops,         task_switches, tick_count};
      for (const Word figure : figures) *log++ = figure;
      end_of_run();
      return 0;
    }
    default: ++errors; return 0;
  }
}

/// SecureFault: exactly INVEP from Non-secure code at a gate is a call; anything else would be an attack.
void gate_trap(Word exc_return) {
  const Word status = reg(kSfsr);
  reg(kSfsr) = status;
  Word control = 0, stack = 0;
  asm volatile("mrs %0, control_ns" : "=r"(control));
  if ((exc_return & 8) != 0 && (control & 2) != 0) {
    asm volatile("mrs %0, psp_ns" : "=r"(stack));
  } else {
    asm volatile("mrs %0, msp_ns" : "=r"(stack));
  }
  auto* frame = reinterpret_cast<Word*>(stack);
  const Word number = (frame[6] - kGates) / 8;
  if (status != 1 || (exc_return & 0x40) != 0 || number > 5 || (frame[6] & 7) != 0) {
    ++errors;
    perform(0, 0, 0, 0, 5);
  }
  const Word result = perform(frame[0], frame[1], frame[2], frame[3], number);
  if (number == 3 && result == kRestart) return;  // the same branch again
  frame[0] = result;
  frame[6] = frame[5] & ~1u;
  frame[7] &= ~0x0600'FC00u;
}

void urgent_interrupt() { ++urgent_count; }

void worker_slice_begins() {
  phase = Phase::Running;
  ++slices;
  byte_reg(kPrioritySysTickS) = boosted ? 0x20 : 0xE0;
  arm(kSliceTicks);
}

/// The worker has given up the rest of its slice.
void worker_parked() { application_share(); }

/// SysTick_S: the share is over, the application hangs, or the slice is over. True: park the worker from
/// here.
Word slice_timer(Word exc_return, const Word* stack) {
  disarm();
  switch (phase) {
    case Phase::Application:
      phase = Phase::Pended;
      if (worker_enabled) {
        reg(kIcsr) = 1u << 28;
        arm(kHangTicks);
      }
      return 0;
    case Phase::Pended:
      ++boosts;
      boosted = true;
      byte_reg(kPriorityPendSvS) = kBoostedPriority;
      arm(kHangTicks);
      return 0;
    case Phase::Running: break;
  }
  const Word* frame = (exc_return & 0x20) != 0 ? stack : stack + 10;
  const bool handler_of_secure = (exc_return & 0x48) == 0x40;
  if (worker_running != 0 && handler_of_secure && (frame[7] & 0x1FF) == 14) {
    ++parks;
    application_share();
    return 1;
  }
  arm(kRetryTicks);
  return 0;
}

void worker_main() {
  Word seed = 1;
  for (;;) {
    seed = seed * 1664525 + 1013904223;
    if (secure_pattern(seed, 25) != 0) ++errors;
    ++worker_loops;
    if ((worker_loops & 63) == 0) asm volatile("svc #1" ::: "memory");
  }
}

/// From startup.S, in Secure Thread mode.
void scenario() {
#ifdef SG_VENEERS
  gate_base = reinterpret_cast<Word>(veneers);
#else
  gate_base = kGates;
#endif
  reg(0xE000'ED0C) = 0x05FA'4008;  // PRIS, SYSRESETREQS
  reg(0xE000'ED18) = 0x4000'0000;  // SecureFault 0x40, the others 0
  byte_reg(0xE000'ED1F) = 0x40;    // SVC_S
  reg(0xE000'E380) = 1u << 5;      // line 5 is Non-secure
  byte_reg(0xE000'E401) = 0x30;    // line 1, urgent
  byte_reg(0xE002'E405) = 0x40;
  byte_reg(0xE002'ED22) = 0xF0;  // PendSV_NS and SysTick_NS where an RTOS has them
  byte_reg(0xE002'ED23) = 0xF0;
  Word* top = worker_memory + 512;
  *--top = 0xFEF5'EDA5;
  *--top = 0xFEF5'EDA5;
  const Word entry = reinterpret_cast<Word>(&worker_main) & ~1u;
  const Word frame[] = {0, 0, 0, 0, 0, 0xFFFF'FFFF, entry, 0x0100'000E};
  for (int index = 7; index >= 0; --index) *--top = frame[index];
  *--top = 0xFFFF'FFF1;
  for (int index = 0; index < 8; ++index) *--top = 0;
  worker_stack = reinterpret_cast<Word>(top);
  worker_limit = reinterpret_cast<Word>(worker_memory);
  main_limit = 0x3807'0000;
  asm volatile("msr msplim, %0" ::"r"(main_limit));
  worker_enabled = true;
  asm volatile("" ::: "memory");  // all of the above before the first interrupt
  reg(0xE000'E100) = 1u << 1;
  reg(0xE002'E100) = 1u << 5;
  application_share();
  start_nonsecure();
}

// --- the Non-secure side -----------------------------------------------------------------------------------

#define NONSECURE [[gnu::section(".nonsecure.code"), gnu::noinline]]
#define NONSECURE_DATA [[gnu::section(".nonsecure.data")]]

NONSECURE_DATA Word gate_base = 0;
NONSECURE_DATA volatile Word task_switches = 0, tick_count = 0, task_errors = 0, interrupt_count = 0;
NONSECURE_DATA Word task_stacks[3] = {0, 0, 0};
NONSECURE_DATA Word current = 0;
NONSECURE_DATA bool started = false;
NONSECURE_DATA Word task_memory[3][256] = {{1}};

Word gate_0(Word, Word, Word, Word);
Word gate_1(Word, Word, Word, Word);
Word gate_2(Word, Word, Word, Word);
Word gate_3(Word, Word, Word, Word);
Word gate_5(Word, Word, Word, Word);
Word nonsecure_pattern(Word seed, Word spins);
void first_task();

/// Called by the SVC that starts the first task; from here on there is something to switch.
NONSECURE Word current_stack() {
  started = true;
  return task_stacks[current];
}

NONSECURE Word next_stack(Word stack) {
  task_stacks[current] = stack;
  current = current == 2 ? 0 : current + 1;
  task_switches = task_switches + 1;
  return task_stacks[current];
}

NONSECURE void n_systick() {
  tick_count = tick_count + 1;
  if (started) *reinterpret_cast<volatile Word*>(0xE000'ED04) = 1u << 28;
}

NONSECURE void n_irq5() {
  interrupt_count = interrupt_count + 1;
  const Word value = interrupt_count;
  if (gate_1(value, 0, 0, 0) != (value ^ 0x5A5A'1234)) task_errors = task_errors + 1;
  if (started && (value & 3) == 0)
    *reinterpret_cast<volatile Word*>(0xE000'ED04) = 1u << 28;  // a switch at the end of an interrupt
}

NONSECURE void task(Word number) {
  volatile Word identity =
      number;  // in memory of the task's own stack, where no register of another task can be
  Word seed = number * 1000;
  for (Word round = 1;; ++round) {
    seed = seed * 1664525 + 1013904223;
    if (gate_1(seed, 0, 0, 0) != (seed ^ 0x5A5A'1234)) task_errors = task_errors + 1;
    if (gate_2(seed, round, number, 9) != seed * 3 + round * 5 + number * 7 + 99)
      task_errors = task_errors + 1;
    if (nonsecure_pattern(seed, 5) != 0) task_errors = task_errors + 1;
    if (identity != number) task_errors = task_errors + 1;
    if ((round & 15) == 0) {
      const Word token = number << 24 | (round & 0xFF'FFFF);
      if (gate_3(token, 3, 0, 0) != token + 1) task_errors = task_errors + 1;
    }
    if (number == 1 && tick_count >= 2000) gate_5(0, 0, 0, 0);
  }
}

NONSECURE void ns_start() {
  for (Word number = 0; number < 3; ++number) {
    Word* top = task_memory[number] + 256;
    *--top = 0x0100'0000;
    *--top = reinterpret_cast<Word>(&task) & ~1u;
    *--top = 0xFFFF'FFFF;
    for (int index = 0; index < 4; ++index) *--top = 0;
    *--top = number + 1;
    *--top = 0xFFFF'FFBC;
    for (int index = 0; index < 8; ++index) *--top = 0;
    task_stacks[number] = reinterpret_cast<Word>(top);
  }
  auto* const systick = reinterpret_cast<volatile Word*>(0xE000'E010);
  systick[1] = 3999;  // 1 ms at 4 MHz
  systick[2] = 0;
  systick[0] = 7;
  first_task();
}

}  // extern "C"
