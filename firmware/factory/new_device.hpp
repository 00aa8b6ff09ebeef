// What a device makes of itself at its first start, before anybody knows it: key, SID, claim code, and the
// request for a certificate.
//
// Everything follows from the private key, which never leaves the device. So the SID belongs to this key and
// no other can be passed off under it, and what was told once is told again after a power cut.
// docs/factory.md has the formats.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/vault/identity.hpp"

namespace microvisor::firmware::factory {

/// Letters and digits of base32 (RFC 4648): 80 bits.
using ClaimCode = std::array<char, 16>;

/// What the device says of itself beside its key.
struct Facts {
  std::uint32_t kernel_version = 0;
  std::array<std::uint32_t, 3> chip{};  // unique ID
  // Option bytes in force (RM0456 section 7.9).
  std::uint32_t optr = 0;
  std::uint32_t secbootadd0 = 0;
  std::uint32_t secwm2r1 = 0;
  std::uint32_t secwm2r2 = 0;
  std::uint32_t wrp2ar = 0;
};

inline constexpr std::size_t kRequestBodySize = 8 + 65 + 32 + 8 * 4 + 4;
inline constexpr std::size_t kRequestSize = kRequestBodySize + sizeof(crypto::Signature);
using Request = std::array<std::uint8_t, kRequestSize>;

/// Draws a key and sets SID and private key of `identity`. False if the random number generator or the
/// arithmetic failed.
[[nodiscard]] bool make_key(vault::Identity& identity);

/// Proves possession to the cloud when somebody claims the device; printed on its label.
[[nodiscard]] ClaimCode claim_code(const crypto::PrivateKey& key);

/// The request for a certificate, signed by the key it is for. False if the arithmetic failed.
[[nodiscard]] bool make_request(const vault::Identity& identity, const Facts& facts, Request& request);

/// Whether `certificate` (DER) is one for this device's SID and key, issued by the CA whose certificate
/// stands in `identity.device_certificate`.
[[nodiscard]] bool is_certificate_of(const vault::Identity& identity,
                                     std::span<const std::uint8_t> certificate);

}  // namespace microvisor::firmware::factory
