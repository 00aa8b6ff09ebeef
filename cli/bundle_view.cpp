#include "cli/bundle_view.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace microvisor::cli {

using nlohmann::json;

namespace {

json describe_layer(const protocol::LayerInfo& layer) {
  return {
      {"region", layer.kind == protocol::RegionKind::InternalFlash ? "internal_flash" : "external_flash"},
      {"start", layer.start},
      {"size", layer.size},
      {"encrypted_with", layer.encrypted_with == 0 ? json(nullptr) : json(key_id_text(layer.encrypted_with))},
      {"fetch_hash", protocol::to_hex(layer.fetch_hash)},
      {"measurement_hash", protocol::to_hex(layer.measurement_hash)},
      {"layer_size", layer.layer_size == 0 ? json(nullptr) : json(layer.layer_size)}};
}

json describe_policy(const protocol::BundleOptions& policy) {
  return {{"debug_auth_pubkey", policy.debug_key.has_value()},
          {"crash_report_pubkey", policy.crash_key.has_value()},
          {"crash_stack_bytes", policy.crash_stack_bytes},
          {"minimum_restart_ms", policy.minimum_restart_ms},
          {"maximum_restart_ms", policy.maximum_restart_ms},
          {"maximum_politeness_time_sec", policy.maximum_politeness_seconds},
          {"minimum_kernel_version", policy.minimum_kernel_version},
          {"connection_grace_time_sec", policy.connection_grace_seconds},
          {"minimum_check_in_time_sec", policy.minimum_check_in_seconds}};
}

}  // namespace

std::string key_id_text(std::uint64_t id) { return fmt::format("{:016x}", id); }

json describe_bundle(const protocol::Bundle& bundle) {
  json layers = json::array();
  for (const auto& layer : bundle.info.layers) layers.push_back(describe_layer(layer));
  return {{"hash", "sha256:" + protocol::to_hex(protocol::sha256(bundle.manifest))},
          {"signer_id", key_id_text(bundle.info.signer_id)},
          {"compatibility_mode", bundle.info.policy.compatibility_mode},
          {"policy", describe_policy(bundle.info.policy)},
          {"only_device", bundle.info.policy.device_sid},
          {"layers", layers}};
}

}  // namespace microvisor::cli
