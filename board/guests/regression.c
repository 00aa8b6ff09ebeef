/* At RDP level 1: asks for level 0.5, and looks after the reset for what is left in SRAM and backup
 * registers. The stack is erased too, so nothing returns between the request and the reset. */
#include "guest.h"

#define FLASH 0x50022000u
#define NSKEYR REGISTER(FLASH + 0x08)
#define OPTKEYR REGISTER(FLASH + 0x10)
#define NSSR REGISTER(FLASH + 0x20)
#define NSCR REGISTER(FLASH + 0x28)
#define OPTR REGISTER(FLASH + 0x40)
#define RCC 0x56020C00u
#define BACKUP_REGISTER REGISTER(0x56007C00u + 0x100)
#define BACKUP_SRAM REGISTER(0x50036400u)

void main(void) {
  const int loaded = (int)(REGISTER(RCC + 0xF4) >> 25 & 1); /* OBLRSTF */
  REGISTER(RCC + 0x88) |= 1u << 28;                         /* BKPSRAM */
  REGISTER(RCC + 0x94) |= 1u << 2;                          /* PWR */
  REGISTER(RCC + 0xA8) |= 1u << 21;                         /* RTC and TAMP */
  REGISTER(0x56020828u) = 1;                                /* DBP */
  if (loaded) {
    check((OPTR & 0xFF) == 0x55, 1);
    check(BACKUP_REGISTER == 0, 2);
    check(BACKUP_SRAM == 0, 3);
    check(REGISTER(0x38000000u) == 0, 4);
    check(REGISTER(0x30040000u) == 0, 5);
    finish(0);
  }
  check((OPTR & 0xFF) == 0, 6);
  BACKUP_REGISTER = 1;
  BACKUP_SRAM = 2;
  REGISTER(0x38000000u) = 3;
  REGISTER(0x30040000u) = 4;
  check(BACKUP_REGISTER == 1 && BACKUP_SRAM == 2, 7);
  NSKEYR = 0x45670123u;
  NSKEYR = 0xCDEF89ABu;
  OPTKEYR = 0x08192A3Bu;
  OPTKEYR = 0x4C5D6E7Fu;
  OPTR = (OPTR & ~0xFFu) | 0x55;
  NSCR = 1u << 17;
  while (NSSR & (1u << 16)) {
  }
  check((NSSR & (1u << 13)) == 0, 8);
  NSCR = 1u << 27;
  for (;;) {
  }
}
