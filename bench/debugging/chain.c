/* What debuggers are measured on: a chain of calls sixteen deep with a little work at its bottom, again and
 * again. The same source is an application of Microvisor's and, with MPS2 defined, a bare program for QEMU.
 */
#include <stdint.h>

enum { kDepth = 15 };

volatile uint32_t rounds;
volatile uint32_t sum;

__attribute__((noinline)) void bottom(uint32_t seed) {
  uint32_t value = seed;
  value = value * 3 + 1;
  value = value ^ (value >> 7);
  value = value * 5 + 2;
  value = value ^ (value >> 3);
  value = value * 7 + 3;
  value = value ^ (value >> 5);
  value = value * 9 + 4;
  value = value ^ (value >> 2);
  value = value * 11 + 5;
  sum = sum + value;
}

__attribute__((noinline)) void descend(uint32_t depth, uint32_t seed) {
  volatile uint32_t locals[4] = {depth, seed, 0, 0};
  if (depth == 1) {
    bottom(seed);
  } else {
    descend(depth - 1, seed + locals[0]);
  }
  locals[3] = sum;
}

static void turn(void) {
  rounds = rounds + 1;
  descend(kDepth - 1, rounds);
}

#ifdef MPS2
uint32_t run(void) {
  for (;;) turn();
}
#else
int main(void) {
  for (;;) turn();
}
#endif
