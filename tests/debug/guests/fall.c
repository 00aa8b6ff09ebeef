/* An application that crashes for real, some calls deep: it stores a reading by way of a pointer that nobody
 * has set. The tests find the lines by the marks in the comments. */
#include "guest.h"

struct log {
  uint32_t used;
  int32_t values[8];
};

struct log* volatile last_log; /* nobody sets it */

static inline __attribute__((always_inline)) void note(struct log* log, int32_t value) {
  log->values[3] = value; /* note */
}

__attribute__((noinline)) void fall(uint32_t depth) {
  volatile uint32_t marks[2] = {depth, 1000 + depth};
  if (depth != 0) {
    fall(depth - 1); /* fall calls */
  } else {
    __asm__ volatile("" ::"r"(marks) : "memory");
    note(last_log, 17); /* fall */
  }
  __asm__ volatile("" ::"r"(marks) : "memory");
}

int main(void) {
  fall(3); /* main */
  return 0;
}
