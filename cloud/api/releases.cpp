// See releases.hpp.
#include "cloud/api/releases.hpp"

#include <nlohmann/json.hpp>

#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"

namespace microvisor::cloud::api {

Answer list_releases(const Services& services, const Call& call, const char* key, const ReleaseTest& belongs,
                     nlohmann::ordered_json (*view)(const Kernel&)) {
  nlohmann::ordered_json body;
  body[key] = nlohmann::ordered_json::array();
  for (const Kernel& release : services.store.kernels(call.account.sid)) {
    if (belongs(release)) body[key].push_back(view(release));
  }
  return json_response(200, body);
}

Kernel require_release(const Services& services, const Call& call, const std::string& kind,
                       const std::string& name, const ReleaseTest& is_meant) {
  for (Kernel& release : services.store.kernels(call.account.sid)) {
    if (is_meant(release)) return std::move(release);
  }
  throw not_found("There is no " + kind + " " + name);
}

bool is_hash_of(const Kernel& release, const std::string& name) {
  constexpr std::string_view kPrefix = "sha256:";
  const std::string hex = protocol::to_hex(release.manifest_hash);
  return name == hex || (name.starts_with(kPrefix) && name.substr(kPrefix.size()) == hex);
}

std::string require_target(const Call& call, const std::string& description) {
  auto name = member(read_json(call.request), "target");
  if (!name) throw bad_request("target is missing: " + description);
  return *std::move(name);
}

Answer deploy_to_all(const Services& services, const Call& call, const Kernel& release,
                     const DeviceTest& takes) {
  constexpr std::size_t kAtOnce = 1000;
  std::size_t count = 0;
  PageRequest request;
  request.limit = kAtOnce;
  for (Page<Device> page = services.store.devices(call.account.sid, request); !page.items.empty();
       page = services.store.devices(call.account.sid, request)) {
    for (const Device& device : page.items) {
      if (!takes(device)) continue;
      services.kernels.deploy(device, release);
      ++count;
    }
    request.before = page.items.back().sequence;
  }
  return json_response(200, {{"devices", count}});
}

}  // namespace microvisor::cloud::api
