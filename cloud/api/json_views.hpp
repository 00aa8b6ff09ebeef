// Resources as JSON: exactly the properties of the v1 description, in its order.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cloud/deployments/deployments.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud::api {

// How updates travel to a device.
inline constexpr const char* kAutomaticUpdates = "automatic";
inline constexpr const char* kWholeUpdates = "whole";

nlohmann::ordered_json view_app(const App& app, const std::string& base);
nlohmann::ordered_json view_manifest(const App& app, const std::string& base);
nlohmann::ordered_json view_kernel(const Kernel& kernel);
nlohmann::ordered_json view_module(const Kernel& release);
nlohmann::ordered_json view_device(const Device& device, const std::string& base, Timestamp now);
/// What v1 does not show: presence and progress.
nlohmann::ordered_json view_device_state(const Device& device, bool connected,
                                         const UpdateProgress& progress);

/// What a device has attested to, each measurement with what `known` calls it; `app_sid`: the account's App
/// that the statement names.
nlohmann::ordered_json view_attestation(const AttestationRecord& record,
                                        const std::map<protocol::Hash, std::string>& known,
                                        const std::optional<std::string>& app_sid);

}  // namespace microvisor::cloud::api
