// The kernel's own manifest, as the bootrom checks it.
#include <pb_decode.h>

#include <algorithm>
#include <cstring>

#include "firmware/manifest/envelope.hpp"
#include "firmware/manifest/manifest.hpp"
#include "protocol/bundle.nanopb.h"

namespace microvisor::firmware::manifest {

namespace {

using KernelBody = microvisor_bundle_KernelManifest_KernelBody;
using KernelLayerReference = microvisor_bundle_KernelLayerReference;

/// What gates (veneers for non-secure calls) would be: this kernel has none, so a layer of them must be
/// empty.
ManifestError check_gates(const KernelLayerReference& layer) {
  static constexpr crypto::Digest kHashOfNothing{
      0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
      0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
  const auto& hash = layer.fetch_hash;
  const bool empty = hash.size == kHashOfNothing.size() &&
                     std::equal(kHashOfNothing.begin(), kHashOfNothing.end(), hash.bytes);
  return hash.size == 0 || empty ? ManifestError::None : ManifestError::GateLayer;
}

ManifestError take_layer(const KernelLayerReference& layer, StageLayer& out) {
  const bool encrypted = layer.encrypted_with_key_id != 0;
  const bool has_hashes = layer.fetch_hash.size == out.fetch_hash.size() &&
                          layer.plain_hash.size == (encrypted ? out.hash.size() : 0);
  if (!has_hashes) return ManifestError::BadLayer;
  if (out.present) return ManifestError::WrongTarget;
  std::copy_n(layer.fetch_hash.bytes, out.fetch_hash.size(), out.fetch_hash.begin());
  std::copy_n(encrypted ? layer.plain_hash.bytes : layer.fetch_hash.bytes, out.hash.size(), out.hash.begin());
  out.encrypted_with = layer.encrypted_with_key_id;
  out.present = true;
  return ManifestError::None;
}

/// Exactly one layer is the kernel; one of each boot stage may stand beside it.
ManifestError take_layers(const KernelBody& body, KernelManifest& out) {
  for (pb_size_t i = 0; i < body.layers_count; ++i) {
    const KernelLayerReference& layer = body.layers[i];
    ManifestError error = ManifestError::BadLayer;
    switch (layer.target) {
      case microvisor_bundle_KernelLayerRegion_Kernel: error = take_layer(layer, out.kernel); break;
      case microvisor_bundle_KernelLayerRegion_NSC: error = check_gates(layer); break;
      case microvisor_bundle_KernelLayerRegion_Boot: error = take_layer(layer, out.bootrom); break;
      case microvisor_bundle_KernelLayerRegion_Upgrader: error = take_layer(layer, out.upgrader); break;
      default: break;
    }
    if (error != ManifestError::None) return error;
  }
  return out.kernel.present ? ManifestError::None : ManifestError::WrongTarget;
}

ManifestError parse_body(std::span<const std::uint8_t> bytes, KernelManifest& out) {
  KernelBody body = microvisor_bundle_KernelManifest_KernelBody_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(bytes.data(), bytes.size());
  if (!pb_decode(&stream, microvisor_bundle_KernelManifest_KernelBody_fields, &body))
    return ManifestError::Malformed;
  if (!body.has_meta || body.meta.device_type != kDeviceType) return ManifestError::WrongDevice;
  KernelManifest result;
  const ManifestError error = take_layers(body, result);
  if (error != ManifestError::None) return error;
  result.security_ratchet = body.meta.version_security_ratchet;
  result.version_number = body.meta.version_number;
  static_assert(sizeof body.meta.version_string == sizeof result.version_string);
  std::memcpy(result.version_string.data(), body.meta.version_string, result.version_string.size() - 1);
  out = result;
  return ManifestError::None;
}

}  // namespace

ManifestError check_kernel_manifest(std::span<const std::uint8_t> bytes, const crypto::PublicKey& vendor_key,
                                    KernelManifest& out, crypto::Verdict& verdict) {
  verdict = crypto::Verdict::Invalid;
  Envelope envelope;
  crypto::Verdict signature = crypto::Verdict::Invalid;
  ManifestError error = open_vendors(bytes, vendor_key, envelope, signature);
  if (error != ManifestError::None) return error;
  error = parse_body(envelope.body, out);
  if (error == ManifestError::None) verdict = signature;
  return error;
}

ManifestError parse_trusted_kernel_manifest(std::span<const std::uint8_t> bytes, KernelManifest& out) {
  Envelope envelope;
  const ManifestError error = split_envelope(bytes, envelope);
  return error != ManifestError::None ? error : parse_body(envelope.body, out);
}

}  // namespace microvisor::firmware::manifest
