/* The chip as an application built on the vendor's driver library uses it under Microvisor: the same
 * registers, written and polled in the same order. RCC and FLASH go through peek and poke, everything else is
 * touched directly. Sources: RM0456 (chapters 11, 13, 23, 54, 55, 65, 66), Armv8-M manual for NVIC, SCB and
 * SysTick. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mv_syscalls.h"

#define REGISTER(address) (*(volatile uint32_t*)(uintptr_t)(address))
#define REGISTER8(address) (*(volatile uint8_t*)(uintptr_t)(address))

#define RCC 0x46020C00u
#define GPIOA 0x42020000u
#define GPIOB 0x42020400u
#define GPIOD 0x42020C00u
#define GPIOF 0x42021400u
#define AIRCR REGISTER(0xE000ED0C)

enum {
  EXTI3_LINE = 14,
  EXTI11_LINE = 22,
  TIM1_BRK_LINE = 41,
  TIM2_LINE = 45,
  TIM6_LINE = 49,
  TIM8_BRK_LINE = 51,
};

/* --- clocks.c: RCC by peek and poke, priorities, the millisecond tick of TIM6 */

extern uint32_t system_core_clock; /* hertz */

uint32_t peek(uint32_t address); /* a failed peek counts as 0 */
void poke_set(uint32_t address, uint32_t bits);
void poke_clear(uint32_t address, uint32_t bits);
void poke_whole(uint32_t address, uint32_t value);

void driver_start(void);           /* priority grouping, core clock, tick: first thing of most applications */
void update_core_clock(void);      /* from RCC, as each set-up of a UART does */
void start_tick(void);             /* also while it runs */
uint32_t tick(void);               /* milliseconds */
void delay(uint32_t milliseconds); /* busy; one more than asked, as the original */
void set_priority(unsigned line, unsigned priority);
void enable_interrupt(unsigned line);
void clear_pending(unsigned line);
void TIM6_IRQHandler(void);

/* --- pins.c: GPIO, EXTI, PWM on PA5 */

enum pin_mode { PIN_INPUT = 0, PIN_OUTPUT = 1, PIN_ALTERNATE = 2 };
enum pin_edge { NO_EDGE = 0, RISING_EDGE = 1, FALLING_EDGE = 2 };
struct pin_setup {
  uint32_t port;
  unsigned pin;
  enum pin_mode mode;
  unsigned alternate;
  bool open_drain;
  enum pin_edge edge;
};
void pin_start(const struct pin_setup* setup);
void pin_write(uint32_t port, unsigned pin, bool level); /* BSRR to set, BRR to reset */
void pin_toggle(uint32_t port, unsigned pin);
bool pin_edge_seen(unsigned pin); /* RPR and FPR, cleared by reading */
void led_start(void);
void pwm_start(void); /* TIM2 channel 1 on PA5: 81 * 2502 clocks a period */
void pwm_duty(uint32_t percent);

/* --- serial.c: USART2, transmit only, 115200 baud on PD5 */

bool serial_start(void);
bool serial_write(const char* bytes, size_t count); /* waits for TC within 100 ms; false: it did not come */

/* --- i2c.c: I2C1 on PB6 and PB9 */

enum i2c_result { I2C_OK, I2C_NOBODY, I2C_TIMEOUT };
void i2c_start(void);
enum i2c_result i2c_probe(uint8_t address);
enum i2c_result i2c_read_register(uint8_t address, uint8_t index, uint8_t* bytes, size_t count);
enum i2c_result i2c_write(uint8_t address, const uint8_t* bytes, size_t count);

/* --- report.c: log lines and assertions */

void log_server(const char* text); /* mvServerLog; starts logging at the first line */
void report(const char* format, ...)
    __attribute__((format(printf, 1, 2))); /* the same on USART2 with the time of day */
void failed(const char* where, int line) __attribute__((noreturn));
#define ASSERT(condition)                              \
  do {                                                 \
    if (!(condition)) failed(__FILE_NAME__, __LINE__); \
  } while (0)

#endif
