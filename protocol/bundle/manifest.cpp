// Manifest making and checking. The order of checks is that of the message: envelope, body, layers, policies.
#include "protocol/bundle/manifest.hpp"

#include <algorithm>
#include <string>

#include "protocol/bundle.pb.h"

namespace microvisor::protocol {
namespace {

Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

std::string layer_name(int index) { return "layer " + std::to_string(index); }

Result<Hash> read_hash(const std::string& bytes, const std::string& what) {
  if (bytes.size() != 32) {
    return refuse(Refusal::BadHashLength, what + " has " + std::to_string(bytes.size()) + " bytes, not 32");
  }
  Hash hash;
  std::copy_n(as_bytes(bytes).begin(), hash.size(), hash.begin());
  return hash;
}

Result<void> read_region(const bundle::AppLayerRegion& region, const std::string& name, LayerInfo& layer) {
  std::uint32_t limit = 0;
  switch (region.where_case()) {
    case bundle::AppLayerRegion::kInternalFlash:
      layer.kind = RegionKind::InternalFlash;
      layer.start = region.internal_flash().start();
      layer.size = region.internal_flash().size();
      limit = kFlashBytes;
      break;
    case bundle::AppLayerRegion::kExternalFlash:
      layer.kind = RegionKind::ExternalFlash;
      layer.start = region.external_flash().start();
      layer.size = region.external_flash().size();
      limit = kExternalFlashBytes;
      break;
    default: return refuse(Refusal::LayerWithoutTarget, name + " has no target region");
  }
  if (layer.size == 0) return refuse(Refusal::EmptyRegion, name + " has a target region of size 0");
  if (layer.start > limit || layer.size > limit - layer.start) {
    return refuse(Refusal::RegionOutOfRange, name + " reaches beyond the application's flash");
  }
  if (layer.kind == RegionKind::ExternalFlash && (layer.start | layer.size) % kExternalSectorBytes != 0) {
    return refuse(Refusal::RegionUnaligned, name + " does not consist of whole sectors of 4096 bytes");
  }
  return {};
}

Result<LayerInfo> read_layer(const bundle::AppLayerReference& reference, int index) {
  LayerInfo layer;
  const std::string name = layer_name(index);
  if (auto region = read_region(reference.target(), name, layer); !region)
    return tl::unexpected(region.error());
  layer.encrypted_with = reference.encrypted_with_key_id();
  const auto fetch = read_hash(reference.fetch_hash(), "fetch_hash of " + name);
  if (!fetch) return tl::unexpected(fetch.error());
  layer.fetch_hash = *fetch;
  const auto measurement = read_hash(reference.measurement_hash(), "measurement_hash of " + name);
  if (!measurement) return tl::unexpected(measurement.error());
  layer.measurement_hash = *measurement;
  layer.layer_size = reference.layer_size();
  const std::size_t overhead = layer.encrypted_with != 0 ? kEncryptedLayerOverhead : 0;
  if (layer.layer_size > layer.size + overhead)
    return refuse(Refusal::LayerTooLarge, name + " states a size beyond its region");
  return layer;
}

bool overlap(const LayerInfo& a, const LayerInfo& b) {
  return a.kind == b.kind && a.start < b.start + b.size && b.start < a.start + a.size;
}

Result<std::vector<LayerInfo>> read_layers(const bundle::AppManifest::AppBody& body) {
  if (body.layers_size() == 0) return refuse(Refusal::NoLayer, "the manifest lists no layer");
  if (body.layers_size() > static_cast<int>(kMaxLayers)) {
    return refuse(Refusal::TooManyLayers, "the manifest lists " + std::to_string(body.layers_size()) +
                                              " layers, at most " + std::to_string(kMaxLayers) +
                                              " are allowed");
  }
  std::vector<LayerInfo> layers;
  for (int i = 0; i < body.layers_size(); ++i) {
    const auto layer = read_layer(body.layers(i), i);
    if (!layer) return tl::unexpected(layer.error());
    for (std::size_t other = 0; other < layers.size(); ++other) {
      if (overlap(layers[other], *layer)) {
        return refuse(Refusal::RegionsOverlap,
                      "layers " + std::to_string(other) + " and " + std::to_string(i) + " overlap");
      }
    }
    layers.push_back(*layer);
  }
  if (std::none_of(layers.begin(), layers.end(),
                   [](const LayerInfo& layer) { return layer.kind == RegionKind::InternalFlash; })) {
    return refuse(Refusal::NoLayer, "the manifest lists no layer for the internal flash");
  }
  return layers;
}

Result<BundleOptions> read_policy(const bundle::AppManifest::AppBody& body) {
  BundleOptions policy;
  if (body.extensions().device_sid().size() > kDeviceSidBytes)
    return refuse(Refusal::ManifestMalformed, "the manifest is for a device whose SID is too long");
  const std::string& debug = body.debug().debug_auth_pubkey();
  if (!debug.empty()) {
    if (!is_p256_point(as_bytes(debug)))
      return refuse(Refusal::BadDebugKey, "the debug key is not a point of P-256");
    policy.debug_key.emplace();
    std::copy_n(as_bytes(debug).begin(), policy.debug_key->size(), policy.debug_key->begin());
  }
  const std::string& crash = body.crash().crash_report_pubkey();
  if (!crash.empty() && !is_p256_point(as_bytes(crash))) {
    return refuse(Refusal::BadCrashKey, "the crash report key is not a point of P-256");
  }
  if (!crash.empty()) {
    policy.crash_key.emplace();
    std::copy_n(as_bytes(crash).begin(), policy.crash_key->size(), policy.crash_key->begin());
  }
  policy.crash_stack_bytes = body.crash().include_stack_bytes();
  policy.minimum_restart_ms = body.crash().minimum_restart_ms();
  policy.maximum_restart_ms = body.crash().maximum_restart_ms();
  if (policy.maximum_restart_ms != 0 && policy.maximum_restart_ms < policy.minimum_restart_ms) {
    return refuse(Refusal::ManifestMalformed, "the maximum restart time is below the minimum");
  }
  policy.minimum_kernel_version = body.update().minimum_kernel_version();
  policy.maximum_politeness_seconds = body.update().maximum_politeness_time_sec();
  policy.connection_grace_seconds = body.connectivity().connection_grace_time_sec();
  policy.minimum_check_in_seconds = body.connectivity().minimum_check_in_time_sec();
  policy.device_sid = body.extensions().device_sid();
  policy.compatibility_mode = body.extensions().compatibility_mode();
  return policy;
}

Result<ManifestInfo> open_manifest(ByteView manifest) {
  if (manifest.size() > kMaxManifestBytes) {
    return refuse(Refusal::ManifestTooLarge, "the manifest has " + std::to_string(manifest.size()) +
                                                 " bytes, at most " + std::to_string(kMaxManifestBytes) +
                                                 " are allowed");
  }
  auto envelope = read_envelope(manifest, "manifest");
  if (!envelope) return tl::unexpected(envelope.error());
  ManifestInfo info;
  static_cast<Envelope&>(info) = std::move(*envelope);
  return info;
}

void set_hashes(bundle::AppLayerReference& layer, ByteView bytes, std::uint32_t region_size) {
  const Hash fetch = sha256(bytes);
  const Hash measurement = sha256_padded(bytes, region_size);
  layer.set_fetch_hash(fetch.data(), fetch.size());
  layer.set_measurement_hash(measurement.data(), measurement.size());
}

/// Absent, as the public bundler leaves it, unless there is something to say.
void add_crash_settings(bundle::AppManifest::AppBody& body, const BundleOptions& options) {
  if (!options.crash_key && options.crash_stack_bytes == 0 && options.minimum_restart_ms == 0 &&
      options.maximum_restart_ms == 0)
    return;
  auto* crash = body.mutable_crash();
  crash->set_minimum_restart_ms(options.minimum_restart_ms);
  crash->set_maximum_restart_ms(options.maximum_restart_ms);
  if (options.crash_key) crash->set_crash_report_pubkey(options.crash_key->data(), options.crash_key->size());
  crash->set_include_stack_bytes(options.crash_stack_bytes);
}

}  // namespace

Bytes make_manifest(ByteView image, const BundleOptions& options, std::span<const ExternalImage> external) {
  bundle::AppManifest::AppBody body;
  auto* layer = body.add_layers();
  layer->mutable_target()->mutable_internal_flash()->set_size(kFlashBytes);
  set_hashes(*layer, image, kFlashBytes);
  // The public bundler states no size, and what it could have written is written as it does.
  if (!external.empty()) layer->set_layer_size(static_cast<std::uint32_t>(image.size()));
  for (const ExternalImage& piece : external) {
    const auto sectors = (piece.bytes.size() + kExternalSectorBytes - 1) / kExternalSectorBytes;
    const auto size = static_cast<std::uint32_t>(sectors * kExternalSectorBytes);
    layer = body.add_layers();
    auto* region = layer->mutable_target()->mutable_external_flash();
    region->set_start(piece.start);
    region->set_size(size);
    set_hashes(*layer, piece.bytes, size);
    layer->set_layer_size(static_cast<std::uint32_t>(piece.bytes.size()));
  }
  if (options.debug_key) {
    body.mutable_debug()->set_debug_auth_pubkey(options.debug_key->data(), options.debug_key->size());
  }
  add_crash_settings(body, options);
  // Both stand in the manifest even when everything in them is zero.
  auto* update = body.mutable_update();
  update->set_maximum_politeness_time_sec(options.maximum_politeness_seconds);
  update->set_minimum_kernel_version(options.minimum_kernel_version);
  auto* connectivity = body.mutable_connectivity();
  connectivity->set_connection_grace_time_sec(options.connection_grace_seconds);
  connectivity->set_minimum_check_in_time_sec(options.minimum_check_in_seconds);
  if (options.compatibility_mode) body.mutable_extensions()->set_compatibility_mode(true);
  if (!options.device_sid.empty()) body.mutable_extensions()->set_device_sid(options.device_sid);

  bundle::OpaqueManifest envelope;
  envelope.set_body(body.SerializeAsString());
  return to_bytes(envelope.SerializeAsString());
}

Result<ManifestInfo> parse_manifest(ByteView manifest) {
  auto info = open_manifest(manifest);
  if (!info) return info;
  bundle::AppManifest::AppBody body;
  if (!body.ParseFromArray(info->body.data(), static_cast<int>(info->body.size()))) {
    return refuse(Refusal::ManifestMalformed, "the manifest's body cannot be read");
  }
  auto layers = read_layers(body);
  if (!layers) return tl::unexpected(layers.error());
  info->layers = std::move(*layers);
  auto policy = read_policy(body);
  if (!policy) return tl::unexpected(policy.error());
  info->policy = *policy;
  return info;
}

Result<Bytes> sign_manifest(ByteView manifest, const Signer& key) {
  const auto info = parse_manifest(manifest);
  if (!info) return tl::unexpected(info.error());
  Bytes result = sign_envelope(info->body, key);
  if (result.size() > kMaxManifestBytes) {
    return refuse(Refusal::ManifestTooLarge, "the signed manifest would be larger than devices accept");
  }
  return result;
}

}  // namespace microvisor::protocol
