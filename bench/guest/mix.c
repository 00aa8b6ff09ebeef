/* The CPU-bound mix by which the board's core is compared with QEMU: SHA-256, a linked list in shuffled
 * order, a byte classifier with a switch, recursion, and 64-bit arithmetic. The same source is linked once
 * for the board and once for QEMU's mps2-an505; the checksum printed at the end must be the same. */
#include "guest.h"

static uint32_t rotate_right(uint32_t value, unsigned count) {
  return (value >> count) | (value << (32 - count));
}

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha256_block(uint32_t state[8], const uint8_t* block) {
  uint32_t w[64];
  for (int i = 0; i < 16; ++i) {
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
           block[4 * i + 3];
  }
  for (int i = 16; i < 64; ++i) {
    const uint32_t s0 = rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const uint32_t s1 = rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t v[8];
  for (int i = 0; i < 8; ++i) v[i] = state[i];
  for (int i = 0; i < 64; ++i) {
    const uint32_t s1 = rotate_right(v[4], 6) ^ rotate_right(v[4], 11) ^ rotate_right(v[4], 25);
    const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    const uint32_t t1 = v[7] + s1 + choice + round_constants[i] + w[i];
    const uint32_t s0 = rotate_right(v[0], 2) ^ rotate_right(v[0], 13) ^ rotate_right(v[0], 22);
    const uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    for (int k = 7; k > 0; --k) v[k] = v[k - 1];
    v[4] += t1;
    v[0] = t1 + s0 + majority;
  }
  for (int i = 0; i < 8; ++i) state[i] += v[i];
}

struct node {
  struct node* next;
  uint32_t value;
};
static struct node nodes[1024];
static uint8_t text[4096];

static struct node* shuffle_list(uint32_t seed) {
  static uint16_t order[1024];
  for (unsigned i = 0; i < 1024; ++i) order[i] = (uint16_t)i;
  for (unsigned i = 1023; i > 0; --i) {
    seed = seed * 1664525u + 1013904223u;
    const unsigned j = (seed >> 16) % (i + 1);
    const uint16_t held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  for (unsigned i = 0; i < 1024; ++i) {
    nodes[order[i]].next = i < 1023 ? &nodes[order[i + 1]] : 0;
    nodes[order[i]].value = seed ^ i;
  }
  return &nodes[order[0]];
}

static uint32_t chase(const struct node* node) {
  uint32_t sum = 0;
  for (; node != 0; node = node->next) sum = sum * 31 + node->value;
  return sum;
}

static uint32_t classify(const uint8_t* bytes, unsigned length) {
  uint32_t counts[6] = {0};
  for (unsigned i = 0; i < length; ++i) {
    switch (bytes[i] & 0x1F) {
      case 0:
      case 3:
      case 9: ++counts[0]; break;
      case 1:
      case 7: counts[1] += bytes[i]; break;
      case 2: counts[2] ^= i; break;
      case 4:
      case 5:
      case 6: counts[3] += 3; break;
      case 8:
      case 16: --counts[4]; break;
      default: ++counts[5]; break;
    }
  }
  return counts[0] + 7 * counts[1] + 13 * counts[2] + counts[3] - counts[4] + counts[5];
}

static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static uint64_t long_arithmetic(uint64_t x) {
  for (int i = 0; i < 64; ++i) {
    x = x * 6364136223846793005ull + 1442695040888963407ull;
    x ^= x >> 29;
    x += (uint32_t)(x >> 32) / ((uint32_t)x | 1u);
  }
  return x;
}

uint32_t run(void) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint32_t checksum = 0;
  for (uint32_t round = 0; round < ROUNDS; ++round) {
    for (unsigned i = 0; i < sizeof text; ++i) text[i] = (uint8_t)(i * 37 + round + checksum);
    for (unsigned i = 0; i < sizeof text; i += 64) sha256_block(state, text + i);
    checksum ^= chase(shuffle_list(state[0])) + classify(text, sizeof text) + fibonacci(15);
    checksum ^= (uint32_t)long_arithmetic(checksum);
  }
  return checksum ^ state[7];
}
