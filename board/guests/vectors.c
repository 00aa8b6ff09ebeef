/* Vector table: stack, main as the reset handler, and handlers that a program may define: interrupt() for all
 * lines. */
#include "guest.h"

void main(void);
static void unexpected(void) { finish(99); }
void nmi_handler(void) __attribute__((weak, alias("unexpected")));
void bus_fault_handler(void) __attribute__((weak, alias("unexpected")));
void secure_fault_handler(void) __attribute__((weak, alias("unexpected")));
void debug_monitor_handler(void) __attribute__((weak, alias("unexpected")));
void systick_handler(void) __attribute__((weak, alias("unexpected")));
void interrupt(unsigned line) __attribute__((weak));
void interrupt(unsigned line) { finish(1000 + line); }

/* All lines of the chip: the program tells them apart by their number. */
static void any_line(void) {
  uint32_t exception = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
  interrupt(exception - 16);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 126])(void) = {
    (void (*)(void))0x30010000,
    main,
    nmi_handler,
    unexpected,
    unexpected,
    bus_fault_handler,
    unexpected,
    secure_fault_handler,
    0,
    0,
    0,
    unexpected,
    debug_monitor_handler,
    0,
    unexpected,
    systick_handler,
    [16 ... 16 + 125] = any_line,
};
