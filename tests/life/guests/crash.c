/* Dies with known values in its registers and on its stack. The parameter says how. */
#include "guest.h"

int main(void) {
  uint8_t reason = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("start", reason);
  for (;;) __asm__ volatile("udf #0");
}
