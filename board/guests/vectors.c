/* Vector table: stack, main as the reset handler, and handlers that a program may define. */
#include "guest.h"

void main(void);
static void unexpected(void) { finish(99); }
void nmi_handler(void) __attribute__((weak, alias("unexpected")));
void bus_fault_handler(void) __attribute__((weak, alias("unexpected")));
void debug_monitor_handler(void) __attribute__((weak, alias("unexpected")));
void systick_handler(void) __attribute__((weak, alias("unexpected")));

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))0x30010000,
    main,
    nmi_handler,
    unexpected,
    unexpected,
    bus_fault_handler,
    unexpected,
    unexpected,
    0,
    0,
    0,
    unexpected,
    debug_monitor_handler,
    0,
    unexpected,
    systick_handler,
};
