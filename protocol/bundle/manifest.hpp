// Application manifests: made, signed, checked.
//
// A manifest travels in an envelope (envelope.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/bundle/envelope.hpp"

namespace microvisor::protocol {

inline constexpr std::uint32_t kFlashBytes = 0x10'0000;          ///< the application's internal flash
inline constexpr std::uint32_t kExternalFlashBytes = 60U << 20;  ///< the application's part
inline constexpr std::uint32_t kExternalSectorBytes = 4096;      ///< regions there consist of whole sectors
inline constexpr std::size_t kMaxManifestBytes = 2048;           ///< what a device accepts
inline constexpr std::size_t kMaxLayers = 16;                    ///< what a device accepts

/// Of an encrypted layer beyond its plain bytes: tag and encapsulated key, behind the ciphertext.
inline constexpr std::size_t kEncryptedLayerOverhead = 16 + 65;

inline constexpr std::size_t kDeviceSidBytes = 34;

/// What a developer can choose when bundling. Zero is the default of each.
struct BundleOptions {
  std::optional<PublicKey> debug_key;  ///< authorises and encrypts debug sessions
  std::uint32_t minimum_kernel_version = 0;
  std::uint32_t connection_grace_seconds = 0;
  std::uint32_t minimum_check_in_seconds = 0;
  std::uint32_t maximum_politeness_seconds = 0;
  std::string device_sid;              ///< for this device only; empty: for all
  bool compatibility_mode = false;     ///< the application's interrupts do not pre-empt background work
  std::optional<PublicKey> crash_key;  ///< crash reports are encrypted to it; without it there are none
  std::uint32_t crash_stack_bytes = 0;
  std::uint32_t minimum_restart_ms = 0;
  std::uint32_t maximum_restart_ms = 0;
};

/// What a bundle brings for the external flash. The region is as many whole sectors as the bytes take; what
/// is left of the last one reads back as 0xFF.
struct ExternalImage {
  std::uint32_t start = 0;  ///< offset in the application's part
  Bytes bytes;
};

enum class RegionKind : std::uint8_t { InternalFlash, ExternalFlash };

struct LayerInfo {
  RegionKind kind = RegionKind::InternalFlash;
  std::uint32_t start = 0;
  std::uint32_t size = 0;
  std::uint64_t encrypted_with = 0;  ///< key id; 0 is plaintext
  Hash fetch_hash{};
  Hash measurement_hash{};
  std::uint32_t layer_size = 0;  ///< as transferred; 0: not stated
};

/// A manifest that has passed every check that needs no layer.
struct ManifestInfo : Envelope {
  std::vector<LayerInfo> layers;
  BundleOptions policy;
};

/// The manifest of one plaintext layer that fills the application's flash, byte for byte as the public
/// bundler writes it, and one for each of `external`, all then with their sizes. `image` must be shorter than
/// kFlashBytes.
Bytes make_manifest(ByteView image, const BundleOptions& options,
                    std::span<const ExternalImage> external = {});

/// Parses and checks structure, limits, regions and keys (not signature, not layers).
Result<ManifestInfo> parse_manifest(ByteView manifest);

/// The same manifest with signer id and signature filled in; the body's bytes are kept as they are.
Result<Bytes> sign_manifest(ByteView manifest, const Signer& key);

}  // namespace microvisor::protocol
