// Changes of keys: whose signatures a device accepts from now on.
//
// A change is signed by one of those whom it accepts now, is newer than the last one (so that nobody puts an
// old one back), and leaves at least one signer (so that somebody can still update the device). It is taken
// whole or refused whole; nothing of it is read before its signature is verified.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/limits.hpp"
#include "firmware/vault/identity.hpp"
#include "firmware/vault/layer_keys.hpp"
#include "firmware/vault/trust_anchors.hpp"

namespace microvisor::firmware::manifest {

/// Numbers as in protocol/link.proto KeysError.
enum class KeysError : std::uint8_t {
  None = 0,
  Malformed = 1,
  UnknownSigner = 2,
  Signature = 3,
  Old = 4,
  OtherDevice = 5,
  TooMany = 6,
  NoneLeft = 7,
  BadKey = 8,
  Storage = 9,
  BadLayerKey = 10,
};

/// What follows from a change.
struct ChangedKeys {
  vault::TrustAnchors anchors;
  vault::LayerKeys layer_keys;
  bool erase = false;  ///< the device is to forget application and data
};

/// Checks `message` (bundle.proto NewKeys) and computes what follows from the keys in force; `next` is
/// written only if the result is None. Keys to be deleted that are not there, and to be added that are, do
/// not matter. Deletions come first. Keys to encrypted layers come encrypted to this device (`device`), with
/// its SID as associated data.
[[nodiscard]] KeysError check_new_keys(std::span<const std::uint8_t> message, const vault::Identity& device,
                                       const vault::TrustAnchors& anchors, const vault::LayerKeys& layer_keys,
                                       ChangedKeys& next);

}  // namespace microvisor::firmware::manifest
