// What the resources of two kinds of release have in common: Microvisor itself, and firmware of modules.
#pragma once

#include <functional>

#include "cloud/api/api.hpp"

namespace microvisor::cloud::api {

using ReleaseTest = std::function<bool(const Kernel&)>;
using DeviceTest = std::function<bool(const Device&)>;

/// The account's releases that `belongs` holds for, as `{"<key>": [...]}`.
Answer list_releases(const Services& services, const Call& call, const char* key, const ReleaseTest& belongs,
                     nlohmann::ordered_json (*view)(const Kernel&));
/// The newest of the account's that `is_meant` holds for; throws the 404. `kind` says what is not there.
Kernel require_release(const Services& services, const Call& call, const std::string& kind,
                       const std::string& name, const ReleaseTest& is_meant);
/// Whether `name` is the hash of its manifest: 64 hexadecimal digits, behind `sha256:` or not.
bool is_hash_of(const Kernel& release, const std::string& name);
/// What the body calls `target`; throws the 400, in which `description` says what that is.
std::string require_target(const Call& call, const std::string& description);
/// Names `release` to all of the account's devices that `takes` holds for, and answers how many those are.
Answer deploy_to_all(const Services& services, const Call& call, const Kernel& release,
                     const DeviceTest& takes);

}  // namespace microvisor::cloud::api
