// Makes signed manifests for host tests, field by field, so that malformed ones can be made as easily as good
// ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::manifest::testing {

using Bytes = std::vector<std::uint8_t>;

/// A protobuf message under construction.
class Message {
 public:
  Message& number(std::uint32_t field, std::uint64_t value);
  Message& bytes(std::uint32_t field, std::span<const std::uint8_t> value);
  Message& message(std::uint32_t field, const Message& value) { return bytes(field, value.data()); }
  /// Fields that are encoded already, or anything else.
  Message& raw(std::span<const std::uint8_t> bytes) {
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  [[nodiscard]] const Bytes& data() const { return data_; }

 private:
  void varint(std::uint64_t value);
  Bytes data_;
};

/// A signing key for tests; the same number gives the same key.
struct SigningKey {
  explicit SigningKey(std::uint8_t number);
  crypto::PrivateKey secret{};
  crypto::PublicKey point{};
  [[nodiscard]] std::uint64_t id() const { return crypto::manifest_key_id(point); }
};

struct LayerFields {
  std::uint32_t start = 0;
  std::uint32_t size = 0x10'0000;
  Bytes data;    // fetch and measurement hash are computed from it
  Bytes sealed;  // what is fetched instead, if it is encrypted: the fetch hash is of it
  std::uint64_t encrypted_with = 0;
  bool external = false;
  std::uint32_t stated_size = 0;  // 0: the manifest does not say
  bool with_target = true;
  std::optional<Bytes> fetch_hash;        // instead of the right one
  std::optional<Bytes> measurement_hash;  // instead of the right one
  [[nodiscard]] const Bytes& fetched() const { return sealed.empty() ? data : sealed; }
};

[[nodiscard]] Message layer_message(const LayerFields& layer);

/// The envelope of `body`, signed by `key`.
[[nodiscard]] Bytes sign(const SigningKey& key, const Message& body);

/// A good application manifest with these layers and empty policies, as the public bundler writes it.
[[nodiscard]] Bytes application_manifest(const SigningKey& key, std::span<const LayerFields> layers);

/// Gives mbedTLS memory; every test program that uses firmware/crypto calls it once.
void initialise_crypto();

}  // namespace microvisor::firmware::manifest::testing
