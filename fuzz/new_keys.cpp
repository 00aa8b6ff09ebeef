// Changes of keys as the device reads them: any bytes, and any bytes as the body of a message that is signed
// by somebody who counts. What is refused changes nothing; what is taken leaves somebody who can sign, and
// keys to encrypted layers that are keys.
#include "firmware/manifest/new_keys.hpp"

#include "firmware/crypto/crypto.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "fuzz/input.hpp"

namespace crypto = microvisor::firmware::crypto;
namespace manifest = microvisor::firmware::manifest;
namespace vault = microvisor::firmware::vault;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;

namespace {

constexpr std::uint64_t kSequence = 5;  // of the last change
constexpr std::array<std::uint8_t, 34> kSid = {'U', 'V', '0', '0', '1', '1', '2', '2', '3', '3', '4', '4',
                                               '5', '5', '6', '6', '7', '7', '8', '8', '9', '9', 'a', 'a',
                                               'b', 'b', 'c', 'c', 'd', 'd', 'e', 'e', 'f', 'f'};

const manifest::testing::SigningKey& owner() {
  static const manifest::testing::SigningKey key(0x11);
  return key;
}

vault::TrustAnchors current_anchors() {
  vault::TrustAnchors anchors;
  anchors.count = 1;
  anchors.manifest_signers[0] = owner().point;
  anchors.sequence = kSequence;
  return anchors;
}

const vault::Identity& device() {
  static const vault::Identity identity = [] {
    vault::Identity made;
    require(made.device_sid.assign(kSid));
    made.device_private_key.fill(0x12);
    return made;
  }();
  return identity;
}

/// Whether `keys` are what they say: private keys of P-256 under the ids of their points.
void check_layer_keys(const vault::LayerKeys& keys) {
  require(keys.count <= keys.keys.size());
  for (std::uint32_t i = 0; i < keys.count; ++i) {
    crypto::PublicKey point{};
    require(crypto::p256_public_key(keys.keys[i].secret, point));
    require(crypto::layer_key_id(point) == keys.keys[i].id);
  }
}

void check(std::span<const std::uint8_t> message) {
  manifest::ChangedKeys next{current_anchors(), {}, false};
  next.anchors.sequence = 77;  // so that it shows whether it was written
  const auto error = manifest::check_new_keys(message, device(), current_anchors(), {}, next);
  const vault::TrustAnchors& anchors = next.anchors;
  if (error != manifest::KeysError::None) {
    require(anchors.sequence == 77 && anchors.count == 1 && anchors.manifest_signers[0] == owner().point);
    require(next.layer_keys.count == 0 && !next.erase);
    return;
  }
  require(anchors.sequence > kSequence && anchors.count >= 1 &&
          anchors.count <= anchors.manifest_signers.size());
  for (std::uint32_t i = 0; i < anchors.count; ++i)
    require(crypto::is_p256_point(anchors.manifest_signers[i]));
  check_layer_keys(next.layer_keys);
}

/// An envelope (protocol/bundle/envelope.hpp) around any body.
manifest::testing::Bytes signed_message(std::span<const std::uint8_t> body) {
  manifest::testing::Message content;
  content.raw(body);
  return manifest::testing::sign(owner(), content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = (manifest::testing::initialise_crypto(), true);
  require(ready);
  Input input(data, size);
  const bool as_body = input.choose(4) != 0;
  if (as_body) {
    check(signed_message(input.rest()));
  } else {
    check(input.rest());
  }
  return 0;
}
