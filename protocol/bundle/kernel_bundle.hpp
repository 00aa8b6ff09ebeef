// Releases of Microvisor itself: bundles whose manifest is a KernelManifest (protocol/bundle.proto), signed
// by the vendor's key.
//
// What read_kernel_bundle() returns is whole: signed by somebody, and each layer is what the manifest says.
// Who has signed it, for which devices it is and whether they may run it is for them to judge.
#pragma once

#include <optional>
#include <vector>

#include "protocol/bundle/bundle.hpp"

namespace microvisor::protocol {

inline constexpr std::size_t kMaxKernelManifestBytes = 1008;  ///< what a device has room for

/// Pages of one copy of a boot stage, on the device: what is not its image is blank (docs/boot.md).
inline constexpr std::size_t kBootStagePlace = 32 * 1024;

struct KernelInfo : Envelope {
  std::string version;
  std::uint32_t version_number = 0;
  std::uint32_t security_ratchet = 0;
  std::uint32_t device_type = 0;
  std::vector<Hash> layers;  ///< those that are not empty, each once
  // By what it is for, SHA-256 of the plain bytes.
  std::optional<Hash> kernel;
  std::optional<Hash> bootrom;
  std::optional<Hash> upgrader;
};

struct KernelBundle {
  Bytes manifest;  ///< the entry as it stands
  KernelInfo info;
  std::vector<Layer> layers;
};

/// The release with every layer that travels in the clear encrypted to `layer_key` (layer_encryption.hpp),
/// signed by `vendor`.
Result<KernelBundle> encrypt_kernel_bundle(const KernelBundle& release, const PublicKey& layer_key,
                                           const Signer& vendor);

/// The zip archive: layers first, `manifest` last.
Bytes write_kernel_bundle(const KernelBundle& release);

/// Parses and checks the structure (not the signature, not the layers).
Result<KernelInfo> parse_kernel_manifest(ByteView manifest);

/// Reads and checks a release completely.
Result<KernelBundle> read_kernel_bundle(ByteView zip);

/// What a device measures of a boot stage that has taken a layer: SHA-256 of the pages of copy A and of B.
/// Empty for a layer that holds no two copies.
std::vector<Hash> boot_stage_measurements(ByteView layer);

}  // namespace microvisor::protocol
