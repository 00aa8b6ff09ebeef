// ECDSA signatures by the chip's PKA, with a nonce from the random number generator.
#include <algorithm>

#include "firmware/crypto/crypto.hpp"
#include "firmware/drivers/stm32u5/pka.hpp"

namespace microvisor::firmware::crypto {

bool ecdsa_p256_sign(const PrivateKey& key, const Digest& digest, Signature& signature) {
  constexpr unsigned kAttempts = 8;  // a nonce is out of range once in 2^32 times
  if (!stm32u5::below_p256_order(key)) return false;
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    PrivateKey nonce{};
    stm32u5::PkaNumber r{};
    stm32u5::PkaNumber s{};
    if (!random(nonce)) return false;
    if (!stm32u5::below_p256_order(nonce)) continue;
    const bool done = stm32u5::pka_sign(key, nonce, digest, r, s);
    nonce.fill(0);
    if (!done) continue;
    std::copy(r.begin(), r.end(), signature.begin());
    std::copy(s.begin(), s.end(), signature.begin() + r.size());
    return true;
  }
  return false;
}

}  // namespace microvisor::firmware::crypto
