// HPKE (RFC 9180) in base mode with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM, one message a
// key. Done by OpenSSL, beside and independent of the device's own code.
#pragma once

#include <initializer_list>
#include <optional>

#include "protocol/bundle/crypto.hpp"

namespace microvisor::protocol {

struct HpkeMessage {
  PublicKey encapsulated{};  ///< RFC 9180 calls it enc
  Bytes sealed;              ///< ciphertext and, behind it, the tag of 16 bytes
  friend bool operator==(const HpkeMessage&, const HpkeMessage&) = default;
};
inline constexpr std::size_t kHpkeTagBytes = 16;

/// Encrypts to the owner of `receiver`, a point of P-256, with a fresh ephemeral key.
HpkeMessage hpke_seal(const PublicKey& receiver, ByteView info, ByteView associated_data, ByteView plain);

/// Nothing if it does not authenticate.
std::optional<Bytes> hpke_open(const PublicKey& encapsulated, const SigningKey& receiver, ByteView info,
                               ByteView associated_data, ByteView ciphertext_and_tag);

Bytes concatenated(std::initializer_list<ByteView> parts);

}  // namespace microvisor::protocol
