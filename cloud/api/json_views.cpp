// The order of properties is that of the published description.
#include "cloud/api/json_views.hpp"

#include "cloud/api/json_body.hpp"

#include <nlohmann/json.hpp>

#include "cloud/gateway/gateway.hpp"
#include "protocol/link/attestation.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }
Json date_or_null(const std::optional<Timestamp>& date) {
  return date ? Json(iso_seconds(*date)) : Json(nullptr);
}
std::string hash_text(const protocol::Hash& hash) { return "sha256:" + protocol::to_hex(hash); }

const char* status_text(UpdateStatus status) {
  switch (status) {
    case UpdateStatus::Pending: return "pending";
    case UpdateStatus::Error: return "error";
    default: return "up-to-date";
  }
}

Json view_assignment(const Device& device) {
  Json app;
  app["target_sid"] = text_or_null(device.target_sid);
  app["target_hash"] = device.target_hash ? Json(hash_text(*device.target_hash)) : Json(nullptr);
  app["date_targeted"] = date_or_null(device.targeted);
  app["update_status"] = status_text(device.status);
  app["update_error_code"] = device.error_code;
  app["reported_sid"] = text_or_null(device.reported_sid);
  app["date_reported"] = date_or_null(device.reported);
  return app;
}

using Known = std::map<protocol::Hash, std::string>;

Json view_measurement(const protocol::Hash& digest, const Known& known) {
  const auto found = known.find(digest);
  Json view;
  view["sha256"] = protocol::to_hex(digest);
  view["known_as"] = found == known.end() ? Json(nullptr) : Json(found->second);
  return view;
}

/// The last statement that was verified.
Json view_statement(const protocol::AttestationStatement& statement, const Known& known,
                    const std::optional<std::string>& app_sid) {
  const protocol::BootEvidence& boot = statement.boot;
  Json view;
  view["kernel_version_number"] = boot.kernel_version;
  view["security_ratchet"] = boot.ratchet;
  view["kernel_security_ratchet"] = boot.kernel_ratchet;
  view["boot_record"] = boot.record;
  view["reset_cause"] = boot.reset_cause;
  view["bootrom"] = view_measurement(boot.bootrom, known);
  view["upgrader"] = view_measurement(boot.upgrader, known);
  view["kernel"] = view_measurement(boot.kernel, known);
  view["kernel_manifest"] = view_measurement(boot.kernel_manifest, known);
  const bool any = statement.application != protocol::Hash{};
  view["application"]["hash"] = any ? Json(hash_text(statement.application)) : Json(nullptr);
  view["application"]["sid"] = text_or_null(app_sid);
  return view;
}

const char* attestation_status(const AttestationRecord& record,
                               const protocol::AttestationStatement& statement, const Known& known) {
  if (record.status == AttestationStatus::None) return "none";
  if (record.status == AttestationStatus::Failed) return "failed";
  const protocol::BootEvidence& boot = statement.boot;
  const bool all = known.contains(boot.bootrom) && known.contains(boot.upgrader) &&
                   known.contains(boot.kernel) && known.contains(boot.kernel_manifest);
  return all ? "trusted" : "unknown";
}

const char* bearer_kind_text(int kind) {
  switch (kind) {
    case link::BEARER_CELLULAR: return "cellular";
    case link::BEARER_WIFI: return "wifi";
    case link::BEARER_CABLE: return "cable";
    default: return nullptr;
  }
}

Json bearer_failure_text(int failure) {
  switch (failure) {
    case link::BEARER_FAILURE_NONE: return nullptr;
    case link::BEARER_FAILURE_NO_MODULE: return "no_module";
    case link::BEARER_FAILURE_NO_SIM: return "no_sim";
    case link::BEARER_FAILURE_PIN_WANTED: return "pin_wanted";
    case link::BEARER_FAILURE_NO_NETWORK: return "no_network";
    case link::BEARER_FAILURE_DENIED: return "denied";
    case link::BEARER_FAILURE_NO_ANSWER: return "no_answer";
    case link::BEARER_FAILURE_NO_ACCESS_POINT: return "no_access_point";
    case link::BEARER_FAILURE_WRONG_PASSWORD: return "wrong_password";
    case link::BEARER_FAILURE_NOT_JOINED: return "not_joined";
    case link::BEARER_FAILURE_NO_GATEWAY: return "no_gateway";
    default: return "unknown";  // a newer kernel knows more
  }
}

Json view_bearer(const BearerState& bearer) {
  const char* kind = bearer_kind_text(bearer.kind);
  if (kind == nullptr) return nullptr;
  Json view;
  view["kind"] = kind;
  view["signal_dbm"] = bearer.signal_dbm == 0 ? Json(nullptr) : Json(bearer.signal_dbm);
  view["roaming"] = bearer.roaming;
  view["other_failed"] = bearer_failure_text(bearer.other_failed);
  return view;
}

const char* state_text(const UpdateProgress& progress) {
  static constexpr const char* kStates[] = {"NONE",     "FETCHING", "INSTALLING_APP", "STARTING_NEW_APP",
                                            "COMPLETE", "FAILED"};
  const auto state = static_cast<std::size_t>(progress.state);
  return kStates[state < std::size(kStates) ? state : 0];
}

Json view_progress(const UpdateProgress& progress) {
  Json view;
  view["state"] = state_text(progress);
  view["bytes_done"] = progress.bytes_done;
  view["bytes_total"] = progress.bytes_total;
  view["bytes_sent"] = progress.bytes_sent;
  return view;
}

Json view_kernel_state(const KernelState& kernel) {
  Json view;
  view["manifest_hash"] = kernel.running ? Json(hash_text(*kernel.running)) : Json(nullptr);
  view["target_hash"] = kernel.target ? Json(hash_text(*kernel.target)) : Json(nullptr);
  view["update_status"] = status_text(kernel.status);
  view["update_error_code"] = kernel.error_code;
  view.update(view_progress(kernel.progress));
  return view;
}

Json view_module_state(const Device& device) {
  const KernelState& firmware = device.module_firmware;
  Json view;
  view["kind"] = device.module.empty() ? Json(nullptr) : Json(device.module);
  view["version"] = device.module.empty() ? Json(nullptr) : Json(device.module_version);
  view["target_hash"] = firmware.target ? Json(hash_text(*firmware.target)) : Json(nullptr);
  view["update_status"] = status_text(firmware.status);
  view["update_error_code"] = firmware.error_code;
  view["state"] = state_text(firmware.progress);
  return view;
}

Json key_ids(const std::vector<std::uint64_t>& ids) {
  Json list = Json::array();
  for (const std::uint64_t id : ids) list.push_back(key_id_text(id));
  return list;
}

Json view_keys(const Device& device) {
  Json view;
  view["signers"] = key_ids(device.signers);
  view["layer_keys"] = key_ids(device.layer_keys);
  view["sequence"] = device.keys_sequence;
  view["error_code"] = device.keys_error;
  return view;
}

}  // namespace

Json view_attestation(const AttestationRecord& record, const Known& known,
                      const std::optional<std::string>& app_sid) {
  protocol::AttestationStatement statement;
  const bool any = protocol::read_statement(record.statement, statement);
  Json view;
  view["status"] = attestation_status(record, statement, known);
  view["reason"] = record.reason.empty() ? Json(nullptr) : Json(record.reason);
  view["date_checked"] = date_or_null(record.checked);
  view["date_verified"] = date_or_null(record.verified);
  view["statement"] = any ? view_statement(statement, known, app_sid) : Json(nullptr);
  return view;
}

Json view_app(const App& app, const std::string& base) {
  const std::string url = base + "/v1/Apps/" + app.sid;
  Json view;
  view["sid"] = app.sid;
  view["account_sid"] = app.account_sid;
  view["hash"] = hash_text(app.manifest_hash);
  view["unique_name"] = text_or_null(app.unique_name);
  view["date_created"] = iso_seconds(app.created);
  view["date_updated"] = iso_seconds(app.updated);
  view["url"] = url;
  view["links"]["app_manifests"] = url + "/Manifest";
  return view;
}

Json view_kernel(const Kernel& kernel) {
  Json view;
  view["hash"] = hash_text(kernel.manifest_hash);
  view["version"] = kernel.version;
  view["version_number"] = kernel.version_number;
  view["security_ratchet"] = kernel.security_ratchet;
  view["device_type"] = kernel.device_type;
  view["date_created"] = iso_seconds(kernel.created);
  return view;
}

Json view_module(const Kernel& release) {
  Json view;
  view["hash"] = hash_text(release.manifest_hash);
  view["module"] = release.module;
  view["version"] = release.version_number;
  view["date_created"] = iso_seconds(release.created);
  return view;
}

Json view_manifest(const App& app, const std::string& base) {
  Json view;
  view["app_sid"] = app.sid;
  view["hash"] = hash_text(app.manifest_hash);
  view["encoded_bytes"] = protocol::to_base64(app.manifest);
  view["url"] = base + "/v1/Apps/" + app.sid + "/Manifest";
  return view;
}

Json view_device(const Device& device, const std::string& base, Timestamp now) {
  const std::string url = base + "/v1/Devices/" + device.sid;
  const bool logging = logging_is_enabled(device, now);
  Json view;
  view["sid"] = device.sid;
  view["unique_name"] = text_or_null(device.unique_name);
  view["account_sid"] = device.account_sid;
  view["app"] = view_assignment(device);
  view["logging"]["enabled"] = logging;
  view["logging"]["date_expires"] = logging ? date_or_null(device.logging_expires) : Json(nullptr);
  view["date_created"] = iso_seconds(device.created);
  view["date_updated"] = iso_seconds(device.updated);
  view["url"] = url;
  view["links"]["device_configs"] = url + "/Configs";
  view["links"]["device_secrets"] = url + "/Secrets";
  return view;
}

Json view_device_state(const Device& device, bool connected, const UpdateProgress& progress) {
  Json view;
  view["sid"] = device.sid;
  view["connected"] = connected;
  view["last_seen"] = date_or_null(device.last_seen);
  view["kernel_version"] = device.kernel_version.empty() ? Json(nullptr) : Json(device.kernel_version);
  view["kernel_version_number"] = device.kernel_version_number;
  view["app_running"] = device.app_running;
  view["boot_count"] = device.boot_count;
  view["wake_reason"] = device.wake_reason;
  view["bearer"] = view_bearer(device.bearer);
  view["updates"] = device.encodings_allowed ? kAutomaticUpdates : kWholeUpdates;
  view["kernel"] = view_kernel_state(device.kernel);
  view["module"] = view_module_state(device);
  view["keys"] = view_keys(device);
  view["update"] = view_progress(progress);
  view["update"]["error_code"] = device.error_code;
  return view;
}

}  // namespace microvisor::cloud::api
