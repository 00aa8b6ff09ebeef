/* Pins as interrupt and event sources, as the vendor's GPIO driver sets them up: PF3 rising, PB11 falling,
 * PC13 both, PA0 as an event. The outside drives the pins after each line this program prints. */
#include "driver.h"

static volatile uint32_t rising, falling;

void interrupt(unsigned line) {
  const uint32_t bit = 1u << (line - 11);
  if ((REGISTER(EXTI + 0x0C) & bit) != 0) {
    REGISTER(EXTI + 0x0C) = bit;
    rising += bit;
  }
  if ((REGISTER(EXTI + 0x10) & bit) != 0) {
    REGISTER(EXTI + 0x10) = bit;
    falling += bit;
  }
}

static void start_edge(char port, unsigned pin, uint32_t edges, bool event) {
  start_pin(port, pin, 0, 0);
  set_field(EXTI + 0x60 + 4 * (pin / 4), 8 * (pin % 4), 0xFF, (uint32_t)(port - 'A'));
  set_field(EXTI + 0x00, pin, 1, edges & 1);
  set_field(EXTI + 0x04, pin, 1, edges >> 1);
  set_field(EXTI + 0x84, pin, 1, event);
  set_field(EXTI + 0x80, pin, 1, !event);
  if (!event) enable_line(11 + pin);
}

static void wait_for(uint32_t up, uint32_t down, uint32_t number) {
  const uint32_t start = ticks;
  while (rising != up || falling != down) check(ticks - start < 100, number);
}

void main(void) {
  start_program();
  start_ticks();
  start_edge('F', 3, 1, false);
  start_edge('B', 11, 2, false);
  start_edge('C', 13, 3, false);
  start_edge('A', 0, 1, true);
  print("edges\n"); /* a pulse on each of the three */
  wait_for(1u << 3 | 1u << 13, 1u << 11 | 1u << 13, 10);
  check(REGISTER(EXTI + 0x0C) == 0 && REGISTER(EXTI + 0x10) == 0, 11);
  REGISTER(EXTI + 0x08) = 1u << 13; /* by software: pending as rising */
  wait_for(1u << 3 | 2u << 13, 1u << 11 | 1u << 13, 20);
  check((REGISTER(EXTI + 0x08) & 1u << 13) == 0, 21);
  REGISTER(0xE000E010) = 0; /* no tick: the event alone wakes the core */
  __asm__ volatile("sev\n\twfe");
  print("event\n"); /* PA0 rises */
  __asm__ volatile("wfe");
  check((REGISTER(0xE000E200) & 1u << 11) == 0, 30);
  finish(0);
}
