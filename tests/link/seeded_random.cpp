// RAND_METHOD is deprecated in favour of providers, which would be ten times the code for the same effect.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/link/seeded_random.hpp"

#include <openssl/rand.h>

#include "board/memory/random_bits.hpp"

namespace microvisor::test {
namespace {

board::RandomBits numbers(0);

int draw(unsigned char* bytes, int count) {
  for (int i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(numbers.next() >> 32);
  return 1;
}

int always_ready() { return 1; }

}  // namespace

void seed_openssl(std::uint64_t seed) {
  static const RAND_METHOD method = {nullptr, draw, nullptr, nullptr, draw, always_ready};
  numbers = board::RandomBits(seed);
  RAND_set_rand_method(&method);
}

}  // namespace microvisor::test
