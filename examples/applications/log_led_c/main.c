/* Logs a line and toggles the LED on PA5 once a second, and says the same on USART2 (PD5, 115200 baud).
 *
 * Shows: logging through Microvisor, clocks asked for instead of assumed, peripheral clocks switched on
 * through the poke call, everything else used as on the bare chip. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mv_syscalls.h"

#define REGISTER(address) (*(volatile uint32_t*)(address))

/* RM0456: RCC 11.8, GPIO 13.4, USART 66.8, SysTick in the Armv8-M manual. */
#define RCC_AHB2ENR1 0x46020C8Cu
#define RCC_APB1ENR1 0x46020C9Cu
#define RCC_CCIPR1 0x46020CE0u
#define GPIOA_MODER REGISTER(0x42020000u)
#define GPIOA_BSRR REGISTER(0x42020018u)
#define GPIOD_MODER REGISTER(0x42020C00u)
#define GPIOD_AFRL REGISTER(0x42020C20u)
#define USART2_CR1 REGISTER(0x40004400u)
#define USART2_BRR REGISTER(0x4000440Cu)
#define USART2_ISR REGISTER(0x4000441Cu)
#define USART2_TDR REGISTER(0x40004428u)
#define SYSTICK_CTRL REGISTER(0xE000E010u)
#define SYSTICK_LOAD REGISTER(0xE000E014u)
#define SYSTICK_VAL REGISTER(0xE000E018u)

#ifndef APP_NAME
#define APP_NAME "log_led_c"
#endif

static uint8_t log_buffer[4096] __attribute__((aligned(512)));
static volatile uint32_t milliseconds;

void SysTick_Handler(void) { milliseconds = milliseconds + 1; }

static void start_tick(void) {
  uint32_t hclk = 0;
  if (mvGetHClk(&hclk) != MV_STATUS_OKAY) return;
  SYSTICK_LOAD = hclk / 1000u - 1u;
  SYSTICK_VAL = 0;
  SYSTICK_CTRL = 7; /* core clock, interrupt, enable */
}

static void start_led(void) {
  mvPeriphPoke32(RCC_AHB2ENR1, 1u << 0, 1u << 0); /* GPIOA */
  GPIOA_MODER = (GPIOA_MODER & ~(3u << 10)) | (1u << 10);
}

static void start_uart(void) {
  uint32_t pclk1 = 0;
  mvPeriphPoke32(RCC_AHB2ENR1, 1u << 3, 1u << 3);   /* GPIOD */
  mvPeriphPoke32(RCC_APB1ENR1, 1u << 17, 1u << 17); /* USART2 */
  mvPeriphPoke32(RCC_CCIPR1, 3u << 2, 0);           /* clocked from PCLK1 */
  mvGetPClk1(&pclk1);
  GPIOD_AFRL = (GPIOD_AFRL & ~(0xFu << 20)) | (7u << 20); /* PD5: AF7 */
  GPIOD_MODER = (GPIOD_MODER & ~(3u << 10)) | (2u << 10);
  USART2_BRR = pclk1 / 115200u;
  USART2_CR1 = (1u << 0) | (1u << 3); /* UE, TE */
}

static void uart_write(const char* text) {
  for (; *text != '\0'; ++text) {
    while ((USART2_ISR & (1u << 7)) == 0) {
    }
    USART2_TDR = (uint8_t)*text;
  }
}

static void say(const char* text) {
  mvServerLog((const uint8_t*)text, (uint16_t)strlen(text));
  uart_write(text);
  uart_write("\r\n");
}

int main(void) {
  mvServerLoggingInit(log_buffer, sizeof log_buffer);
  start_tick();
  start_led();
  start_uart();

  char device[35] = {0};
  mvGetDeviceId((uint8_t*)device, 34);
  char line[96];
  snprintf(line, sizeof line, APP_NAME " on %s", device);
  say(line);

  uint32_t next = 0;
  for (uint32_t count = 0;; ++count) {
    while ((int32_t)(milliseconds - next) < 0) {
      __asm volatile("wfi");
    }
    next += 1000;
    GPIOA_BSRR = (count & 1u) ? (1u << 21) : (1u << 5);
    snprintf(line, sizeof line, APP_NAME " tick %lu", (unsigned long)count);
    say(line);
  }
}
