// Who this device is, and whom it talks to: written once at manufacturing, read at every start.
//
// Two copies stand in pages of their own, each a header row, the fields and a SHA-256 over them, so that
// decay of one page costs nothing. In a factory's image they hold only what all devices have alike; the
// device makes its key by itself and is given a certificate for it (docs/factory.md). The key is sealed
// (crypto/seal.hpp), each copy for its own page. Both copies are never written at a time.
//
// Tools that make a device for a test write a whole identity, with the key as it is, which the first start
// seals.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/seal.hpp"
#include "firmware/limits.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::vault {

/// A byte string of at most `Capacity` bytes.
template <std::size_t Capacity>
struct Bytes {
  std::array<std::uint8_t, Capacity> data{};
  std::uint16_t size = 0;
  [[nodiscard]] std::span<const std::uint8_t> span() const { return {data.data(), size}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data.data()), size}; }
  [[nodiscard]] bool assign(std::span<const std::uint8_t> from) {
    if (from.size() > Capacity) return false;
    size = static_cast<std::uint16_t>(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) data[i] = from[i];
    return true;
  }
};

struct Identity {
  Bytes<kDeviceSidSize> device_sid;                   // "UV" and 32 lower-case hex digits
  crypto::PrivateKey device_private_key{};            // P-256, for the TLS client certificate
  Bytes<kMaximumCertificateSize> device_certificate;  // DER
  Bytes<kMaximumHostNameSize> gateway_host;           // name or dotted address to connect to
  std::uint16_t gateway_port = 0;
  Bytes<kMaximumHostNameSize> gateway_server_name;  // name the gateway's certificate must bear
  Bytes<kMaximumCertificateSize> gateway_ca;        // DER, the only root trusted for the link
};

/// Reads the first good copy into `identity`; `key` is that for KeyUse::Identity. False: neither copy can be
/// read (the device was never provisioned) or opened (it is a copy of another chip's).
[[nodiscard]] bool read_identity(storage::Flash& flash, const crypto::SealingKey& key, Identity& identity);

/// Writes each copy anew that is not sealed or cannot be read, while the other one stands. `identity` is what
/// read_identity() has found. False if the flash failed or there is no key: then at least one copy is as it
/// was.
[[nodiscard]] bool seal_identity(storage::Flash& flash, const crypto::SealingKey& key,
                                 const Identity& identity);

/// What a factory's image says, for a device that has nothing of its own yet: `device_certificate` is that of
/// the CA which has to issue the device's. False: no copy says so.
[[nodiscard]] bool read_template(storage::Flash& flash, Identity& identity);

/// The same, with the SID and the key that this device has made and has no certificate for yet.
[[nodiscard]] bool read_made_identity(storage::Flash& flash, const crypto::SealingKey& key,
                                      Identity& identity);

/// From the template to a device with a key. Repeated after a power cut with the identity of whichever copy
/// can be read. False if the flash failed or there is no key.
[[nodiscard]] bool write_made_identity(storage::Flash& flash, const crypto::SealingKey& key,
                                       const Identity& identity);

/// From there to a device with its certificate. seal_identity() goes on after a power cut.
[[nodiscard]] bool complete_identity(storage::Flash& flash, const crypto::SealingKey& key,
                                     const Identity& identity);

/// Size of a page's worth of encoded identity; what encode_identity() may write at most.
inline constexpr std::size_t kMaximumEncodedIdentity = 0x2000;

/// Encodes for one page, not sealed. Returns the bytes used (a multiple of 16), 0 if it does not fit. Used by
/// the image builder.
[[nodiscard]] std::size_t encode_identity(const Identity& identity, std::span<std::uint8_t> page);

/// The same for what all devices have alike. SID and private key are not looked at.
[[nodiscard]] std::size_t encode_template(const Identity& common, std::span<std::uint8_t> page);

}  // namespace microvisor::firmware::vault
