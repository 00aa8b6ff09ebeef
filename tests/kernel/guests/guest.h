/* What all guests share: a line on USART2, registers by address, and the parameters the test wrote into the
 * flash. */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

#include "mv_syscalls.h"

#define REG(address) (*(volatile uint32_t*)(uintptr_t)(address))
#define REG8(address) (*(volatile uint8_t*)(uintptr_t)(address))

#define RCC_AHB2ENR1 0x46020C8Cu
#define RCC_APB1ENR1 0x46020C9Cu
#define GPIOA 0x42020000u
#define GPIOD 0x42020C00u
#define USART2 0x40004400u
#define TIM6 0x40001000u
#define NVIC_ISER 0xE000E100u
#define NVIC_ICPR 0xE000E280u
#define NVIC_ISPR 0xE000E200u
#define NVIC_IPR 0xE000E400u

struct parameters {
  uint32_t kind;
  uint32_t address;
  uint32_t value;
};
/* At offset 0x400 of the flash; the linker script's text begins behind the vectors. */
extern const volatile struct parameters parameters;

void console_start(void);
void print(const char* text);
void print_number(const char* text, uint32_t value);
/* The beginning of a line. */
void print_part(const char* text);
void print_part_number(uint32_t value);
void print_hex(const char* text, uint32_t value);

#endif
