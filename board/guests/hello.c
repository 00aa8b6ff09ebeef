/* Console and exit status. */
#include "guest.h"

void main(void) {
  print("hello from the board\n");
  finish(7);
}
