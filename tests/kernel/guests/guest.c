#include "guest.h"

__attribute__((section(".parameters"), used)) const volatile struct parameters parameters = {0, 0, 0};

static void put(char c) {
  while ((REG(USART2 + 0x1C) & 0x80) == 0) {
  }
  REG(USART2 + 0x28) = (uint8_t)c;
}

void console_start(void) {
  mvPeriphPoke32(RCC_AHB2ENR1, 0x9, 0x9);         /* ports A and D */
  mvPeriphPoke32(RCC_APB1ENR1, 0x20000, 0x20000); /* USART2 */
  REG(GPIOD + 0x00) = (REG(GPIOD + 0x00) & ~(3u << 10)) | (2u << 10);
  REG(GPIOD + 0x20) = (REG(GPIOD + 0x20) & ~(15u << 20)) | (7u << 20);
  REG(USART2 + 0x0C) = 1389; /* 115200 baud from 160 MHz */
  REG(USART2 + 0x00) = 0x9;  /* UE, TE */
  while ((REG(USART2 + 0x1C) & (1u << 21)) == 0) {
  }
}

void print(const char* text) {
  while (*text) put(*text++);
  put('\r');
  put('\n');
  while ((REG(USART2 + 0x1C) & 0x40) == 0) {
  }
}

void print_part(const char* text) {
  while (*text) put(*text++);
}

static void put_value(uint32_t value, uint32_t base) {
  char digits[11];
  int at = 0;
  do {
    digits[at++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (at != 0) put(digits[--at]);
}

static void print_value(const char* text, uint32_t value, uint32_t base) {
  print_part(text);
  put(' ');
  put_value(value, base);
  print("");
}

void print_part_number(uint32_t value) { put_value(value, 10); }
void print_number(const char* text, uint32_t value) { print_value(text, value, 10); }
void print_hex(const char* text, uint32_t value) { print_value(text, value, 16); }
