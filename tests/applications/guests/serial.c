/* USART2 (RM0456 chapter 66): configuration with the port off, FIFO off, acknowledge polled, then one byte or
 * two a call. */
#include "driver.h"

#define USART2 0x40004400u
#define CR1 REGISTER(USART2 + 0x00)
#define ISR REGISTER(USART2 + 0x1C)

static bool wait_flag(uint32_t flag, uint32_t limit) {
  const uint32_t start = tick();
  while ((ISR & flag) == 0) {
    if (tick() - start > limit) return false;
  }
  return true;
}

/* Each of the three FIFO settings switches the port off and on again. */
static void with_port_off(uint32_t offset, uint32_t clear) {
  const uint32_t control = CR1;
  CR1 = control & ~1u;
  REGISTER(USART2 + offset) = (offset == 0 ? control & ~1u : REGISTER(USART2 + offset)) & ~clear;
  if (offset != 0) CR1 = control;
}

bool serial_start(void) {
  const uint32_t selectors = peek(RCC + 0xE0);
  poke_whole(RCC + 0xE0, selectors & ~(3u << 2)); /* PCLK1 */
  pin_start(&(struct pin_setup){.port = GPIOD, .pin = 5, .mode = PIN_ALTERNATE, .alternate = 7});
  poke_set(RCC + 0x9C, 1u << 17);
  CR1 = CR1 & ~1u;
  CR1 = (CR1 & ~0x1000962Cu) | 1u << 3; /* 8N1, TE */
  REGISTER(USART2 + 0x04) = REGISTER(USART2 + 0x04) & ~0x3000u;
  REGISTER(USART2 + 0x08) = REGISTER(USART2 + 0x08) & ~0xB00u;
  REGISTER(USART2 + 0x2C) = REGISTER(USART2 + 0x2C) & ~0xFu;
  update_core_clock();
  const uint32_t pclk1 =
      system_core_clock >> ((peek(RCC + 0x20) >> 4 & 4) != 0 ? (peek(RCC + 0x20) >> 4 & 3) + 1 : 0);
  REGISTER(USART2 + 0x0C) = (pclk1 + 115200 / 2) / 115200;
  REGISTER(USART2 + 0x04) = REGISTER(USART2 + 0x04) & ~0x4800u;
  REGISTER(USART2 + 0x08) = REGISTER(USART2 + 0x08) & ~0x2Au;
  CR1 = CR1 | 1;
  if (!wait_flag(1u << 21, 1000)) return false;
  with_port_off(0x08, 7u << 29);
  with_port_off(0x08, 7u << 25);
  with_port_off(0x00, 1u << 29);
  CR1 = CR1 | 1;
  return wait_flag(1u << 21, 1000);
}

bool serial_write(const char* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!wait_flag(1u << 7, 100)) return false;
    REGISTER(USART2 + 0x28) = (uint8_t)bytes[i];
  }
  return wait_flag(1u << 6, 100);
}
