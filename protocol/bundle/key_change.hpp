// Changes of keys (protocol/bundle.proto, NewKeys): whose signatures devices accept from now on, and which
// keys to encrypted layers they have.
//
// A change is signed by one of those whom they accept now. Its sequence orders all changes of an owner:
// devices refuse what is not newer than the last one they took. It is the time of signing, so that whoever
// signs need not ask anybody for a number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/bundle/envelope.hpp"
#include "protocol/bundle/layer_encryption.hpp"

namespace microvisor::protocol {

inline constexpr std::size_t kMaxKeyChangeBytes = 1024;  ///< what a device accepts
inline constexpr std::size_t kMaxSigners = 4;            ///< that a device can have at once
inline constexpr std::size_t kMaxLayerKeys = 4;          ///< likewise

struct KeyChange {
  std::uint64_t sequence = 0;  ///< microseconds since 1970
  std::string device_sid;      ///< empty: for all devices that accept the signer
  std::vector<std::uint64_t> remove_signers;
  std::vector<PublicKey> add_signers;
  bool erase = false;  ///< the device forgets application and data; only with device_sid
  std::vector<std::uint64_t> remove_layer_keys{};
  std::vector<WrappedLayerKey> add_layer_keys{};  ///< which keys they are only their receivers can tell
  friend bool operator==(const KeyChange&, const KeyChange&) = default;
};

struct SignedKeyChange {
  KeyChange change;
  Envelope envelope;
};

Bytes sign_key_change(const KeyChange& change, const Signer& key);

/// Parses and checks everything that needs no other key: limits, points, a sequence.
Result<SignedKeyChange> read_key_change(ByteView message);

/// The signers after the change, in the order they came: first those that stay, then those that are added. As
/// devices compute it (firmware/manifest/new_keys.cpp). Refuses what leaves none or too many.
Result<std::vector<PublicKey>> apply_key_change(const KeyChange& change, std::vector<PublicKey> signers);

}  // namespace microvisor::protocol
