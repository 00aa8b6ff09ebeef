/* Programs an OTP row once, by the non-secure controller, and is refused the second time. */
#include "guest.h"

#define FLASH 0x50022000u
#define NSKEYR REGISTER(FLASH + 0x08)
#define NSSR REGISTER(FLASH + 0x20)
#define NSCR REGISTER(FLASH + 0x28)
#define ROW 0x0BFA0020u

static void program(uint32_t value) {
  NSCR = 1;
  for (uint32_t offset = 0; offset < 16; offset += 4) REGISTER(ROW + offset) = value;
  while (NSSR & (1u << 16)) {
  }
}

void main(void) {
  check(REGISTER(ROW) == 0xFFFFFFFFu, 1);
  NSKEYR = 0x45670123u;
  NSKEYR = 0xCDEF89ABu;
  program(0xFFFFFFFEu);
  check(NSSR == 0, 2);
  check(REGISTER(ROW + 12) == 0xFFFFFFFEu, 3);
  program(0);
  check(NSSR == 1u << 3, 4); /* PROGERR */
  check(REGISTER(ROW) == 0xFFFFFFFEu, 5);
  finish(0);
}
