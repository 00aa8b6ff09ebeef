/* Registers of blocks that nobody has modelled: reset values first, then what was written. */
#include "guest.h"

#define RCC 0x56020C00u
#define SPI1 0x50013000u
#define ADC1 0x52028000u

static void keeps(uint32_t address, uint32_t reset, uint32_t number) {
  check(REGISTER(address) == reset, number);
  REGISTER(address) = reset ^ 0x5A;
  check(REGISTER(address) == (reset ^ 0x5A), number + 1);
}

void main(void) {
  REGISTER(RCC + 0xA4) |= 1u << 12; /* SPI1 */
  REGISTER(RCC + 0x8C) |= 1u << 10; /* ADC1 */
  keeps(SPI1 + 0x08, 0x00070007u, 1);
  keeps(SPI1 + 0x40, 0x107u, 3);
  keeps(ADC1 + 0x0C, 0x80000000u, 5);
  keeps(ADC1 + 0x308, 0, 7);
  finish(0);
}
