// A device's storage for tests of updates: memories, and on them a store and an updater that can be "switched
// on" anew.
#pragma once

#include <memory>
#include <vector>

#include "firmware/layout.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/storage/testing/flash_model.hpp"
#include "firmware/update/updater.hpp"

namespace microvisor::firmware::update::testing {

using manifest::testing::Bytes;
using manifest::testing::LayerFields;
using manifest::testing::SigningKey;
using storage::testing::FlashModel;
using storage::testing::NorModel;
using storage::testing::PowerSupply;

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
      if (crypto::sha256(layer.data) == name) return layer.data;
    }
    return {};
  }

  std::vector<LayerFields> layers;
  Bytes manifest;
  crypto::Digest hash{};
  Bytes flash;
};

/// A layer with contents that depend on `seed`, some of them blank rows.
inline LayerFields layer(std::uint32_t start, std::uint32_t region, std::size_t size, std::uint32_t seed) {
  LayerFields fields;
  fields.start = start;
  fields.size = region;
  fields.data.resize(size);
  std::uint32_t state = seed * 2654435761u + 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    fields.data[i] = i / 64 % 5 == 3 ? std::uint8_t{0xFF} : static_cast<std::uint8_t>(state >> 24);
  }
  return fields;
}

/// The same for the external flash.
inline LayerFields external_layer(std::uint32_t start, std::uint32_t region, std::size_t size,
                                  std::uint32_t seed) {
  LayerFields fields = layer(start, region, size, seed);
  fields.external = true;
  return fields;
}

/// One life between two resets.
struct Life {
  Life(FlashModel& flash_model, NorModel& nor_model)
      : flash(flash_model), store(flash), updater(flash, nor_model, store, staging_key, 1000) {
    store.seal_with(journal_key);
    mounted = store.mount() == vault::StoreStatus::Ok;
    updater.mount();
  }

  /// Fetches and stages `application` as the link does, 1000 bytes at a time. The first error, or None when
  /// Ready.
  UpdateError fetch(const Application& application) {
    if (!updater.begin(application.hash, owner_anchors(), true)) return updater.error();
    while (const std::optional<ObjectRequest> request = updater.next_object()) {
      const std::optional<std::uint32_t> offset = updater.open_object(*request);
      if (!offset) return updater.error();
      const Bytes object = application.object(request->hash);
      resumed_at = std::max(resumed_at, *offset);
      for (std::size_t at = *offset; at < object.size(); at += 1000) {
        const auto piece = std::span(object).subspan(at, std::min<std::size_t>(1000, object.size() - at));
        const UpdateError error = updater.write(piece);
        if (error != UpdateError::None) return error;
        fetched += piece.size();
      }
      const UpdateError error = updater.close_object();
      if (error != UpdateError::None) return error;
    }
    if (updater.phase() == Phase::Failed) return updater.error();
    return updater.mark_ready();
  }

  const crypto::SealingKey staging_key = crypto::device_key(crypto::KeyUse::Staging);
  const crypto::SealingKey journal_key = crypto::device_key(crypto::KeyUse::Journal);
  FlashModel& flash;
  vault::Store store;
  Updater updater;
  bool mounted = false;
  std::size_t fetched = 0;
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

}  // namespace microvisor::firmware::update::testing
