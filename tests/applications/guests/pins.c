/* Pins: GPIO registers read-modify-write, alternate function before mode, pull and edge last. */
#include "driver.h"

#define EXTI 0x46022000u
#define TIM2 0x40000000u

static void set_field(uint32_t address, unsigned shift, uint32_t mask, uint32_t value) {
  uint32_t word = REGISTER(address);
  word &= ~(mask << shift);
  word |= value << shift;
  REGISTER(address) = word;
}

static void edge_start(const struct pin_setup* setup) {
  const unsigned port_code = (setup->port - GPIOA) / 0x400;
  set_field(EXTI + 0x60 + 4 * (setup->pin / 4), 8 * (setup->pin % 4), 0xFF, port_code);
  set_field(EXTI + 0x00, setup->pin, 1, setup->edge == RISING_EDGE);
  set_field(EXTI + 0x04, setup->pin, 1, setup->edge == FALLING_EDGE);
  set_field(EXTI + 0x84, setup->pin, 1, 0);
  set_field(EXTI + 0x80, setup->pin, 1, 1);
}

void pin_start(const struct pin_setup* setup) {
  poke_set(RCC + 0x8C, 1u << ((setup->port - GPIOA) / 0x400));
  if (setup->mode == PIN_ALTERNATE) {
    set_field(setup->port + (setup->pin < 8 ? 0x20 : 0x24), 4 * (setup->pin % 8), 15, setup->alternate);
  }
  set_field(setup->port + 0x00, 2 * setup->pin, 3, setup->mode);
  if (setup->mode != PIN_INPUT) {
    set_field(setup->port + 0x08, 2 * setup->pin, 3, 2);
    set_field(setup->port + 0x04, setup->pin, 1, setup->open_drain);
  }
  set_field(setup->port + 0x0C, 2 * setup->pin, 3, setup->open_drain ? 1 : 0);
  if (setup->edge != NO_EDGE) edge_start(setup);
}

void pin_write(uint32_t port, unsigned pin, bool level) {
  REGISTER(port + (level ? 0x18 : 0x28)) = 1u << pin;
}

void pin_toggle(uint32_t port, unsigned pin) {
  const uint32_t output = REGISTER(port + 0x14);
  const uint32_t bit = 1u << pin;
  REGISTER(port + 0x18) = (output & bit) << 16 | (~output & bit);
}

bool pin_edge_seen(unsigned pin) {
  bool seen = false;
  for (uint32_t offset = 0x0C; offset <= 0x10; offset += 4) {
    if ((REGISTER(EXTI + offset) & 1u << pin) == 0) continue;
    REGISTER(EXTI + offset) = 1u << pin;
    seen = true;
  }
  return seen;
}

void led_start(void) {
  poke_set(RCC + 0x8C, 1);
  pin_write(GPIOA, 5, false);
  pin_start(&(struct pin_setup){.port = GPIOA, .pin = 5, .mode = PIN_OUTPUT});
}

/* --- PWM (RM0456 chapter 55): base, channel with preload, then the pin, then enables */

void pwm_start(void) {
  poke_set(RCC + 0x74, 1);
  poke_clear(RCC + 0x74, 1);
  poke_set(RCC + 0x9C, 1);
  set_field(TIM2 + 0x00, 4, 7, 0); /* up, edge-aligned */
  set_field(TIM2 + 0x00, 7, 1, 1); /* ARPE */
  REGISTER(TIM2 + 0x2C) = 2501;
  REGISTER(TIM2 + 0x28) = 80;
  REGISTER(TIM2 + 0x14) = 1;
  REGISTER(TIM2 + 0x08) = REGISTER(TIM2 + 0x08) & ~0xFFF7u;
  set_field(TIM2 + 0x04, 4, 7, 0);
  set_field(TIM2 + 0x20, 0, 1, 0);
  set_field(TIM2 + 0x18, 0, 3, 0);
  set_field(TIM2 + 0x18, 4, 7, 6); /* PWM mode 1 */
  set_field(TIM2 + 0x20, 1, 1, 0);
  REGISTER(TIM2 + 0x34) = 0;
  set_field(TIM2 + 0x18, 3, 1, 1); /* OC1PE */
  set_field(TIM2 + 0x18, 2, 1, 0);
  pin_start(&(struct pin_setup){.port = GPIOA, .pin = 5, .mode = PIN_ALTERNATE, .alternate = 1});
  set_field(TIM2 + 0x20, 0, 1, 1);
  set_field(TIM2 + 0x00, 0, 1, 1);
}

void pwm_duty(uint32_t percent) { REGISTER(TIM2 + 0x34) = 25 * percent; }
