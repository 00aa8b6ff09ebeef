// Bundles: the zip archives in which applications travel from developer to cloud and to the factory.
//
// read_bundle() is the one gate every bundle passes, in the cloud and in the command: what it returns is
// whole and consistent. It never inflates an entry further than the limit and never follows an entry's name.
#pragma once

#include <vector>

#include "protocol/bundle/manifest.hpp"

namespace microvisor::protocol {

inline constexpr std::size_t kMaxBundleBytes = 64U << 20;
inline constexpr std::size_t kMaxEntryBytes = kFlashBytes + 1;  ///< inflated
inline constexpr std::size_t kMaxEntries = 256;
/// Of all layers together: so much a device can stage, wherever in its staging area they come to lie.
inline constexpr std::size_t kMaxLayerBytes = 2816U << 10;

struct Layer {
  Hash hash{};
  Bytes bytes;
};

struct Bundle {
  Bytes manifest;  ///< the entry as it stands
  ManifestInfo info;
  std::vector<Layer> layers;  ///< each object once, in the order of the manifest
};

/// Reads and checks a bundle completely.
Result<Bundle> read_bundle(ByteView zip);

/// Refuses layers that have more than kMaxLayerBytes together.
Result<void> check_size(const std::vector<Layer>& layers);

/// The zip archive: layers first, `manifest` last, DEFLATE, the same bytes for the same input.
Bytes write_bundle(const Bundle& bundle);

/// An unsigned bundle of a flash image (see elf_to_image()) and what goes into the external flash, which is
/// cut into layers of at most 256 KiB: an interrupted download costs no more than one of them.
Result<Bundle> make_bundle(ByteView image, const BundleOptions& options,
                           std::span<const ExternalImage> external = {});

/// The bundle with its manifest signed by `key`.
Result<Bundle> sign_bundle(Bundle bundle, const Signer& key);

}  // namespace microvisor::protocol
