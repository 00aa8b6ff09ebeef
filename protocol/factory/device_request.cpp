#include "protocol/factory/device_request.hpp"

#include <algorithm>

namespace microvisor::protocol {
namespace {

constexpr std::size_t kKeyAt = 8;
constexpr std::size_t kClaimAt = kKeyAt + sizeof(PublicKey);
constexpr std::size_t kFactsAt = kClaimAt + sizeof(Hash);
constexpr std::size_t kBodySize = kFactsAt + 9 * 4;
constexpr std::size_t kSize = kBodySize + sizeof(Signature);
constexpr std::uint32_t kMagic = 0x5152'564D;  // "MVRQ"
constexpr std::uint32_t kFormat = 1;

/// A label, a zero byte, the parts.
Bytes labelled(std::string_view label, ByteView first, ByteView second = {}) {
  Bytes bytes(label.begin(), label.end());
  bytes.push_back(0);
  bytes.insert(bytes.end(), first.begin(), first.end());
  bytes.insert(bytes.end(), second.begin(), second.end());
  return bytes;
}

std::uint32_t word(ByteView bytes, std::size_t at) {
  return bytes[at] | std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 3]} << 24;
}

}  // namespace

std::string sid_of_key(const PublicKey& key) {
  const Hash hash = sha256(labelled("Microvisor device", key));
  return "UV" + to_hex(ByteView(hash).first(16));
}

Hash claim_hash(std::string_view sid, std::string_view code) {
  std::string plain;
  for (const char c : code) {
    if (c == ' ' || c == '-') continue;
    plain += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return sha256(labelled("Microvisor claim", as_bytes(sid), as_bytes(plain)));
}

Result<DeviceRequest> read_device_request(ByteView bytes) {
  if (bytes.size() != kSize || word(bytes, 0) != kMagic)
    return refuse(Refusal::BadDeviceRequest, "not a device's request for a certificate");
  if (word(bytes, 4) != kFormat)
    return refuse(Refusal::BadDeviceRequest, "a device's request in a format of a later version");
  DeviceRequest request;
  std::copy_n(bytes.begin() + kKeyAt, request.public_key.size(), request.public_key.begin());
  std::copy_n(bytes.begin() + kClaimAt, request.claim.size(), request.claim.begin());
  request.kernel_version = word(bytes, kFactsAt);
  request.chip = to_hex(bytes.subspan(kFactsAt + 4, 12));
  std::size_t at = kFactsAt + 16;
  for (std::uint32_t* field :
       {&request.optr, &request.secbootadd0, &request.secwm2r1, &request.secwm2r2, &request.wrp2ar}) {
    *field = word(bytes, at);
    at += 4;
  }
  Signature signature{};
  std::copy_n(bytes.begin() + kBodySize, signature.size(), signature.begin());
  const Bytes body = labelled("Microvisor certificate request", bytes.first(kBodySize));
  if (!is_p256_point(request.public_key) || !verify(request.public_key, body, signature))
    return refuse(Refusal::BadDeviceRequest, "the device's request is not signed with its own key");
  request.sid = sid_of_key(request.public_key);
  return request;
}

std::string readout_protection(const DeviceRequest& request) {
  switch (request.optr & 0xFF) {
    case 0xAA: return "0";
    case 0x55: return "0.5";
    case 0xCC: return "2";
    default: return "1";
  }
}

}  // namespace microvisor::protocol
