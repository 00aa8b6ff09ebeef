// The Non-secure side of the mechanism: three tasks, switched by SysTick and PendSV as an RTOS does it, that
// call gates and check their registers all the time; an interrupt that calls too; a fast interrupt.
#include "mechanism.hpp"

#define NONSECURE [[gnu::section(".nonsecure.code"), gnu::noinline]]
#define NONSECURE_DATA [[gnu::section(".nonsecure.data")]]

extern "C" {

NONSECURE_DATA Word gate_base = 0, gate_masked = 0;
NONSECURE_DATA volatile Word task_switches = 0, tick_count = 0, task_errors = 0, interrupt_count = 0;
NONSECURE_DATA volatile Word fast_count = 0;
NONSECURE_DATA Word task_stacks[3] = {0, 0, 0};
NONSECURE_DATA Word current = 0;
NONSECURE_DATA bool started = false;
constexpr Word kTaskWords = 512;
NONSECURE_DATA Word task_memory[3][kTaskWords] = {{1}};

Word gate_0(Word, Word, Word, Word);
Word gate_1(Word, Word, Word, Word);
Word gate_2(Word, Word, Word, Word);
Word gate_3(Word, Word, Word, Word);
Word gate_5(Word, Word, Word, Word);
Word gate_parked(Word, Word, Word, Word);
Word nonsecure_pattern(Word seed, Word spins);
Word float_pattern(Word seed, Word spins);
void first_task();
void mask_and_spin(Word spins);
void breakpoint();

NONSECURE static const volatile Setup& setup() {
  return *reinterpret_cast<const volatile Setup*>(kSetupAddress);
}
NONSECURE static void pend_switch() { *reinterpret_cast<volatile Word*>(0xE000'ED04) = 1u << 28; }
NONSECURE static void expect(Word value, Word expected) {
  if (value != expected) task_errors = task_errors + 1;
}

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
  if (started) pend_switch();
}

NONSECURE void n_irq5() {
  interrupt_count = interrupt_count + 1;
  const Word value = interrupt_count;
  // A closed gateway is for Thread mode.
  const bool closed = setup().gate == Gate::VeneerClosed || setup().gate == Gate::VeneerClosedMasked;
  if (!closed) expect(gate_1(value, 0, 0, 0), value ^ 0x5A5A'1234);
  if (started && (value & 3) == 0) pend_switch();  // a switch at the end of an interrupt
}

/// Called by the Secure side from its interrupt: IPSR shows 1, whatever the interrupt is.
NONSECURE void count_fast(Word ipsr) {
  fast_count = fast_count + 1;
  expect(ipsr, 1);
}

/// What makes one variant differ from another. Tasks are numbered from 1.
NONSECURE static void extras(Word number, Word round) {
  const Word token = number << 24 | (round & 0xFF'FFFF);
  if (number <= setup().parked && (round & 7) == 0) expect(gate_parked(token, 2, 0, 0), token + 1);
  if (number == 1 && setup().masked_spins != 0 && (round & 63) == 0) mask_and_spin(setup().masked_spins);
  if (number == 2 && setup().halts != 0 && (round & 15) == 0) breakpoint();
}

NONSECURE void task(Word number) {
  volatile Word identity =
      number;  // in memory of the task's own stack, where no register of another task can be
  Word seed = number * 1000;
  for (Word round = 1;; ++round) {
    seed = seed * 1664525 + 1013904223;
    expect(gate_1(seed, 0, 0, 0), seed ^ 0x5A5A'1234);
    expect(gate_2(seed, round, number, 9), seed * 3 + round * 5 + number * 7 + 99);
    expect(nonsecure_pattern(seed, 5), 0);
    if (setup().floats != 0) expect(float_pattern(seed, 20), 0);
    expect(identity, number);
    if ((round & 15) == 0) {
      const Word token = number << 24 | (round & 0xFF'FFFF);
      expect(gate_3(token, 3, 0, 0), token + 1);
    }
    extras(number, round);
    if (number == 1 && tick_count >= setup().ticks) gate_5(0, 0, 0, 0);
  }
}

NONSECURE void ns_start() {
  for (Word number = 0; number < 3; ++number) {
    Word* top = task_memory[number] + kTaskWords;
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
