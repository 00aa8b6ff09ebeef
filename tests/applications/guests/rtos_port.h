/* What the small kernel asks of the core. */
#ifndef RTOS_PORT_H
#define RTOS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t* port_first_frame(uint32_t* stack, size_t words, void (*entry)(void*), void* argument,
                           void (*exit)(void));
void port_check(void);
__attribute__((noreturn)) void port_start(void);
void port_yield(void);
void port_mask(void);
void port_unmask(void);
uint32_t port_mask_from_handler(void);
void port_unmask_from_handler(uint32_t mask);

/* Called by the port. */
void switch_task(void);
bool rtos_tick(void); /* true: switch */

#endif
