// Guest of bench_core: SHA-256 rounds, a linked list, bytes through a switch, and recursion, about equal
// shares.
//
// Freestanding; starts from the vector table, ends with the semihosting exit and leaves a checksum in R2.
#include <stdint.h>

extern uint32_t stack_top;
void start(void);
__attribute__((section(".vectors"), used)) void* const vectors[] = {&stack_top, (void*)start};

static uint32_t round_constants[64];
static uint8_t text[4096];
struct node {
  struct node* next;
  uint32_t value;
};
static struct node nodes[1024];

static uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static uint32_t hash_rounds(uint32_t seed) {
  uint32_t w[64], s[8];
  for (unsigned i = 0; i < 16; ++i) w[i] = seed * (i + 1);
  for (unsigned i = 16; i < 64; ++i) {
    uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  for (unsigned i = 0; i < 8; ++i) s[i] = seed ^ i * 0x9E3779B9u;
  for (unsigned i = 0; i < 64; ++i) {
    uint32_t e1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
    uint32_t ch = (s[4] & s[5]) ^ (~s[4] & s[6]);
    uint32_t t1 = s[7] + e1 + ch + round_constants[i] + w[i];
    uint32_t e0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
    uint32_t maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1;
    s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + e0 + maj;
  }
  return s[0] ^ s[4];
}

static uint32_t chase(unsigned steps) {
  uint32_t sum = 0;
  for (const struct node* at = &nodes[0]; steps != 0; --steps, at = at->next) sum += at->value;
  return sum;
}

static uint32_t classify(void) {
  uint32_t counts[8] = {0}, sum = 0;
  for (unsigned i = 0; i < sizeof text; ++i) {
    switch (text[i] & 7) {
      case 0: counts[0]++; break;
      case 1: counts[1] += text[i]; break;
      case 2: counts[2] ^= i; break;
      case 3: counts[3] -= text[i]; break;
      case 4: counts[4] = counts[4] * 31 + text[i]; break;
      case 5: counts[5] |= 1u << (i & 31); break;
      case 6: counts[6] += i > 2000 ? 3 : 5; break;
      default: counts[7] += counts[0]; break;
    }
  }
  for (unsigned i = 0; i < 8; ++i) sum ^= counts[i];
  return sum;
}

__attribute__((noinline)) static uint32_t fibonacci(uint32_t n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

void start(void) {
  uint32_t sum = 1;
  for (unsigned i = 0; i < 64; ++i) round_constants[i] = (i + 1) * 0x9E3779B1u;
  for (unsigned i = 0; i < sizeof text; ++i) text[i] = (uint8_t)(i * 167 + (i >> 3));
  for (unsigned i = 0; i < 1024; ++i) {
    nodes[i].next = &nodes[(i * 97 + 41) & 1023];
    nodes[i].value = i;
  }
  for (unsigned i = 0; i < REPEATS; ++i) {
    for (unsigned j = 0; j < 20; ++j) sum = hash_rounds(sum);
    sum += chase(8000);
    sum ^= classify();
    sum += fibonacci(16);
  }
  register uint32_t operation __asm__("r0") = 0x18;
  register uint32_t reason __asm__("r1") = 0x20026;
  register uint32_t result __asm__("r2") = sum;
  __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(reason), "r"(result));
  for (;;) {
  }
}
