// Releases of Microvisor itself: upload, list, delete, and which devices are to run them (cloud/API.md).
//
// The service stores what is whole and signed. Whose signature that is, for which devices and against which
// ratchet, the devices judge: what they refuse shows as an error of the device.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "cloud/api/releases.hpp"
#include "protocol/bundle/kernel_bundle.hpp"

namespace microvisor::cloud::api {
namespace {

bool is_kernel(const Kernel& release) { return release.module.empty(); }

/// By manifest hash, or by version: the newest with that.
Kernel require_kernel(const Services& services, const Call& call, const std::string& name) {
  return require_release(services, call, "kernel", name, [&](const Kernel& kernel) {
    return is_kernel(kernel) && (kernel.version == name || is_hash_of(kernel, name));
  });
}

}  // namespace

Answer list_kernels(const Services& services, const Call& call) {
  return list_releases(services, call, "kernels", is_kernel, view_kernel);
}

Answer upload_kernel(const Services& services, const Call& call) {
  const auto bundle = protocol::read_kernel_bundle(protocol::as_bytes(read_upload(call.request).file));
  if (!bundle) refuse_bundle(bundle.error());
  Kernel kernel;
  kernel.account_sid = call.account.sid;
  kernel.manifest_hash = protocol::sha256(bundle->manifest);
  kernel.version = clean_text(bundle->info.version);
  kernel.version_number = bundle->info.version_number;
  kernel.security_ratchet = bundle->info.security_ratchet;
  kernel.device_type = bundle->info.device_type;
  kernel.created = services.clock.now();
  std::vector<std::pair<protocol::Hash, protocol::ByteView>> objects;
  for (const protocol::Layer& layer : bundle->layers) objects.emplace_back(layer.hash, layer.bytes);
  objects.emplace_back(kernel.manifest_hash, bundle->manifest);
  if (!services.store.add_kernel(kernel, objects)) throw conflict("This kernel is there already");
  return json_response(201, view_kernel(kernel));
}

Answer remove_kernel(const Services& services, const Call& call) {
  const Kernel kernel = require_kernel(services, call, call.arguments.at(0));
  services.store.remove_kernel(call.account.sid, kernel.manifest_hash);
  return no_content();
}

Answer deploy_kernel(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const std::string name = require_target(call, "the kernel's manifest hash or version");
  services.kernels.deploy(device, require_kernel(services, call, name));
  return device_state(services, call);
}

Answer deploy_kernel_to_all(const Services& services, const Call& call) {
  const Kernel kernel = require_kernel(services, call, call.arguments.at(0));
  return deploy_to_all(services, call, kernel, [](const Device&) { return true; });
}

}  // namespace microvisor::cloud::api
