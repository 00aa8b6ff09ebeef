// Gcm for boot stages: the chip's AES, which nobody else uses before the application starts.
#include "firmware/crypto/gcm.hpp"
#include "firmware/drivers/stm32u5/aes.hpp"

namespace microvisor::firmware::crypto {

using Unit = stm32u5::AesGcm;

Gcm::Gcm(const SealingKey& key, Direction direction, std::span<const std::uint8_t> context,
         std::span<const std::uint8_t, kSealNonceSize> nonce)
    : good_(key.good && Unit::start(direction == Direction::Decrypt, key.bytes, context, nonce)) {}

Gcm::~Gcm() { Unit::stop(); }

bool Gcm::update(std::span<std::uint8_t> data) {
  good_ = good_ && Unit::update(data);
  return good_;
}

bool Gcm::finish(SealTag& tag) {
  good_ = good_ && Unit::finish(tag);
  return good_;
}

}  // namespace microvisor::firmware::crypto
