// Who this device is, and whom it talks to: written once at manufacturing, read at every start.
//
// Two copies stand in pages of their own, each a header row, the fields and a SHA-256 over them, so that
// decay of one page costs nothing. The factory cannot know the chip's key, so it writes the private key as it
// is. The device's first start seals it (crypto/seal.hpp), each copy for its own page and never both at a
// time.
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

/// Size of a page's worth of encoded identity; what encode_identity() may write at most.
inline constexpr std::size_t kMaximumEncodedIdentity = 0x2000;

/// Encodes for one page, not sealed. Returns the bytes used (a multiple of 16), 0 if it does not fit. Used by
/// the image builder.
[[nodiscard]] std::size_t encode_identity(const Identity& identity, std::span<std::uint8_t> page);

}  // namespace microvisor::firmware::vault
