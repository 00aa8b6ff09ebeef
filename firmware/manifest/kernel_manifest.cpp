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

/// The one layer that is the kernel. Other layers (boot stages) may stand beside it; two kernels may not.
ManifestError find_kernel_layer(const KernelBody& body, KernelManifest& out) {
  std::uint32_t found = 0;
  for (pb_size_t i = 0; i < body.layers_count; ++i) {
    const KernelLayerReference& layer = body.layers[i];
    if (layer.target != microvisor_bundle_KernelLayerRegion_Kernel) continue;
    if (layer.encrypted_with_key_id != 0) return ManifestError::EncryptedLayer;
    if (layer.fetch_hash.size != out.kernel_hash.size()) return ManifestError::BadLayer;
    std::copy_n(layer.fetch_hash.bytes, out.kernel_hash.size(), out.kernel_hash.begin());
    ++found;
  }
  return found == 1 ? ManifestError::None : ManifestError::WrongTarget;
}

ManifestError parse_body(std::span<const std::uint8_t> bytes, KernelManifest& out) {
  KernelBody body = microvisor_bundle_KernelManifest_KernelBody_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(bytes.data(), bytes.size());
  if (!pb_decode(&stream, microvisor_bundle_KernelManifest_KernelBody_fields, &body))
    return ManifestError::Malformed;
  if (!body.has_meta || body.meta.device_type != kDeviceType) return ManifestError::WrongDevice;
  KernelManifest result;
  const ManifestError error = find_kernel_layer(body, result);
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
  ManifestError error = split_envelope(bytes, envelope);
  if (error != ManifestError::None) return error;
  if (envelope.signer_id != crypto::manifest_key_id(vendor_key)) return ManifestError::UnknownSigner;
  crypto::Verdict signature = crypto::Verdict::Invalid;
  error = verify_envelope(envelope, vendor_key, signature);
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
