/* What the guests of the measurements share. Each defines run(), whose result is printed as its checksum; the
 * same source is linked for the board and, with MPS2 defined, for QEMU's mps2-an505. ROUNDS: how often. */
#ifndef MICROVISOR_BENCH_GUEST_H
#define MICROVISOR_BENCH_GUEST_H

#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 100
#endif

#define REGISTER(address) (*(volatile uint32_t*)(address))

uint32_t run(void);
/* The handlers, for a guest that has them. */
void svc_handler(void);
void systick_handler(void);

#endif
