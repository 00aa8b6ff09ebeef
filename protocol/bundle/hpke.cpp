// Names as in RFC 9180, sections 4 to 6.
#include "protocol/bundle/hpke.hpp"

#include <openssl/hmac.h>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::protocol {
namespace {

using namespace openssl;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

const Bytes kKemSuite = {'K', 'E', 'M', 0x00, 0x10};
const Bytes kHpkeSuite = {'H', 'P', 'K', 'E', 0x00, 0x10, 0x00, 0x01, 0x00, 0x01};

Bytes hmac(ByteView key, ByteView message) {
  Bytes digest(32);
  unsigned size = 0;
  static constexpr std::uint8_t kNothing = 0;  // OpenSSL takes no null pointer for an empty key
  if (HMAC(EVP_sha256(), key.empty() ? &kNothing : key.data(), static_cast<int>(key.size()), message.data(),
           message.size(), digest.data(), &size) == nullptr) {
    throw_openssl("HMAC");
  }
  return digest;
}

Bytes labeled_extract(ByteView salt, ByteView suite, std::string_view label, ByteView input) {
  return hmac(salt, concatenated({as_bytes("HPKE-v1"), suite, as_bytes(label), input}));
}

/// At most one block of HKDF-Expand.
Bytes labeled_expand(ByteView key, ByteView suite, std::string_view label, ByteView info, std::uint8_t size) {
  const Bytes length = {0, size};
  const Bytes first = {1};
  Bytes block = hmac(key, concatenated({length, as_bytes("HPKE-v1"), suite, as_bytes(label), info, first}));
  block.resize(size);
  return block;
}

std::optional<Bytes> open_gcm(ByteView key, ByteView nonce, ByteView associated_data, ByteView sealed) {
  if (sealed.size() < kHpkeTagBytes) return std::nullopt;
  const ByteView ciphertext = sealed.first(sealed.size() - kHpkeTagBytes);
  Bytes tag(sealed.end() - kHpkeTagBytes, sealed.end());
  Bytes plain(ciphertext.size());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, associated_data.data(),
                        static_cast<int>(associated_data.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), plain.data(), &size, ciphertext.data(),
                        static_cast<int>(ciphertext.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kHpkeTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), plain.data() + size, &size) == 1;
  ERR_clear_error();
  return good ? std::optional(std::move(plain)) : std::nullopt;
}

Bytes seal_gcm(ByteView key, ByteView nonce, ByteView associated_data, ByteView plain) {
  Bytes sealed(plain.size() + kHpkeTagBytes);
  const CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool good =
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, associated_data.data(),
                        static_cast<int>(associated_data.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), sealed.data(), &size, plain.data(), static_cast<int>(plain.size())) ==
          1 &&
      EVP_EncryptFinal_ex(context.get(), sealed.data() + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kHpkeTagBytes, sealed.data() + plain.size()) ==
          1;
  if (!good) throw_openssl("AES-GCM");
  return sealed;
}

struct Secrets {
  Bytes key, nonce;
};

/// KeySchedule() from the Diffie-Hellman of either side.
Secrets schedule(ByteView dh, const PublicKey& encapsulated, const PublicKey& receiver, ByteView info) {
  const Bytes kem_context = concatenated({encapsulated, receiver});
  const Bytes shared = labeled_expand(labeled_extract({}, kKemSuite, "eae_prk", dh), kKemSuite,
                                      "shared_secret", kem_context, 32);
  const Bytes base_mode = {0};
  const Bytes context = concatenated({base_mode, labeled_extract({}, kHpkeSuite, "psk_id_hash", {}),
                                      labeled_extract({}, kHpkeSuite, "info_hash", info)});
  const Bytes secret = labeled_extract(shared, kHpkeSuite, "secret", {});
  return {labeled_expand(secret, kHpkeSuite, "key", context, 16),
          labeled_expand(secret, kHpkeSuite, "base_nonce", context, 12)};
}

}  // namespace

Bytes concatenated(std::initializer_list<ByteView> parts) {
  Bytes result;
  for (const ByteView part : parts) result.insert(result.end(), part.begin(), part.end());
  return result;
}

HpkeMessage hpke_seal(const PublicKey& receiver, ByteView info, ByteView associated_data, ByteView plain) {
  const SigningKey ephemeral = SigningKey::generate();
  const auto dh = ephemeral.agree(receiver);
  if (!dh) throw std::runtime_error("the receiver's key is not a point of P-256");
  const auto [key, nonce] = schedule(*dh, ephemeral.public_key(), receiver, info);
  return {ephemeral.public_key(), seal_gcm(key, nonce, associated_data, plain)};
}

std::optional<Bytes> hpke_open(const PublicKey& encapsulated, const SigningKey& receiver, ByteView info,
                               ByteView associated_data, ByteView sealed) {
  const auto dh = receiver.agree(encapsulated);
  if (!dh) return std::nullopt;
  const auto [key, nonce] = schedule(*dh, encapsulated, receiver.public_key(), info);
  return open_gcm(key, nonce, associated_data, sealed);
}

}  // namespace microvisor::protocol
