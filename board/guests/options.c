/* Hides the first pages of bank 2 by option bytes, loads them, closes the area and looks for what was there.
 */
#include "guest.h"

#define FLASH 0x50022000u
#define NSKEYR REGISTER(FLASH + 0x08)
#define OPTKEYR REGISTER(FLASH + 0x10)
#define NSSR REGISTER(FLASH + 0x20)
#define NSCR REGISTER(FLASH + 0x28)
#define SECWM2R2 REGISTER(FLASH + 0x64)
#define SECHDPCR REGISTER(FLASH + 0xC0)
#define RCC_CSR REGISTER(0x56020CF4u)
#define HIDDEN REGISTER(0x0C100000u)

void main(void) {
  if ((RCC_CSR >> 25 & 1) == 0) { /* OBLRSTF */
    NSKEYR = 0x45670123u;
    NSKEYR = 0xCDEF89ABu;
    OPTKEYR = 0x08192A3Bu;
    OPTKEYR = 0x4C5D6E7Fu;
    check((NSCR >> 30) == 0, 1);
    SECWM2R2 = 1u << 31 | 3u << 16;
    NSCR = 1u << 17;
    while (NSSR & (1u << 16)) {
    }
    check((NSSR & (1u << 13)) == 0, 2);
    NSCR = 1u << 27;
    for (;;) {
    }
  }
  check((SECWM2R2 & 0x807F0000u) == (1u << 31 | 3u << 16), 3);
  check(HIDDEN == 0xC0FFEE01u, 4);
  SECHDPCR = 2;
  check(HIDDEN == 0, 5);
  check(REGISTER(0x0C100000u + 4 * 0x2000u) == 0xFFFFFFFFu, 6);
  finish(0);
}
