/* PWM of a servo on TIM3 CH1 (PA6), measured by TIM2: PA6 is wired to PA1 (CH2). First by capture interrupts
 * of both edges, then in PWM input mode. Then a pulse of TIM4 CH1 (PB6) that an edge on CH2 (PB7) starts. As
 * the vendor's timer driver does it. */
#include "driver.h"

#define TIM2 0x50000000u
#define TIM3 0x50000400u
#define TIM4 0x50000800u
#define TIM2_LINE 45
enum {
  CR1 = 0,
  SMCR = 8,
  DIER = 0xC,
  SR = 0x10,
  EGR = 0x14,
  CCMR1 = 0x18,
  CCER = 0x20,
  PSC = 0x28,
  ARR = 0x2C,
  CCR1 = 0x34,
  CCR2 = 0x38
};

static volatile uint32_t captures[5], capture_count;

/* Base: counts microseconds, prescaler and reload loaded by an update event. */
static void start_base(unsigned number, uint32_t timer, uint32_t reload) {
  set_bits(RCC + 0x9C, 1u << number);
  (void)REGISTER(RCC + 0x9C);
  set_field(timer + CR1, 4, 7, 0);
  REGISTER(timer + ARR) = reload;
  REGISTER(timer + PSC) = core_clock / 1000000 - 1;
  REGISTER(timer + EGR) = 1;
  if ((REGISTER(timer + SR) & 1) != 0) REGISTER(timer + SR) = ~1u;
}

static void start_servo(uint32_t pulse) {
  start_pin('A', 6, 2, 2);
  start_base(1, TIM3, 19999);
  clear_bits(TIM3 + CCER, 1);
  set_field(TIM3 + CCMR1, 0, 0x73, 0x60);
  clear_bits(TIM3 + CCER, 2);
  REGISTER(TIM3 + CCR1) = pulse;
  set_bits(TIM3 + CCMR1, 8);
  set_bits(TIM3 + CCER, 1);
  set_bits(TIM3 + CR1, 1);
}

void interrupt(unsigned line) {
  check(line == TIM2_LINE, 90);
  if ((REGISTER(TIM2 + SR) & REGISTER(TIM2 + DIER) & 4) == 0) finish(91);
  REGISTER(TIM2 + SR) = ~4u;
  check((REGISTER(TIM2 + CCMR1) & 0x300) != 0, 92);
  const uint32_t value = REGISTER(TIM2 + CCR2);
  if (capture_count < 5) captures[capture_count++] = value;
}

/* IC2 on TI2, both edges, an interrupt for each. */
static void measure_by_capture(void) {
  start_pin('A', 1, 2, 1);
  start_base(0, TIM2, 0xFFFFFFFF);
  clear_bits(TIM2 + CCER, 1u << 4);
  set_field(TIM2 + CCMR1, 8, 0xFF, 1);
  set_field(TIM2 + CCER, 4, 10, 10);
  enable_line(TIM2_LINE);
  set_bits(TIM2 + DIER, 4);
  set_bits(TIM2 + CCER, 1u << 4);
  set_bits(TIM2 + CR1, 1);
  const uint32_t start = ticks;
  while (capture_count < 5) check(ticks - start < 200, 10);
  clear_bits(TIM2 + CCER, 1u << 4);
  clear_bits(TIM2 + DIER, 4);
  clear_bits(TIM2 + CR1, 1);
  for (unsigned i = 0; i < 3; ++i) check(captures[i + 2] - captures[i] == 20000, 11);
  const uint32_t first = captures[1] - captures[0], second = captures[2] - captures[1];
  check((first == 1500 && second == 18500) || (first == 18500 && second == 1500), 12);
}

/* Rising edges of TI2 reset the counter: CCR2 is the period, CCR1 (falling edges of TI2) the pulse. */
static void measure_by_pwm_input(void) {
  REGISTER(TIM2 + SR) = 0;
  set_field(TIM2 + CCMR1, 0, 0xFFFF, 1u << 8 | 2);
  set_field(TIM2 + CCER, 0, 0xFF, 2);
  set_field(TIM2 + SMCR, 0, 0x77, 6u << 4 | 4);
  set_bits(TIM2 + CCER, 1 | 1u << 4);
  set_bits(TIM2 + CR1, 1);
  for (unsigned i = 0; i < 3; ++i) {
    check(wait_until(TIM2 + SR, 4, 4, 100), 20);
    const uint32_t period = REGISTER(TIM2 + CCR2), pulse = REGISTER(TIM2 + CCR1);
    if (i == 2) check(period == 20000 && pulse == 1500, 21);
  }
  clear_bits(TIM2 + CR1, 1);
}

/* 300 us, 200 us after the edge; the counter stops by itself. */
static void one_pulse(void) {
  start_pin('B', 6, 2, 2);
  start_pin('B', 7, 2, 2);
  start_base(2, TIM4, 499);
  set_bits(TIM4 + CR1, 8);
  set_field(TIM4 + CCMR1, 0, 0xFFFF, 7u << 4 | 1u << 8);
  REGISTER(TIM4 + CCR1) = 200;
  set_field(TIM4 + CCER, 0, 0xFF, 1 | 1u << 4);
  set_field(TIM4 + SMCR, 0, 0x77, 6u << 4 | 6);
  print("ready\n");
  check(wait_until(TIM4 + SR, 1, 1, 100), 30);
  check((REGISTER(TIM4 + CR1) & 1) == 0, 31);
}

void main(void) {
  start_program();
  start_ticks();
  raise_clock(60);
  start_servo(1500);
  measure_by_capture();
  measure_by_pwm_input();
  one_pulse();
  finish(0);
}
