// Manifests of applications: every limit and every rule the device insists on.
#include <pb_decode.h>

#include <algorithm>

#include "firmware/layout.hpp"
#include "firmware/manifest/decoded_body.hpp"
#include "firmware/manifest/envelope.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::manifest {

namespace {

using AppBody = microvisor_bundle_AppManifest_AppBody;
using AppLayerReference = microvisor_bundle_AppLayerReference;

template <typename BytesField>
bool copy_digest(const BytesField& field, crypto::Digest& out) {
  if (field.size != out.size()) return false;
  std::copy_n(field.bytes, out.size(), out.begin());
  return true;
}

/// An absent key is fine; one that is there must be a point of P-256.
template <typename BytesField>
ManifestError copy_key(const BytesField& field, bool& has_key, crypto::PublicKey& out) {
  has_key = field.size != 0;
  if (!has_key) return ManifestError::None;
  if (field.size != out.size()) return ManifestError::BadPolicy;
  std::copy_n(field.bytes, out.size(), out.begin());
  return crypto::is_p256_point(out) ? ManifestError::None : ManifestError::BadPolicy;
}

bool fits(const Layer& layer, std::uint32_t memory_size) {
  return layer.size != 0 && layer.start < memory_size && layer.size <= memory_size - layer.start;
}

/// In bank 1 a row can be programmed once only, so two layers never share one. In the NOR whole sectors are
/// erased, so a region that had only part of one would cost what the application keeps beside it.
ManifestError read_target(const microvisor_bundle_AppLayerRegion& from, Layer& to) {
  bool good = false;
  switch (from.which_where) {
    case microvisor_bundle_AppLayerRegion_internal_flash_tag:
      to.medium = Medium::InternalFlash;
      to.start = from.where.internal_flash.start;
      to.size = from.where.internal_flash.size;
      good = fits(to, kApplicationFlashSize) && to.start % storage::kRowSize == 0;
      break;
    case microvisor_bundle_AppLayerRegion_external_flash_tag:
      to.medium = Medium::ExternalFlash;
      to.start = from.where.external_flash.start;
      to.size = from.where.external_flash.size;
      good = fits(to, kApplicationNorSize) && (to.start | to.size) % storage::kNorSectorSize == 0;
      break;
    default: break;
  }
  return good ? ManifestError::None : ManifestError::BadLayer;
}

ManifestError read_layer(const AppLayerReference& from, Layer& to) {
  if (!from.has_target) return ManifestError::BadLayer;
  if (const ManifestError error = read_target(from.target, to); error != ManifestError::None) return error;
  if (!copy_digest(from.fetch_hash, to.fetch_hash)) return ManifestError::BadLayer;
  if (!copy_digest(from.measurement_hash, to.measurement_hash)) return ManifestError::BadLayer;
  to.encrypted_with = from.encrypted_with_key_id;
  const std::uint32_t limit = to.maximum_size();
  to.exact_size = from.layer_size;
  if (to.exact_size > limit) return ManifestError::BadLayer;
  return ManifestError::None;
}

bool overlaps(const Layer& a, const Layer& b) {
  const auto end = [](const Layer& layer) {
    return (layer.start + layer.size + storage::kRowSize - 1) & ~(storage::kRowSize - 1);
  };
  return a.medium == b.medium && a.start < end(b) && b.start < end(a);
}

ManifestError read_layers(const AppBody& body, ApplicationManifest& out) {
  if (body.layers_count == 0) return ManifestError::NoLayers;
  for (pb_size_t i = 0; i < body.layers_count; ++i) {
    const ManifestError error = read_layer(body.layers[i], out.layers[i]);
    if (error != ManifestError::None) return error;
    for (pb_size_t j = 0; j < i; ++j) {
      if (overlaps(out.layers[i], out.layers[j])) return ManifestError::OverlappingLayers;
    }
  }
  out.layer_count = body.layers_count;
  const auto end = out.layers.begin() + out.layer_count;
  const bool internal = std::any_of(out.layers.begin(), end,
                                    [](const Layer& layer) { return layer.medium == Medium::InternalFlash; });
  return internal ? ManifestError::None : ManifestError::NoLayers;
}

ManifestError read_policies(const AppBody& body, ApplicationManifest& out) {
  if (body.has_debug) {
    const ManifestError error = copy_key(body.debug.debug_auth_pubkey, out.debug.has_key, out.debug.key);
    if (error != ManifestError::None) return error;
  }
  if (body.has_crash) {
    out.crash.minimum_restart_ms = body.crash.minimum_restart_ms;
    out.crash.maximum_restart_ms = body.crash.maximum_restart_ms;
    out.crash.include_stack_bytes = body.crash.include_stack_bytes;
    const bool bounded = out.crash.maximum_restart_ms != 0;
    if (bounded && out.crash.maximum_restart_ms < out.crash.minimum_restart_ms)
      return ManifestError::BadPolicy;
    const ManifestError error =
        copy_key(body.crash.crash_report_pubkey, out.crash.has_report_key, out.crash.report_key);
    if (error != ManifestError::None) return error;
  }
  if (body.has_update) {
    out.maximum_politeness_seconds = body.update.maximum_politeness_time_sec;
    out.minimum_kernel_version = body.update.minimum_kernel_version;
  }
  if (body.has_connectivity) {
    out.connection_grace_seconds = body.connectivity.connection_grace_time_sec;
    out.minimum_check_in_seconds = body.connectivity.minimum_check_in_time_sec;
  }
  out.compatibility_mode = body.has_extensions && body.extensions.compatibility_mode;
  return ManifestError::None;
}

/// Counts the layers without decoding them, so that too many is told apart from malformed.
bool count_layers(std::span<const std::uint8_t> body, std::size_t& count) {
  pb_istream_t stream = pb_istream_from_buffer(body.data(), body.size());
  count = 0;
  while (stream.bytes_left != 0) {
    pb_wire_type_t type{};
    std::uint32_t tag = 0;
    bool end = false;
    if (!pb_decode_tag(&stream, &type, &tag, &end) || !pb_skip_field(&stream, type)) return false;
    if (tag == microvisor_bundle_AppManifest_AppBody_layers_tag) ++count;
  }
  return true;
}

ManifestError parse_body(const Envelope& envelope, ApplicationManifest& out) {
  AppBody& body = decoded_body.application;
  std::size_t layers = 0;
  if (!count_layers(envelope.body, layers)) return ManifestError::Malformed;
  if (layers > kMaximumLayers) return ManifestError::TooManyLayers;
  body = microvisor_bundle_AppManifest_AppBody_init_zero;
  static_assert(sizeof(body.layers) / sizeof(body.layers[0]) == kMaximumLayers);
  pb_istream_t stream = pb_istream_from_buffer(envelope.body.data(), envelope.body.size());
  if (!pb_decode(&stream, microvisor_bundle_AppManifest_AppBody_fields, &body))
    return ManifestError::Malformed;
  out.signer_id = envelope.signer_id;
  const ManifestError error = read_layers(body, out);
  return error != ManifestError::None ? error : read_policies(body, out);
}

}  // namespace

ManifestError check_application_manifest(std::span<const std::uint8_t> bytes,
                                         const vault::TrustAnchors& anchors, std::string_view device_sid,
                                         std::uint32_t kernel_version, ApplicationManifest& out) {
  Envelope envelope;
  ManifestError error = split_envelope(bytes, envelope);
  if (error != ManifestError::None) return error;
  if (envelope.signature.empty() || envelope.signer_id == 0) return ManifestError::Unsigned;
  const crypto::PublicKey* key = anchors.find(envelope.signer_id);
  if (key == nullptr) {
    return anchors.was_removed(envelope.signer_id) ? ManifestError::RemovedSigner
                                                   : ManifestError::UnknownSigner;
  }
  crypto::Verdict verdict = crypto::Verdict::Invalid;
  error = verify_envelope(envelope, *key, verdict);
  if (error != ManifestError::None || verdict != crypto::Verdict::Valid) return ManifestError::BadSignature;
  out = ApplicationManifest{};
  error = parse_body(envelope, out);
  const std::string_view addressee = decoded_body.application.extensions.device_sid;  // empty if absent
  if (error == ManifestError::None && !addressee.empty() && addressee != device_sid)
    error = ManifestError::OtherDevice;
  if (error == ManifestError::None && out.minimum_kernel_version > kernel_version)
    error = ManifestError::KernelTooOld;
  if (error != ManifestError::None) out = ApplicationManifest{};
  return error;
}

ManifestError parse_trusted_application_manifest(std::span<const std::uint8_t> bytes,
                                                 ApplicationManifest& out) {
  Envelope envelope;
  const ManifestError error = split_envelope(bytes, envelope);
  if (error != ManifestError::None) return error;
  out = ApplicationManifest{};
  return parse_body(envelope, out);
}

}  // namespace microvisor::firmware::manifest
