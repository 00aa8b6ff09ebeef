// Encrypted layers, and how devices come by the keys to them (docs/keys.md).
//
// A layer key is a pair of keys on P-256. Who has the public one can encrypt layers; a device decrypts them
// with the private one, which an owner hands out device by device, encrypted to the device's own key. The
// cloud passes both on and can read neither.
#pragma once

#include "protocol/bundle/bundle.hpp"
#include "protocol/bundle/hpke.hpp"

namespace microvisor::protocol {

/// Ids of layer keys and of devices' own keys: first 8 bytes of SHA-256(00 01 || point), (00 03 || point).
std::uint64_t layer_key_id(const PublicKey& key);
std::uint64_t device_key_id(const PublicKey& key);

/// Of a layer key on its way to a device: the private scalar, encrypted.
inline constexpr std::size_t kWrappedLayerKeyBytes = 32 + kHpkeTagBytes;

/// What devices fetch of a layer that is encrypted to `key`: ciphertext, tag, encapsulated key. In this order
/// they decrypt in place, sector by sector.
Bytes encrypt_layer(ByteView plain, const PublicKey& key);

/// The bundle with every layer that is not encrypted yet encrypted to `key`, and unsigned.
Result<Bundle> encrypt_bundle(const Bundle& bundle, const PublicKey& key);

/// bundle.proto HpkeCiphertext: a layer key on its way to one device.
struct WrappedLayerKey {
  std::uint64_t receiver = 0;  ///< device_key_id() of the device
  HpkeMessage message;
  friend bool operator==(const WrappedLayerKey&, const WrappedLayerKey&) = default;
};
/// For the device with this SID and no other, wherever else its key may be.
WrappedLayerKey wrap_layer_key(const SigningKey& layer_key, const PublicKey& device_key,
                               const std::string& device_sid);

/// bundle.proto HpkeCiphertext. KeyChangeMalformed: not the wrapped form of a layer key.
Bytes write_wrapped_key(const WrappedLayerKey& key);
Result<WrappedLayerKey> read_wrapped_key(ByteView bytes);

}  // namespace microvisor::protocol
