/* Says at its start what it finds at three places of its external flash, and leaves a note of its own at the
 * third if nothing is there. */
#include <stdio.h>
#include <string.h>

#include "driver.h"

#define FIRST 0x1000u
#define SECOND 0x41000u /* the last sector of more than one layer */
#define OWN 0x80000u

static MvExternalFlashHandle flash;

static const char* text_at(uint32_t address, char (*text)[24]) {
  memset(text, 0, sizeof *text);
  ASSERT(mvExternalFlashReadBlocking(flash, address, sizeof *text - 1, (uint8_t*)*text) == MV_STATUS_OKAY);
  return (*text)[0] == (char)0xFF ? "nothing" : *text;
}

int main(void) {
  char first[24], second[24], own[24];
  driver_start();
  ASSERT(mvExternalFlashOpen(&flash) == MV_STATUS_OKAY);
  if (strcmp(text_at(OWN, &own), "nothing") == 0) {
    ASSERT(mvExternalFlashEraseBlocking(flash, OWN, 4096) == MV_STATUS_OKAY);
    ASSERT(mvExternalFlashWriteBlocking(flash, OWN, 9, (const uint8_t*)"my notes") == MV_STATUS_OKAY);
  }
  report("files " VERSION ": %s, %s, %s", text_at(FIRST, &first), text_at(SECOND, &second),
         text_at(OWN, &own));
  for (;;) __asm__ volatile("wfi");
}
