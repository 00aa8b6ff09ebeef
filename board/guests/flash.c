/* Programs and erases flash as a driver does, from the very bank it runs in, and meets each rule on the way.
 */
#include "guest.h"

#define FLASH 0x50022000u
#define SECKEYR REGISTER(FLASH + 0x0C)
#define SECSR REGISTER(FLASH + 0x24)
#define SECCR REGISTER(FLASH + 0x2C)
#define TARGET 0x0C00E000u /* page 7, same bank as the code */

static void wait(void) {
  while (SECSR & (1u << 16)) {
  }
}

static void program(uint32_t address, uint32_t value) {
  SECCR = 1;
  for (uint32_t offset = 0; offset < 16; offset += 4) REGISTER(address + offset) = value + offset;
  wait();
  SECCR = 0;
}

void main(void) {
  check(SECCR == 0x80000000u, 1);
  SECKEYR = 0x45670123u;
  SECKEYR = 0xCDEF89ABu;
  check(SECCR == 0, 2);
  program(TARGET, 0x11110000u);
  check(SECSR == 0, 3);
  check(REGISTER(TARGET + 12) == 0x1111000Cu, 4);
  program(TARGET, 0x22220000u);
  check(SECSR == 1u << 3, 5); /* PROGERR */
  SECSR = 1u << 3;
  SECCR = 1u << 1 | 7u << 3;
  SECCR = 1u << 1 | 7u << 3 | 1u << 16;
  wait();
  check(SECSR == 0, 6);
  check(REGISTER(TARGET) == 0xFFFFFFFFu, 7);
  program(TARGET, 0x22220000u);
  check(REGISTER(TARGET) == 0x22220000u, 8);
  finish(0);
}
