// Bundle manifests: from signed bytes to checked facts.
//
// The signature is verified over the body as it arrived, before the body is parsed; nothing of an unverified
// body is ever returned. A manifest is refused whole at the first thing that is wrong, unknown kinds of
// regions included. Signed are the 20 bytes "twlo-mv-manifest-v1\0" and then the body.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/crypto/crypto.hpp"
#include "firmware/limits.hpp"
#include "firmware/vault/trust_anchors.hpp"

namespace microvisor::firmware::manifest {

enum class ManifestError : std::uint8_t {
  None = 0,
  TooLarge,       // more than kMaximumManifestSize bytes
  Malformed,      // not a manifest, or a field of the wrong length
  Unsigned,       // no signer or no signature
  UnknownSigner,  // signer is not among the trust anchors, and as far as they remember has never been
  RemovedSigner,  // signer has been among them
  OtherDevice,    // for another device
  BadSignature,
  TooManyLayers,  // more than kMaximumLayers
  NoLayers,       // none for the internal flash
  BadLayer,       // no target, size 0, region beyond its memory, unaligned, or a hash of the wrong length
  OverlappingLayers,
  BadPolicy,     // a key that is no P-256 point, or restart times that contradict each other
  KernelTooOld,  // wants a newer kernel
  WrongDevice,   // kernel manifest for another device type
  WrongTarget,   // kernel manifest without exactly one kernel layer, or with two of another kind
  GateLayer,     // kernel manifest with a layer of gates (NSC) that is not empty: there are none
};

/// The memories of an application that an update writes.
enum class Medium : std::uint8_t {
  InternalFlash,  // bank 1
  ExternalFlash,  // the application's part of the NOR
};

struct Layer {
  std::uint64_t encrypted_with = 0;  // id of a layer key; 0: plaintext
  Medium medium = Medium::InternalFlash;
  std::uint32_t start = 0;  // offset in the medium; in bank 1 a multiple of 16, in the NOR one of 4096
  std::uint32_t size = 0;   // of the region, bytes; in the NOR a multiple of 4096
  crypto::Digest fetch_hash{};
  crypto::Digest measurement_hash{};
  std::uint32_t exact_size = 0;  // bytes, as it is fetched; 0: not stated

  /// The most that can be fetched for it.
  [[nodiscard]] std::uint32_t maximum_size() const {
    if (exact_size != 0) return exact_size;
    const std::uint32_t plain = size < kMaximumLayerSize ? size : kMaximumLayerSize;
    return plain + (encrypted_with != 0 ? kEncryptedLayerOverhead : 0);
  }
  /// The name under which its plain bytes are staged. A plain object is named by its hash, which is not known
  /// of what an encrypted layer has in it; that of the bytes filled up with 0xFF to padded_size() is.
  [[nodiscard]] const crypto::Digest& plain_name() const {
    return encrypted_with != 0 ? measurement_hash : fetch_hash;
  }
  [[nodiscard]] std::uint32_t padded_size() const { return encrypted_with != 0 ? size : 0; }
};

struct DebugPolicy {
  bool has_key = false;
  crypto::PublicKey key{};
};

struct CrashPolicy {
  std::uint32_t minimum_restart_ms = 0;
  std::uint32_t maximum_restart_ms = 0;
  bool has_report_key = false;
  crypto::PublicKey report_key{};
  std::uint32_t include_stack_bytes = 0;
};

struct ApplicationManifest {
  std::uint64_t signer_id = 0;
  std::uint32_t layer_count = 0;
  std::array<Layer, kMaximumLayers> layers{};
  DebugPolicy debug;
  CrashPolicy crash;
  std::uint32_t maximum_politeness_seconds = 0;
  std::uint32_t minimum_kernel_version = 0;
  std::uint32_t connection_grace_seconds = 0;
  std::uint32_t minimum_check_in_seconds = 0;
  bool compatibility_mode = false;
};

/// Checks `envelope` against the anchors, this device's SID and this kernel's version; fills `out` only when
/// the result is None.
[[nodiscard]] ManifestError check_application_manifest(std::span<const std::uint8_t> envelope,
                                                       const vault::TrustAnchors& anchors,
                                                       std::string_view device_sid,
                                                       std::uint32_t kernel_version,
                                                       ApplicationManifest& out);

/// Parses a manifest that was checked before and has been kept in the vault (no signature check).
[[nodiscard]] ManifestError parse_trusted_application_manifest(std::span<const std::uint8_t> envelope,
                                                               ApplicationManifest& out);

/// A layer of a release. Those with a boot stage have both of its copies (firmware/upgrader).
struct StageLayer {
  bool present = false;
  crypto::Digest hash{};             // of its plain bytes
  std::uint64_t encrypted_with = 0;  // id of the layer key; 0: it travels in the clear
  crypto::Digest fetch_hash{};       // of its bytes as they travel
};

struct KernelManifest {
  StageLayer kernel;  // always there
  StageLayer bootrom;
  StageLayer upgrader;
  std::uint32_t security_ratchet = 0;
  std::uint32_t version_number = 0;
  std::array<char, 32> version_string{};  // zero-terminated
};

inline constexpr std::uint32_t kDeviceType = 1;  // Imp201c

/// The same for the kernel's own manifest. Hardened: `verdict` is Valid only if the result is None and the
/// signature was verified; callers that decide what runs check both.
[[nodiscard]] ManifestError check_kernel_manifest(std::span<const std::uint8_t> envelope,
                                                  const crypto::PublicKey& vendor_key, KernelManifest& out,
                                                  crypto::Verdict& verdict);

/// Firmware of a module (docs/module-firmware.md).
struct ModuleManifest {
  std::array<char, 24> module{};  // its kind, zero-terminated
  std::uint32_t version = 0;
  std::uint32_t size = 0;  // bytes; 0: there is none
  crypto::Digest hash{};   // of the image
  bool may_replace_newer = false;
};

/// As check_kernel_manifest(). WrongDevice: it is no module's.
[[nodiscard]] ManifestError check_module_manifest(std::span<const std::uint8_t> envelope,
                                                  const crypto::PublicKey& vendor_key, ModuleManifest& out,
                                                  crypto::Verdict& verdict);

/// Parses a kernel manifest that was checked before (no signature check): a second reading, to compare.
[[nodiscard]] ManifestError parse_trusted_kernel_manifest(std::span<const std::uint8_t> envelope,
                                                          KernelManifest& out);

}  // namespace microvisor::firmware::manifest
