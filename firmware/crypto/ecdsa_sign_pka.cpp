// What the device does with its private key, by the chip's PKA: ECDSA signatures with a nonce from the random
// number generator, and the public key.
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

bool p256_public_key(const PrivateKey& key, PublicKey& point) {
  stm32u5::PkaPoint result;
  if (!stm32u5::below_p256_order(key) || !stm32u5::pka_multiply(key, stm32u5::kP256Base, result))
    return false;
  point[0] = 4;  // uncompressed
  std::copy(result.x.begin(), result.x.end(), point.begin() + 1);
  std::copy(result.y.begin(), result.y.end(), point.begin() + 1 + result.x.size());
  return true;
}

}  // namespace microvisor::firmware::crypto
