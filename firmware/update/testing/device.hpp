// A device for tests of updates of its application: on its memories an updater that can be "switched on"
// anew, and applications for it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/update/testing/memories.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/vault/layer_keys.hpp"
#include "protocol/bundle/layer_encryption.hpp"
#include "protocol/transfer/encoder.hpp"

namespace microvisor::firmware::update::testing {

using manifest::testing::Bytes;
using manifest::testing::LayerFields;
using manifest::testing::SigningKey;

inline const SigningKey& owner_key() {
  static const SigningKey key(0x11);
  return key;
}

inline const vault::TrustAnchors& owner_anchors() {
  static const vault::TrustAnchors anchors = [] {
    vault::TrustAnchors value;
    value.count = 1;
    value.manifest_signers[0] = owner_key().point;
    return value;
  }();
  return anchors;
}

/// An application as the cloud has it: signed manifest, layers, and what bank 1 looks like when it is
/// installed. Layers for the external flash: see external_flash_holds().
struct Application {
  explicit Application(std::vector<LayerFields> fields) : layers(std::move(fields)) {
    manifest::testing::initialise_crypto();
    manifest = manifest::testing::application_manifest(owner_key(), layers);
    hash = crypto::sha256(manifest);
    flash.assign(kApplicationFlashSize, 0xFF);
    for (const LayerFields& layer : layers) {
      if (layer.external) continue;
      std::copy(layer.data.begin(), layer.data.end(),
                flash.begin() + static_cast<std::ptrdiff_t>(layer.start));
    }
  }
  /// The bytes of an object by its hash; empty if the application has none such.
  [[nodiscard]] Bytes object(const crypto::Digest& name) const {
    if (name == hash) return manifest;
    for (const LayerFields& layer : layers) {
      if (crypto::sha256(layer.fetched()) == name) return layer.fetched();
    }
    return {};
  }
  /// What bank 1 holds from `offset` up to the end of the last layer's data.
  [[nodiscard]] Bytes image_from(std::size_t offset) const {
    std::size_t extent = 0;
    for (const LayerFields& layer : layers) {
      if (!layer.external) extent = std::max(extent, layer.start + layer.data.size());
    }
    if (offset >= extent) return {};
    return {flash.begin() + static_cast<std::ptrdiff_t>(offset),
            flash.begin() + static_cast<std::ptrdiff_t>(extent)};
  }

  std::vector<LayerFields> layers;
  Bytes manifest;
  crypto::Digest hash{};
  Bytes flash;
};

/// A layer with varied_bytes() in it.
inline LayerFields layer(std::uint32_t start, std::uint32_t region, std::size_t size, std::uint32_t seed) {
  LayerFields fields;
  fields.start = start;
  fields.size = region;
  fields.data = varied_bytes(size, seed);
  return fields;
}

/// The same for the external flash.
inline LayerFields external_layer(std::uint32_t start, std::uint32_t region, std::size_t size,
                                  std::uint32_t seed) {
  LayerFields fields = layer(start, region, size, seed);
  fields.external = true;
  return fields;
}

/// The key that encrypted layers in tests are encrypted to.
inline const SigningKey& layer_key() {
  static const SigningKey key(0x21);
  return key;
}

/// The same layer, encrypted.
inline LayerFields encrypted(LayerFields fields) {
  fields.sealed = protocol::encrypt_layer(fields.data, layer_key().point);
  fields.encrypted_with = crypto::layer_key_id(layer_key().point);
  fields.stated_size = static_cast<std::uint32_t>(fields.sealed.size());
  return fields;
}

/// Gives the device that key, as a change of keys does, or takes it away.
inline void set_layer_key(vault::Store& store, bool there) {
  vault::LayerKeys keys;
  if (there) {
    EXPECT_TRUE(keys.add({crypto::layer_key_id(layer_key().point), layer_key().secret}));
  }
  EXPECT_TRUE(vault::write_layer_keys(store, {}, owner_anchors().sequence, keys));
}

/// The same layer of a later version: bytes inserted in the middle, and every thousandth one changed.
inline LayerFields later_version(LayerFields fields) {
  for (std::size_t i = 500; i < fields.data.size(); i += 1000) fields.data[i] ^= 0x5A;
  const LayerFields inserted = layer(0, 0, 300, 77);
  fields.data.insert(fields.data.begin() + static_cast<std::ptrdiff_t>(fields.data.size() / 2),
                     inserted.data.begin(), inserted.data.end());
  return fields;
}

/// How a gateway sends the rest of an object from an offset on: the encoding, or nothing for its own bytes.
using Encode = std::function<Bytes(const ObjectRequest& request, const Bytes& object, std::uint32_t offset)>;

/// A gateway that believes devices run `old`. Makes each encoding once.
inline Encode against(const Application& old) {
  auto made = std::make_shared<std::map<crypto::Digest, protocol::transfer::Encoding>>();
  return [&old, made](const ObjectRequest& request, const Bytes& object, std::uint32_t offset) {
    auto found = made->find(request.hash);
    if (found == made->end()) {
      const Bytes base =
          request.base.bytes.empty() ? Bytes{} : old.image_from(request.base.address - kApplicationFlash);
      found =
          made->emplace(request.hash, protocol::transfer::encode(object, {base, request.base.address})).first;
    }
    return found->second.stream(offset / protocol::transfer::kSegmentBytes);
  };
}

/// One life between two resets.
struct Life : OpenedVault {
  explicit Life(Memories& device) : Life(device.flash, device.nor) {}
  /// With another memory than the device's own.
  Life(FlashModel& flash, NorModel& nor) : OpenedVault(flash), updater(flash, nor, store, staging_key, 1000) {
    updater.mount();
  }

  /// Fetches and stages `application` as the link does, 1000 bytes at a time. The first error, or None when
  /// Ready.
  UpdateError fetch(const Application& application) {
    (void)updater.check_application();  // as at each start
    if (!updater.begin(application.hash, owner_anchors(), true)) return updater.error();
    while (const std::optional<ObjectRequest> request = updater.next_object()) {
      const UpdateError error = fetch_object(application, *request);
      const bool anew = updater.phase() == Phase::Fetching && error == UpdateError::Hash;
      if (error != UpdateError::None && !anew) return error;
    }
    if (updater.phase() == Phase::Failed) return updater.error();
    return updater.mark_ready();
  }

  UpdateError fetch_object(const Application& application, const ObjectRequest& request) {
    const std::optional<std::uint32_t> offset = updater.open_object(request);
    if (!offset) return updater.error();
    resumed_at = std::max(resumed_at, *offset);
    const Bytes object = application.object(request.hash);
    Bytes stream;
    if (encode && request.accepts_encodings) stream = encode(request, object, *offset);
    if (stream.empty()) {
      stream.assign(object.begin() + *offset, object.end());
    } else {
      EXPECT_TRUE(updater.begin_encoding(protocol::transfer::kFormatVersion));
      ++encodings;
    }
    for (std::size_t at = 0; at < stream.size(); at += 1000) {
      const auto piece = std::span(stream).subspan(at, std::min<std::size_t>(1000, stream.size() - at));
      const UpdateError error = updater.write(piece);
      if (error != UpdateError::None) return error;
      fetched += piece.size();
    }
    return updater.close_object();
  }

  Updater updater;
  Encode encode{};          // empty: objects come as they are
  std::size_t fetched = 0;  // bytes, of what travelled
  unsigned encodings = 0;   // that were begun
  std::uint32_t resumed_at = 0;
};

inline bool bank_holds(FlashModel& flash, const Application& application) {
  const auto bank = flash.bytes(kApplicationFlash, kApplicationFlashSize);
  return std::equal(bank.begin(), bank.end(), application.flash.begin());
}

/// Whether the regions of the external flash that the application's manifest names read back as it says.
inline bool external_flash_holds(NorModel& nor, const Application& application) {
  for (const LayerFields& layer : application.layers) {
    if (!layer.external) continue;
    Bytes expected = layer.data;
    expected.resize(layer.size, 0xFF);
    const auto region = nor.bytes().subspan(kApplicationNor + layer.start, layer.size);
    if (!std::equal(region.begin(), region.end(), expected.begin())) return false;
  }
  return true;
}

/// Installs `application` from nothing on healthy memories.
inline bool install(FlashModel& flash, NorModel& nor, const Application& application) {
  if (Life(flash, nor).fetch(application) != UpdateError::None) return false;
  Life life(flash, nor);
  return life.updater.install_pending() == UpdateError::None && bank_holds(flash, application) &&
         external_flash_holds(nor, application);
}
inline bool install(Memories& device, const Application& application) {
  return install(device.flash, device.nor, application);
}

}  // namespace microvisor::firmware::update::testing
