#include "firmware/factory/new_device.hpp"

#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <string_view>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::factory {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t kMagic = 0x5152'564D;  // "MVRQ"
constexpr std::uint32_t kFormat = 1;
constexpr unsigned kAttempts = 8;  // a number is no private key once in 2^32 times

/// SHA-256 over a label, a zero byte and the parts: no hash of one kind is one of another.
crypto::Digest labelled_hash(std::string_view label, Bytes first, Bytes second = {}) {
  constexpr std::uint8_t kZero[] = {0};
  crypto::Sha256 hash;
  hash.update({reinterpret_cast<const std::uint8_t*>(label.data()), label.size()});
  hash.update(kZero);
  hash.update(first);
  hash.update(second);
  return hash.finish();
}

Bytes bytes_of(const ClaimCode& code) {
  return {reinterpret_cast<const std::uint8_t*>(code.data()), code.size()};
}

/// "UV" and the first 16 bytes of the key's hash.
void set_sid(const crypto::PublicKey& key, vault::Identity& identity) {
  constexpr char kDigits[] = "0123456789abcdef";
  const crypto::Digest hash = labelled_hash("Microvisor device", key);
  auto& sid = identity.device_sid;
  sid.data[0] = 'U';
  sid.data[1] = 'V';
  for (std::size_t i = 0; i < 16; ++i) {
    sid.data[2 + 2 * i] = static_cast<std::uint8_t>(kDigits[hash[i] >> 4]);
    sid.data[3 + 2 * i] = static_cast<std::uint8_t>(kDigits[hash[i] & 0xF]);
  }
  sid.size = kDeviceSidSize;
}

/// What mbedTLS allocates for one certificate.
struct Certificate {
  Certificate() { mbedtls_x509_crt_init(&value); }
  ~Certificate() { mbedtls_x509_crt_free(&value); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  [[nodiscard]] bool parse(Bytes der) {
    return mbedtls_x509_crt_parse_der_nocopy(&value, der.data(), der.size()) == 0;
  }
  mbedtls_x509_crt value;
};

bool has_key(const mbedtls_x509_crt& certificate, const crypto::PublicKey& key) {
  if (mbedtls_pk_get_type(&certificate.pk) != MBEDTLS_PK_ECKEY) return false;
  const mbedtls_ecp_keypair* pair = mbedtls_pk_ec(certificate.pk);
  crypto::PublicKey theirs{};
  std::size_t size = 0;
  return mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size,
                                        theirs.data(), theirs.size()) == 0 &&
         size == theirs.size() && theirs == key;
}

}  // namespace

bool make_key(vault::Identity& identity) {
  crypto::PublicKey point{};
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    if (!crypto::random(identity.device_private_key)) return false;
    if (!crypto::p256_public_key(identity.device_private_key, point)) continue;
    set_sid(point, identity);
    return true;
  }
  return false;
}

ClaimCode claim_code(const crypto::PrivateKey& key) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const crypto::Digest hash = labelled_hash("Microvisor claim code", key);
  ClaimCode code{};
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t next = 0;
  for (char& letter : code) {
    if (count < 5) {
      bits = bits << 8 | hash[next++];
      count += 8;
    }
    count -= 5;
    letter = kLetters[bits >> count & 31];
  }
  return code;
}

bool make_request(const vault::Identity& identity, const Facts& facts, Request& request) {
  crypto::PublicKey point{};
  if (!crypto::p256_public_key(identity.device_private_key, point)) return false;
  const crypto::Digest claim = labelled_hash("Microvisor claim", identity.device_sid.span(),
                                             bytes_of(claim_code(identity.device_private_key)));
  const std::span<std::uint8_t> out(request);
  std::size_t at = 0;
  const auto put = [&](std::uint32_t value) {
    storage::put32(out, at, value);
    at += 4;
  };
  put(kMagic);
  put(kFormat);
  at = static_cast<std::size_t>(std::copy(point.begin(), point.end(), request.begin() + 8) - request.begin());
  at =
      static_cast<std::size_t>(std::copy(claim.begin(), claim.end(), request.begin() + 73) - request.begin());
  put(facts.kernel_version);
  for (const std::uint32_t word : facts.chip) put(word);
  for (const std::uint32_t word :
       {facts.optr, facts.secbootadd0, facts.secwm2r1, facts.secwm2r2, facts.wrp2ar}) {
    put(word);
  }
  crypto::Signature signature{};
  const crypto::Digest digest = labelled_hash("Microvisor certificate request", out.first(kRequestBodySize));
  if (at != kRequestBodySize || !crypto::ecdsa_p256_sign(identity.device_private_key, digest, signature))
    return false;
  std::copy(signature.begin(), signature.end(), request.begin() + kRequestBodySize);
  return true;
}

bool is_certificate_of(const vault::Identity& identity, Bytes certificate) {
  crypto::PublicKey point{};
  if (!crypto::p256_public_key(identity.device_private_key, point)) return false;
  std::array<char, kDeviceSidSize + 1> sid{};
  std::copy_n(identity.device_sid.data.begin(), kDeviceSidSize, sid.begin());
  Certificate ca, own;
  std::uint32_t flags = 0;
  return ca.parse(identity.device_certificate.span()) && own.parse(certificate) &&
         mbedtls_x509_crt_verify(&own.value, &ca.value, nullptr, sid.data(), &flags, nullptr, nullptr) == 0 &&
         has_key(own.value, point);
}

}  // namespace microvisor::firmware::factory
