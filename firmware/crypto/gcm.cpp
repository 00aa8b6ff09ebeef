#include "firmware/crypto/gcm.hpp"

#include <mbedtls/gcm.h>

#if defined(MICROVISOR_HARDWARE_CRYPTO)
#include "firmware/drivers/stm32u5/aes.hpp"
#endif

namespace microvisor::firmware::crypto {

namespace {

#if defined(MICROVISOR_HARDWARE_CRYPTO)
using Unit = stm32u5::AesGcm;
#else
/// There is no such unit here.
struct Unit {
  static bool start(bool, std::span<const std::uint8_t, 32>, std::span<const std::uint8_t>,
                    std::span<const std::uint8_t, kSealNonceSize>) {
    return false;
  }
  static bool update(std::span<std::uint8_t>) { return false; }
  static bool finish(SealTag&) { return false; }
  static void stop() {}
};
#endif

bool unit_is_ours = false;

// Of the one Gcm that there is; on no stack, for it is large.
mbedtls_gcm_context software;

}  // namespace

void use_aes_unit(bool use) {
#if defined(MICROVISOR_HARDWARE_CRYPTO)
  unit_is_ours = use;
#else
  static_cast<void>(use);
#endif
}

Gcm::Gcm(const SealingKey& key, Direction direction, std::span<const std::uint8_t> context,
         std::span<const std::uint8_t, kSealNonceSize> nonce)
    : by_unit_(unit_is_ours) {
  mbedtls_gcm_init(&software);
  const bool decrypt = direction == Direction::Decrypt;
  if (!key.good) return;
  if (by_unit_) {
    good_ = Unit::start(decrypt, key.bytes, context, nonce);
    return;
  }
  good_ = mbedtls_gcm_setkey(&software, MBEDTLS_CIPHER_ID_AES, key.bytes.data(), 8 * key.bytes.size()) == 0 &&
          mbedtls_gcm_starts(&software, decrypt ? MBEDTLS_GCM_DECRYPT : MBEDTLS_GCM_ENCRYPT, nonce.data(),
                             nonce.size(), context.data(), context.size()) == 0;
}

Gcm::~Gcm() {
  if (by_unit_) Unit::stop();
  mbedtls_gcm_free(&software);
}

bool Gcm::update(std::span<std::uint8_t> data) {
  if (!good_ || data.empty()) return good_;
  good_ = by_unit_ ? Unit::update(data)
                   : mbedtls_gcm_update(&software, data.size(), data.data(), data.data()) == 0;
  return good_;
}

bool Gcm::finish(SealTag& tag) {
  good_ =
      good_ && (by_unit_ ? Unit::finish(tag) : mbedtls_gcm_finish(&software, tag.data(), tag.size()) == 0);
  return good_;
}

}  // namespace microvisor::firmware::crypto
