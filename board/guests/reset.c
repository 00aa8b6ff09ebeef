/* Resets itself once and looks at the flags of both lives. SRAM keeps its contents over a system reset. */
#include "guest.h"

#define RCC_CSR REGISTER(0x56020CF4u)
#define MARK REGISTER(0x30004000u)

void main(void) {
  const uint32_t flags = RCC_CSR;
  if (MARK != 0x600DF00Du) {
    check((flags >> 27 & 1) == 1, 1); /* BORRSTF */
    check((flags >> 28 & 1) == 0, 2);
    RCC_CSR = 1u << 23; /* RMVF */
    check((RCC_CSR >> 25) == 0, 3);
    MARK = 0x600DF00Du;
    REGISTER(0xE000ED0C) = 0x05FA0004u;
    for (;;) {
    }
  }
  check((flags >> 28 & 1) == 1, 4); /* SFTRSTF */
  check((flags >> 27 & 1) == 0, 5);
  finish(0);
}
