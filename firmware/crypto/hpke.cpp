// Names as in RFC 9180, sections 4 to 6.
#include "firmware/crypto/hpke.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "firmware/crypto/agreement.hpp"

namespace microvisor::firmware::crypto {

namespace {

using Bytes = std::span<const std::uint8_t>;

// "KEM" and KEM id 0x0010; "HPKE", KEM id 0x0010, KDF id 0x0001, AEAD id 0x0001 (section 7).
constexpr std::uint8_t kKemSuite[] = {'K', 'E', 'M', 0x00, 0x10};
constexpr std::uint8_t kHpkeSuite[] = {'H', 'P', 'K', 'E', 0x00, 0x10, 0x00, 0x01, 0x00, 0x01};

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// HMAC-SHA256 (RFC 2104) of parts that follow one another; a key of at most 64 bytes.
Digest hmac(Bytes key, std::initializer_list<Bytes> parts) {
  std::array<std::uint8_t, 64> block{};
  std::copy(key.begin(), key.end(), block.begin());
  for (auto& byte : block) byte ^= 0x36;
  Sha256 inner;
  inner.update(block);
  for (const Bytes part : parts) inner.update(part);
  const Digest digest = inner.finish();
  for (auto& byte : block) byte ^= 0x36 ^ 0x5C;
  Sha256 outer;
  outer.update(block);
  outer.update(digest);
  return outer.finish();
}

Digest labeled_extract(Bytes salt, Bytes suite, std::string_view label, Bytes input) {
  return hmac(salt, {bytes_of("HPKE-v1"), suite, bytes_of(label), input});
}

/// At most 32 bytes: one block of HKDF-Expand (RFC 5869) does.
Digest labeled_expand(const Digest& key, Bytes suite, std::string_view label,
                      std::initializer_list<Bytes> info, std::uint8_t size) {
  const std::uint8_t length[] = {0, size};
  constexpr std::uint8_t kFirst[] = {1};
  const Bytes a = info.size() > 0 ? info.begin()[0] : Bytes{};
  const Bytes b = info.size() > 1 ? info.begin()[1] : Bytes{};
  const Bytes c = info.size() > 2 ? info.begin()[2] : Bytes{};
  return hmac(key, {length, bytes_of("HPKE-v1"), suite, bytes_of(label), a, b, c, kFirst});
}

}  // namespace

HpkeCipher::HpkeCipher() { mbedtls_gcm_init(&gcm_); }
HpkeCipher::~HpkeCipher() { mbedtls_gcm_free(&gcm_); }

/// Encap() or Decap(), and KeySchedule(): from the keys to AES-GCM with key and base nonce, which is the
/// nonce of the one message.
bool HpkeCipher::schedule(Direction direction, const Terms& terms) {
  Digest dh{};
  return p256_agree(terms.own, terms.peer, dh) && schedule_from(direction, terms, dh);
}

/// Not part of its caller, so that the stack has either this or the arithmetic of the curve.
[[gnu::noinline]] bool HpkeCipher::schedule_from(Direction direction, const Terms& terms, const Digest& dh) {
  const Digest shared = labeled_expand(labeled_extract({}, kKemSuite, "eae_prk", dh), kKemSuite,
                                       "shared_secret", {terms.encapsulated, terms.receiver}, 32);
  constexpr std::uint8_t kBaseMode[] = {0};
  const Digest psk_id_hash = labeled_extract({}, kHpkeSuite, "psk_id_hash", {});
  const Digest info_hash = labeled_extract({}, kHpkeSuite, "info_hash", terms.info);
  const Digest secret = labeled_extract(shared, kHpkeSuite, "secret", {});
  const std::initializer_list<Bytes> context = {kBaseMode, psk_id_hash, info_hash};
  const Digest key = labeled_expand(secret, kHpkeSuite, "key", context, 16);
  const Digest nonce = labeled_expand(secret, kHpkeSuite, "base_nonce", context, 12);
  const int mode = direction == Direction::Encrypt ? MBEDTLS_GCM_ENCRYPT : MBEDTLS_GCM_DECRYPT;
  return mbedtls_gcm_setkey(&gcm_, MBEDTLS_CIPHER_ID_AES, key.data(), 128) == 0 &&
         mbedtls_gcm_starts(&gcm_, mode, nonce.data(), 12, terms.associated_data.data(),
                            terms.associated_data.size()) == 0;
}

bool HpkeCipher::update(std::span<std::uint8_t> piece) {
  return mbedtls_gcm_update(&gcm_, piece.size(), piece.data(), piece.data()) == 0;
}

bool HpkeCipher::finish(std::array<std::uint8_t, 16>& tag) {
  return mbedtls_gcm_finish(&gcm_, tag.data(), tag.size()) == 0;
}

bool HpkeSealer::start(const PublicKey& receiver, Bytes info, Bytes associated_data) {
  PrivateKey ephemeral{};
  PublicKey point{};
  const bool done =
      p256_generate(ephemeral, point) && start_with(ephemeral, point, receiver, info, associated_data);
  ephemeral.fill(0);
  return done;
}

bool HpkeSealer::start_with(const PrivateKey& ephemeral, const PublicKey& ephemeral_point,
                            const PublicKey& receiver, Bytes info, Bytes associated_data) {
  encapsulated_ = ephemeral_point;
  return cipher_.schedule(HpkeCipher::Direction::Encrypt,
                          {ephemeral, receiver, encapsulated_, receiver, info, associated_data});
}

bool HpkeOpener::start(const PrivateKey& key, const PublicKey& encapsulated, Bytes info,
                       Bytes associated_data) {
  PublicKey receiver{};
  return is_p256_point(encapsulated) && p256_public_key(key, receiver) &&
         cipher_.schedule(HpkeCipher::Direction::Decrypt,
                          {key, encapsulated, encapsulated, receiver, info, associated_data});
}

bool HpkeOpener::finish(const Tag& tag) {
  Tag computed{};
  if (!cipher_.finish(computed)) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < tag.size(); ++i) difference |= static_cast<std::uint8_t>(tag[i] ^ computed[i]);
  return difference == 0;
}

}  // namespace microvisor::firmware::crypto
