/* What the driver programs share: the habits of the vendor's driver library. Registers are changed by
 * read-modify-write, waiting is by a millisecond tick with the library's limits, registers that handlers
 * touch too are changed by exclusive accesses. All blocks by their secure alias. (RM0456 chapters 7, 10, 11,
 * 13, 23, 54, 65, 66.) */
#ifndef MICROVISOR_BOARD_DRIVER_H
#define MICROVISOR_BOARD_DRIVER_H

#include <stdbool.h>

#include "guest.h"

#define FLASH 0x50022000u
#define PWR 0x56020800u
#define RCC 0x56020C00u
#define EXTI 0x56022000u
#define GPIO(port) (0x52020000u + 0x400u * ((port) - 'A'))

void set_bits(uint32_t address, uint32_t bits);
void clear_bits(uint32_t address, uint32_t bits);
void set_field(uint32_t address, unsigned shift, uint32_t mask, uint32_t value);
void set_bits_exclusively(uint32_t address, uint32_t bits);
void clear_bits_exclusively(uint32_t address, uint32_t bits);

/* First of all: there is no start-up code, so variables are cleared here. The clock is MSIS at 4 MHz then. */
void start_program(void);

extern uint32_t core_clock; /* hertz, as start_ticks() takes it */
extern volatile uint32_t ticks;
void start_ticks(void); /* SysTick, a thousand a second; again after each change of the clock */
/* Until the masked bits have this value; false: more than `limit` ticks. */
bool wait_until(uint32_t address, uint32_t mask, uint32_t value, uint32_t limit);

void enable_line(unsigned line);
/* Clock, alternate function, mode. */
void start_pin(char port, unsigned pin, unsigned mode, unsigned alternate);

/* From 4 MHz after reset to 160 MHz by PLL1, voltage range 1 with the booster. Also from the state after Stop
 * mode. */
void raise_clock(uint32_t first_check);

#endif
