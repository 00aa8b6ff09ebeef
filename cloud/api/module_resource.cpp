// Releases of modules' firmware: upload, list, delete, and which devices' modules are to run them
// (cloud/API.md).
//
// As with those of Microvisor itself, the devices judge what is signed.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "protocol/bundle/module_bundle.hpp"

namespace microvisor::cloud::api {
namespace {

/// By manifest hash.
Kernel require_module(const Services& services, const Call& call, const std::string& name) {
  constexpr std::string_view kPrefix = "sha256:";
  const std::string hex = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
  for (Kernel& release : services.store.kernels(call.account.sid)) {
    if (!release.module.empty() && protocol::to_hex(release.manifest_hash) == hex) return std::move(release);
  }
  throw not_found("There is no module firmware " + name);
}

}  // namespace

Answer list_modules(const Services& services, const Call& call) {
  nlohmann::ordered_json body;
  body["modules"] = nlohmann::ordered_json::array();
  for (const Kernel& release : services.store.kernels(call.account.sid))
    if (!release.module.empty()) body["modules"].push_back(view_module(release));
  return json_response(200, body);
}

Answer upload_module(const Services& services, const Call& call) {
  const auto bundle = protocol::read_module_bundle(protocol::as_bytes(read_upload(call.request).file));
  if (!bundle) refuse_bundle(bundle.error());
  Kernel release;
  release.account_sid = call.account.sid;
  release.manifest_hash = protocol::sha256(bundle->manifest);
  release.module = bundle->info.module;
  release.version_number = bundle->info.version;
  release.created = services.clock.now();
  if (!services.store.add_kernel(
          release, {{bundle->info.image, bundle->image}, {release.manifest_hash, bundle->manifest}}))
    throw conflict("This module firmware is there already");
  return json_response(201, view_module(release));
}

Answer remove_module(const Services& services, const Call& call) {
  const Kernel release = require_module(services, call, call.arguments.at(0));
  services.store.remove_kernel(call.account.sid, release.manifest_hash);
  return no_content();
}

Answer deploy_module(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const auto name = member(read_json(call.request), "target");
  if (!name) throw bad_request("target is missing: the manifest hash of the module's firmware");
  services.kernels.deploy(device, require_module(services, call, *name));
  return device_state(services, call);
}

/// All whose module is of that kind and runs another version.
Answer deploy_module_to_all(const Services& services, const Call& call) {
  constexpr std::size_t kAtOnce = 1000;
  const Kernel release = require_module(services, call, call.arguments.at(0));
  std::size_t count = 0;
  PageRequest request;
  request.limit = kAtOnce;
  for (Page<Device> page = services.store.devices(call.account.sid, request); !page.items.empty();
       page = services.store.devices(call.account.sid, request)) {
    for (const Device& device : page.items) {
      if (device.module != release.module || device.module_version == release.version_number) continue;
      services.kernels.deploy(device, release);
      ++count;
    }
    request.before = page.items.back().sequence;
  }
  return json_response(200, {{"devices", count}});
}

}  // namespace microvisor::cloud::api
