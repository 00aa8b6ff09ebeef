/* Reads a row whose ECC does not fit: NMI, ECCD, and the program goes on. */
#include "guest.h"

#define ECCR REGISTER(0x50022030u)

static volatile uint32_t nmis;

void nmi_handler(void) {
  ++nmis;
  ECCR = 1u << 31;
}

void main(void) {
  nmis = 0;
  (void)REGISTER(0x0C100020u);
  __asm__ volatile("dsb\nisb");
  check(nmis == 1, 1);
  check((ECCR >> 31) == 0, 2);
  (void)REGISTER(0x0C100030u);
  __asm__ volatile("dsb\nisb");
  check(nmis == 1, 3);
  finish(0);
}
