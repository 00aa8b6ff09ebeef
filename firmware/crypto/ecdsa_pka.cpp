// ECDSA verification on P-256 by the chip's PKA.
//
// Valid is returned only if the block says so, twice read, and if the r it has computed is the r of the
// signature: a skipped branch or a disturbed status word does not accept.
#include <algorithm>

#include "firmware/crypto/crypto.hpp"
#include "firmware/drivers/stm32u5/pka.hpp"

namespace microvisor::firmware::crypto {

namespace {

using stm32u5::PkaNumber;
using stm32u5::PkaPoint;
using stm32u5::PkaVerification;

constexpr std::uint8_t kUncompressed = 4;

PkaPoint point_of(const PublicKey& key) {
  PkaPoint point;
  std::copy_n(key.begin() + 1, point.x.size(), point.x.begin());
  std::copy_n(key.begin() + 1 + point.x.size(), point.y.size(), point.y.begin());
  return point;
}

}  // namespace

bool is_p256_point(const PublicKey& key) {
  return key[0] == kUncompressed && stm32u5::pka_on_curve(point_of(key));
}

Verdict ecdsa_p256_verify(const PublicKey& key, const Digest& digest, const Signature& signature) {
  PkaNumber r{};
  PkaNumber s{};
  std::copy_n(signature.begin(), r.size(), r.begin());
  std::copy_n(signature.begin() + r.size(), s.size(), s.begin());
  if (!is_p256_point(key) || !stm32u5::below_p256_order(r) || !stm32u5::below_p256_order(s)) {
    return Verdict::Invalid;
  }
  const PkaVerification result = stm32u5::pka_verify(point_of(key), digest, r, s);
  volatile std::uint32_t status = result.status;
  if (status != PkaVerification::kValid) return Verdict::Invalid;
  const Verdict same = equal(result.computed_r, r);
  if (status != PkaVerification::kValid) return Verdict::Invalid;
  return same;
}

}  // namespace microvisor::firmware::crypto
