#include "firmware/crypto/seal.hpp"

#include <algorithm>

#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/gcm.hpp"

namespace microvisor::firmware::crypto {

bool seal(const SealingKey& key, std::span<const std::uint8_t> context, const SealedBox& box) {
  SealTag tag{};
  if (!key.good || !random(box.nonce)) return false;
  Gcm gcm(key, Gcm::Direction::Encrypt, context, box.nonce);
  if (!gcm.update(box.contents) || !gcm.finish(tag)) return false;
  std::copy(tag.begin(), tag.end(), box.tag.begin());
  return true;
}

bool unseal(const SealingKey& key, std::span<const std::uint8_t> context, const SealedBox& box) {
  SealTag tag{};
  bool good = false;
  if (Gcm gcm(key, Gcm::Direction::Decrypt, context, box.nonce);
      gcm.update(box.contents) && gcm.finish(tag)) {
    std::uint32_t difference = 0;  // looked at as a whole: the time says nothing about the place
    for (std::size_t i = 0; i < tag.size(); ++i)
      difference |= static_cast<std::uint32_t>(tag[i] ^ box.tag[i]);
    good = difference == 0;
  }
  if (!good) std::fill(box.contents.begin(), box.contents.end(), std::uint8_t{0});
  return good;
}

}  // namespace microvisor::firmware::crypto
