// Releases of Microvisor itself: upload, list, delete, and which devices are to run them (cloud/API.md).
//
// The service stores what is whole and signed. Whose signature that is, for which devices and against which
// ratchet, the devices judge: what they refuse shows as an error of the device.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "protocol/bundle/kernel_bundle.hpp"

namespace microvisor::cloud::api {
namespace {

/// By manifest hash, or by version: the newest with that.
Kernel require_kernel(const Services& services, const Call& call, const std::string& name) {
  constexpr std::string_view kPrefix = "sha256:";
  const std::string hex = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
  for (Kernel& kernel : services.store.kernels(call.account.sid)) {
    if (!kernel.module.empty()) continue;
    if (protocol::to_hex(kernel.manifest_hash) == hex || kernel.version == name) return std::move(kernel);
  }
  throw not_found("There is no kernel " + name);
}

}  // namespace

Answer list_kernels(const Services& services, const Call& call) {
  nlohmann::ordered_json body;
  body["kernels"] = nlohmann::ordered_json::array();
  for (const Kernel& kernel : services.store.kernels(call.account.sid))
    if (kernel.module.empty()) body["kernels"].push_back(view_kernel(kernel));
  return json_response(200, body);
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
  const auto name = member(read_json(call.request), "target");
  if (!name) throw bad_request("target is missing: the kernel's manifest hash or version");
  services.kernels.deploy(device, require_kernel(services, call, *name));
  return device_state(services, call);
}

Answer deploy_kernel_to_all(const Services& services, const Call& call) {
  constexpr std::size_t kAtOnce = 1000;
  const Kernel kernel = require_kernel(services, call, call.arguments.at(0));
  std::size_t count = 0;
  PageRequest request;
  request.limit = kAtOnce;
  for (Page<Device> page = services.store.devices(call.account.sid, request); !page.items.empty();
       page = services.store.devices(call.account.sid, request)) {
    for (const Device& device : page.items) services.kernels.deploy(device, kernel);
    count += page.items.size();
    request.before = page.items.back().sequence;
  }
  return json_response(200, {{"devices", count}});
}

}  // namespace microvisor::cloud::api
