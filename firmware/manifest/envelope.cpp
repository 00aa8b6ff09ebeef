// Envelope of manifests: protocol/bundle.proto, OpaqueManifest.
#include "firmware/manifest/envelope.hpp"

#include <pb_decode.h>

#include <algorithm>

namespace microvisor::firmware::manifest {

namespace {

constexpr std::uint8_t kSignedPrefix[] = "twlo-mv-manifest-v1";  // signed with its terminating zero
static_assert(sizeof kSignedPrefix == 20);

enum : std::uint32_t { kSignerId = 1, kBody = 2, kSignature = 3 };

/// Takes the bytes of a length-delimited field out of `all` and steps over them.
bool take_bytes(pb_istream_t& stream, std::span<const std::uint8_t> all, std::span<const std::uint8_t>& out) {
  std::uint32_t size = 0;
  if (!pb_decode_varint32(&stream, &size) || size > stream.bytes_left) return false;
  out = all.subspan(all.size() - stream.bytes_left, size);
  return pb_read(&stream, nullptr, size);
}

}  // namespace

ManifestError split_envelope(std::span<const std::uint8_t> bytes, Envelope& envelope) {
  if (bytes.size() > kMaximumManifestSize) return ManifestError::TooLarge;
  pb_istream_t stream = pb_istream_from_buffer(bytes.data(), bytes.size());
  std::uint32_t seen = 0;
  while (stream.bytes_left != 0) {
    pb_wire_type_t type{};
    std::uint32_t tag = 0;
    bool end = false;
    if (!pb_decode_tag(&stream, &type, &tag, &end)) return ManifestError::Malformed;
    if (tag >= kSignerId && tag <= kSignature) {
      if ((seen & (1u << tag)) != 0) return ManifestError::Malformed;
      seen |= 1u << tag;
    }
    bool good = false;
    switch (tag) {
      case kSignerId: good = type == PB_WT_VARINT && pb_decode_varint(&stream, &envelope.signer_id); break;
      case kBody: good = type == PB_WT_STRING && take_bytes(stream, bytes, envelope.body); break;
      case kSignature: good = type == PB_WT_STRING && take_bytes(stream, bytes, envelope.signature); break;
      default: good = pb_skip_field(&stream, type); break;
    }
    if (!good) return ManifestError::Malformed;
  }
  return (seen & (1u << kBody)) != 0 ? ManifestError::None : ManifestError::Malformed;
}

ManifestError verify_envelope(const Envelope& envelope, const crypto::PublicKey& key,
                              crypto::Verdict& verdict) {
  verdict = crypto::Verdict::Invalid;
  crypto::Signature signature{};
  if (envelope.signature.empty()) return ManifestError::Unsigned;
  if (envelope.signature.size() != signature.size()) return ManifestError::Malformed;
  std::copy(envelope.signature.begin(), envelope.signature.end(), signature.begin());
  crypto::Sha256 hash;
  hash.update(kSignedPrefix);
  hash.update(envelope.body);
  verdict = crypto::ecdsa_p256_verify(key, hash.finish(), signature);
  return verdict == crypto::Verdict::Valid ? ManifestError::None : ManifestError::BadSignature;
}

ManifestError open_vendors(std::span<const std::uint8_t> bytes, const crypto::PublicKey& vendor_key,
                           Envelope& envelope, crypto::Verdict& verdict) {
  verdict = crypto::Verdict::Invalid;
  const ManifestError error = split_envelope(bytes, envelope);
  if (error != ManifestError::None) return error;
  if (envelope.signer_id != crypto::manifest_key_id(vendor_key)) return ManifestError::UnknownSigner;
  return verify_envelope(envelope, vendor_key, verdict);
}

}  // namespace microvisor::firmware::manifest
