// What a release of Microvisor consists of, and whether what is staged of it is what belongs there: asked by
// the kernel, so that a bad one costs no reset, and again by the upgrader, which trusts no kernel.
#pragma once

#include "firmware/layout.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/boot_record.hpp"

namespace microvisor::firmware::upgrader {

/// Where the two copies of a boot stage stand.
struct StagePlaces {
  Pages a;
  Pages b;
  [[nodiscard]] constexpr Pages of(vault::Copy copy) const { return copy == vault::Copy::A ? a : b; }
};
inline constexpr StagePlaces kBootromPlaces{kBootromA, kBootromB};
inline constexpr StagePlaces kUpgraderPlaces{kUpgraderA, kUpgraderB};

/// A layer with a boot stage holds both copies, because they are linked for different addresses: the first
/// half of its bytes belongs at the start of A's pages, the second at the start of B's; the rest stays blank.
inline constexpr std::uint32_t kMaximumStageLayer = kBootromA.size() + kBootromB.size();

/// A layer of a release.
struct ReleaseLayer {
  manifest::StageLayer layer;
  const StagePlaces* places;   // null: the kernel
  std::uint32_t maximum_size;  // bytes
};
[[nodiscard]] std::array<ReleaseLayer, 3> layers_of(const manifest::KernelManifest& manifest);

/// What an update fails with because of its manifest.
[[nodiscard]] update::UpdateError error_of(manifest::ManifestError error);

/// Whether each layer is staged whole, and begins and ends like what belongs in its place: Hash, Storage,
/// LayerSize, LayerContent, OldStaging.
[[nodiscard]] update::UpdateError check_layers(update::Staging& staging,
                                               const manifest::KernelManifest& manifest);

}  // namespace microvisor::firmware::upgrader
