#include "firmware/upgrader/release.hpp"

#include <array>

#include "firmware/image_entry.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::upgrader {

namespace {

using manifest::ManifestError;
using update::Staging;
using update::UpdateError;

/// Whether the two words at `offset` of the object begin an image of `size` bytes at `begin`.
bool entry_inside(Staging& staging, const crypto::Digest& layer, std::uint32_t offset, std::uint32_t begin,
                  std::uint32_t size) {
  std::array<std::uint8_t, 8> words{};
  if (staging.read(layer, offset, words) != update::StagingStatus::Ok) return false;
  return is_image_entry(storage::get32(words, 0), storage::get32(words, 4), begin, begin + size);
}

UpdateError check_stage(Staging& staging, const crypto::Digest& layer, const StagePlaces& places) {
  const std::uint32_t size = staging.size_of(layer).value_or(0);
  const std::uint32_t half = size / 2;
  if (half < storage::kRowSize || size % (2 * storage::kRowSize) != 0 || half > places.a.size())
    return UpdateError::LayerSize;
  const bool good = entry_inside(staging, layer, 0, places.a.address(), half) &&
                    entry_inside(staging, layer, half, places.b.address(), half);
  return good ? UpdateError::None : UpdateError::LayerContent;
}

UpdateError check_kernel_layer(Staging& staging, const crypto::Digest& layer) {
  const std::uint32_t size = staging.size_of(layer).value_or(0);
  if (size < storage::kRowSize || size > kKernelMaximumSize) return UpdateError::LayerSize;
  const bool good = entry_inside(staging, layer, 0, kKernel.address(), size);
  return good ? UpdateError::None : UpdateError::LayerContent;
}

}  // namespace

std::array<ReleaseLayer, 3> layers_of(const manifest::KernelManifest& manifest) {
  return {{{manifest.kernel, nullptr, kKernelMaximumSize},
           {manifest.bootrom, &kBootromPlaces, kMaximumStageLayer},
           {manifest.upgrader, &kUpgraderPlaces, kMaximumStageLayer}}};
}

UpdateError error_of(ManifestError error) {
  switch (error) {
    case ManifestError::None: return UpdateError::None;
    case ManifestError::Unsigned:
    case ManifestError::UnknownSigner: return UpdateError::KernelSigner;
    case ManifestError::BadSignature: return UpdateError::Signature;
    case ManifestError::WrongDevice: return UpdateError::WrongDevice;
    case ManifestError::GateLayer: return UpdateError::GateLayer;
    default: return UpdateError::Manifest;
  }
}

UpdateError check_layers(Staging& staging, const manifest::KernelManifest& manifest) {
  for (const ReleaseLayer& each : layers_of(manifest)) {
    if (!each.layer.present) continue;
    UpdateError error = update::error_of(staging.verify(each.layer.hash));
    if (error == UpdateError::None) {
      error = each.places == nullptr ? check_kernel_layer(staging, each.layer.hash)
                                     : check_stage(staging, each.layer.hash, *each.places);
    }
    if (error != UpdateError::None) return error;
  }
  return UpdateError::None;
}

}  // namespace microvisor::firmware::upgrader
