// Names as in RFC 9180, sections 4 to 6.
#include "protocol/crash/crash_report.hpp"

#include <openssl/hmac.h>

#include <algorithm>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::protocol {
namespace {

using namespace openssl;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr std::string_view kInfo = "microvisor-crash-report-v1";
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kKeyIdSize = 8;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kHeaderSize = 1 + kKeyIdSize + std::tuple_size_v<PublicKey>;

const Bytes kKemSuite = {'K', 'E', 'M', 0x00, 0x10};
const Bytes kHpkeSuite = {'H', 'P', 'K', 'E', 0x00, 0x10, 0x00, 0x01, 0x00, 0x01};

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes result;
  for (const ByteView part : parts) result.insert(result.end(), part.begin(), part.end());
  return result;
}

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
  return hmac(salt, joined({as_bytes("HPKE-v1"), suite, as_bytes(label), input}));
}

/// At most one block of HKDF-Expand.
Bytes labeled_expand(ByteView key, ByteView suite, std::string_view label, ByteView info, std::uint8_t size) {
  const Bytes length = {0, size};
  const Bytes first = {1};
  Bytes block = hmac(key, joined({length, as_bytes("HPKE-v1"), suite, as_bytes(label), info, first}));
  block.resize(size);
  return block;
}

std::optional<Bytes> open_gcm(ByteView key, ByteView nonce, ByteView associated_data, ByteView sealed) {
  if (sealed.size() < kTagSize) return std::nullopt;
  const ByteView ciphertext = sealed.first(sealed.size() - kTagSize);
  Bytes tag(sealed.end() - kTagSize, sealed.end());
  Bytes plain(ciphertext.size());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, associated_data.data(),
                        static_cast<int>(associated_data.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), plain.data(), &size, ciphertext.data(),
                        static_cast<int>(ciphertext.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), plain.data() + size, &size) == 1;
  ERR_clear_error();
  return good ? std::optional(std::move(plain)) : std::nullopt;
}

}  // namespace

std::optional<Bytes> hpke_open(const PublicKey& encapsulated, const SigningKey& receiver, ByteView info,
                               ByteView associated_data, ByteView sealed) {
  const auto dh = receiver.agree(encapsulated);
  if (!dh) return std::nullopt;
  const Bytes kem_context = joined({encapsulated, receiver.public_key()});
  const Bytes shared = labeled_expand(labeled_extract({}, kKemSuite, "eae_prk", *dh), kKemSuite,
                                      "shared_secret", kem_context, 32);
  const Bytes base_mode = {0};
  const Bytes context = joined({base_mode, labeled_extract({}, kHpkeSuite, "psk_id_hash", {}),
                                labeled_extract({}, kHpkeSuite, "info_hash", info)});
  const Bytes secret = labeled_extract(shared, kHpkeSuite, "secret", {});
  return open_gcm(labeled_expand(secret, kHpkeSuite, "key", context, 16),
                  labeled_expand(secret, kHpkeSuite, "base_nonce", context, 12), associated_data, sealed);
}

std::string crash_key_id(const PublicKey& key) {
  const Bytes type = {0x00, 0x02};
  return to_hex(ByteView(sha256(joined({type, key}))).first(kKeyIdSize));
}

Result<std::string> key_id_of_crash_report(ByteView report) {
  if (report.size() < kHeaderSize + kTagSize || report[0] != kFormat)
    return refuse(Refusal::BadCrashReport, "not a crash report, or one of a newer version");
  return to_hex(report.subspan(1, kKeyIdSize));
}

Result<crash::CrashReport> open_crash_report(ByteView report, const SigningKey& key,
                                             const std::string& device_sid) {
  const auto id = key_id_of_crash_report(report);
  if (!id) return tl::unexpected(id.error());
  const std::string own = crash_key_id(key.public_key());
  if (*id != own) {
    return refuse(Refusal::ForeignCrashKey, "the report is encrypted to key " + *id + ", this is key " + own);
  }
  PublicKey encapsulated{};
  std::copy_n(report.begin() + 1 + kKeyIdSize, encapsulated.size(), encapsulated.begin());
  const auto plain =
      hpke_open(encapsulated, key, as_bytes(kInfo), as_bytes(device_sid), report.subspan(kHeaderSize));
  crash::CrashReport opened;
  if (!plain || !opened.ParseFromArray(plain->data(), static_cast<int>(plain->size())))
    return refuse(Refusal::BadCrashReport, "the report is damaged, or not device " + device_sid + "'s");
  return opened;
}

}  // namespace microvisor::protocol
