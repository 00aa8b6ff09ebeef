// Trap gates, a worker in the lowest Secure exception and a pre-emptive Non-secure task switcher, all at
// once: the Secure side. mechanism_tasks.cpp is the other one.
//
// Calls are performed in SecureFault (a branch to a plain Secure address is a call), or behind secure
// gateways, which is what must go wrong. The worker is a coroutine inside PendSV_S, cut into slices by
// SysTick_S. It checks its registers all the time. The log at the end is one word a Figure.
#include "mechanism.hpp"

namespace {

volatile Word& reg(Word address) { return *reinterpret_cast<volatile Word*>(address); }
volatile std::uint8_t& byte_reg(Word address) { return *reinterpret_cast<volatile std::uint8_t*>(address); }
const volatile Setup& setup() { return *reinterpret_cast<const volatile Setup*>(kSetupAddress); }

constexpr Word kIcsr = 0xE000'ED04;
constexpr Word kSfsr = 0xE000'EDE4;
constexpr Word kDfsr = 0xE000'ED30;
constexpr Word kSysTickS = 0xE000'E010;
constexpr Word kPriorityMonitor = 0xE000'ED20;
constexpr Word kPriorityPendSvS = 0xE000'ED22;
constexpr Word kPrioritySysTickS = 0xE000'ED23;
constexpr Word kGates = 0x3803'0000;
constexpr Word kBoostedPriority = 0x60;
constexpr Word kSliceTicks = 700;  // the worker's share
constexpr Word kShareTicks = 900;  // the application's
constexpr Word kRetryTicks = 40;
constexpr Word kHangTicks =
    30'000;  // pended that long without a start: the application has masked its interrupts

enum class Phase : Word { Application, Pended, Running };
volatile Phase phase;
volatile bool boosted, halted, worker_enabled;
volatile Word urgent_count, worker_loops;
Word errors, calls, restarts, slices, parks, boosts, halts;

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

/// Where the worker stands when nothing hurries it; above the monitor while that has halted the application.
Word idle_priority() { return halted ? kBoostedPriority : setup().worker_priority; }

void application_share() {
  phase = Phase::Application;
  boosted = false;
  byte_reg(kPriorityPendSvS) = static_cast<std::uint8_t>(idle_priority());
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
[[noreturn]] void end_of_run();
Word secure_pattern(Word seed, Word spins);
extern Word gate_base, gate_masked;
extern Word veneers[], veneers_closed[];
extern volatile Word task_switches, tick_count, task_errors, fast_count;

static void log_figures() {
  volatile Word*& log = *reinterpret_cast<volatile Word**>(0x282F'0000);
  const Word figures[kFigures] = {errors + task_errors, calls,      restarts, slices,     parks, worker_loops,
                                  task_switches,        tick_count, boosts,   fast_count, halts};
  for (const Word figure : figures) *log++ = figure;
}

Word perform(Word a, Word b, Word c, Word d, Word number) {
  ++calls;
  switch (number) {
    case 0: return a;
    case 1: return a ^ 0x5A5A'1234;
    case 2: return a * 3 + b * 5 + c * 7 + d * 11;
    case 3: return setup().gate == Gate::Trap ? wait_call(a, b) : a + 1;
    case 5: log_figures(); end_of_run();
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

/// SVC of a closed gateway, from Secure Thread mode: performs the call of `frame`, and makes a frame on the
/// caller's stack, so that the exception return goes straight back to it. The Secure stack afterwards.
Word* closed_call(Word* frame) {
  const Word result = perform(frame[0], frame[1], frame[2], frame[3], frame[4]);
  Word control = 0, stack = 0;
  asm volatile("mrs %0, control_ns" : "=r"(control));
  if ((control & 2) != 0) {
    asm volatile("mrs %0, psp_ns" : "=r"(stack));
  } else {
    asm volatile("mrs %0, msp_ns" : "=r"(stack));
  }
  const Word realign = stack & 4;
  auto* returned = reinterpret_cast<Word*>((stack - realign) - 32);
  const Word words[] = {result, 0, 0, 0, 0, frame[5], frame[5] & ~1u, 0x0100'0000 | realign << 7};
  for (int index = 0; index < 8; ++index) returned[index] = words[index];
  if ((control & 2) != 0) {
    asm volatile("msr psp_ns, %0" ::"r"(returned));
  } else {
    asm volatile("msr msp_ns, %0" ::"r"(returned));
  }
  return frame + 8 + ((frame[7] & 0x200) != 0 ? 1 : 0);
}

/// A call that waits in Secure Thread mode, with interrupts on: its frames are parked on the Secure stack.
Word parked_call(Word token, Word duration) {
  const Word due = urgent_count + duration;
  while (static_cast<std::int32_t>(urgent_count - due) < 0) {
  }
  ++restarts;
  return token + 1;
}

void urgent_interrupt() { urgent_count = urgent_count + 1; }

/// DebugMonitor: the Non-secure world stands still while the worker goes on. BKPT is skipped in the end.
void halt() {
  reg(kDfsr) = reg(kDfsr);
  ++halts;
  const Word before = worker_loops, ticks_before = tick_count;
  halted = true;
  byte_reg(kPriorityPendSvS) = kBoostedPriority;
  while (worker_loops - before < 40) {
  }
  halted = false;
  byte_reg(kPriorityPendSvS) = static_cast<std::uint8_t>(idle_priority());
  if (tick_count != ticks_before) ++errors;
  Word stack = 0;
  asm volatile("mrs %0, psp_ns" : "=r"(stack));
  reinterpret_cast<Word*>(stack)[6] += 2;
}

void worker_slice_begins() {
  phase = Phase::Running;
  ++slices;
  const bool above_the_application = boosted || halted || setup().worker_priority < 0x80;
  byte_reg(kPrioritySysTickS) = above_the_application ? 0x20 : 0xE0;
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
    worker_loops = worker_loops + 1;
    if ((worker_loops & 63) == 0) asm volatile("svc #1" ::: "memory");
  }
}

static void choose_gates() {
  switch (setup().gate) {
    case Gate::Trap: gate_base = kGates; break;
    case Gate::VeneerMasked: gate_masked = 1; [[fallthrough]];
    case Gate::Veneer: gate_base = reinterpret_cast<Word>(veneers); break;
    case Gate::VeneerClosedMasked: gate_masked = 1; [[fallthrough]];
    case Gate::VeneerClosed: gate_base = reinterpret_cast<Word>(veneers_closed); break;
  }
}

/// The worker's stack: a seal, and the frame that its first slice returns to.
static void prepare_worker() {
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
}

/// From startup.S, in Secure Thread mode.
void scenario() {
  choose_gates();
  reg(0xE000'ED0C) = 0x05FA'4008;  // PRIS, SYSRESETREQS
  reg(0xE000'ED18) = 0x4000'0000;  // SecureFault 0x40, the others 0
  byte_reg(0xE000'ED1F) = 0x40;    // SVC_S
  byte_reg(kPriorityMonitor) = 0x70;
  reg(0xE000'ED8C) = 0xC00;        // NSACR: the FPU is the Non-secure side's
  reg(0xE002'ED88) = 0x00F0'0000;  // CPACR_NS
  reg(0xE000'E380) = 1u << 5;      // line 5 is Non-secure
  byte_reg(0xE000'E401) = 0x30;    // line 1, urgent
  byte_reg(0xE000'E402) = 0x10;    // line 2, fast
  byte_reg(0xE002'E405) = 0x40;
  byte_reg(0xE002'ED22) = static_cast<std::uint8_t>(setup().switcher_priority);
  byte_reg(0xE002'ED23) = static_cast<std::uint8_t>(setup().switcher_priority);
  if (setup().halts != 0) {
    reg(0xE000'EE04) = 3;         // DAUTHCTRL: DebugMonitor is Secure
    reg(0xE000'EDFC) = 1u << 16;  // MON_EN
  }
  prepare_worker();
  worker_enabled = true;
  asm volatile("" ::: "memory");  // all of the above before the first interrupt
  reg(0xE000'E100) = 1u << 1 | (setup().fast_interrupts != 0 ? 1u << 2 : 0);
  reg(0xE002'E100) = 1u << 5;
  application_share();
  start_nonsecure();
}

}  // extern "C"
