// Releases of modules' firmware: upload, list, delete, and which devices' modules are to run them
// (cloud/API.md).
//
// As with those of Microvisor itself, the devices judge what is signed.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "cloud/api/releases.hpp"
#include "protocol/bundle/module_bundle.hpp"

namespace microvisor::cloud::api {
namespace {

bool is_module(const Kernel& release) { return !release.module.empty(); }

/// By manifest hash.
Kernel require_module(const Services& services, const Call& call, const std::string& name) {
  return require_release(services, call, "module firmware", name, [&](const Kernel& release) {
    return is_module(release) && is_hash_of(release, name);
  });
}

}  // namespace

Answer list_modules(const Services& services, const Call& call) {
  return list_releases(services, call, "modules", is_module, view_module);
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
  const std::string name = require_target(call, "the manifest hash of the module's firmware");
  services.kernels.deploy(device, require_module(services, call, name));
  return device_state(services, call);
}

/// All whose module is of that kind and runs another version.
Answer deploy_module_to_all(const Services& services, const Call& call) {
  const Kernel release = require_module(services, call, call.arguments.at(0));
  return deploy_to_all(services, call, release, [&](const Device& device) {
    return device.module == release.module && device.module_version != release.version_number;
  });
}

}  // namespace microvisor::cloud::api
