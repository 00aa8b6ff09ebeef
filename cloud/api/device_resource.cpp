// Devices in v1: list, fetch, update.
#include <nlohmann/json.hpp>

#include "cloud/accounts/sid.hpp"
#include "cloud/api/api.hpp"
#include "cloud/api/form.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "cloud/api/paging.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr Timestamp kLoggingTime = 24 * 3600 * kSecond;

const std::string* find(const Parameters& form, std::string_view name) {
  const auto found = form.find(name);
  return found == form.end() ? nullptr : &found->second;
}

App target_app(const Services& services, const Call& call, const std::string& name) {
  auto app = services.store.app(call.account.sid, is_sid(kAppPrefix, name) ? lower_sid(name) : name);
  if (!app) throw bad_request("TargetApp: there is no App " + name);
  return std::move(*app);
}

/// What an update is going to do, once all of it has been checked.
struct Change {
  std::optional<App> target;
  bool settings = false;
  bool restart = false;
};

Change apply_form(const Services& services, const Call& call, const Parameters& form, Device& device) {
  Change change;
  if (const auto* name = find(form, "UniqueName")) {
    if (!name->empty()) check_unique_name(*name, kDevicePrefix);
    device.unique_name = name->empty() ? std::nullopt : std::optional(*name);
  }
  const std::string* target = find(form, "TargetApp");
  if (target == nullptr) target = find(form, "AppSid");  // its name until August 2022
  if (target != nullptr) {
    change.target = target_app(services, call, *target);
    services.deployments.assign(device, *change.target);
  }
  if (const auto* logging = find(form, "LoggingEnabled")) {
    device.logging_enabled = parse_boolean("LoggingEnabled", *logging);
    device.logging_expires.reset();
    if (device.logging_enabled) device.logging_expires = services.clock.now() + kLoggingTime;
    change.settings = true;
  }
  if (const auto* restart = find(form, "RestartApp")) change.restart = parse_boolean("RestartApp", *restart);
  return change;
}

}  // namespace

Device require_device(const Services& services, const Call& call) {
  const std::string& name = call.arguments.at(0);
  auto device = services.store.device(call.account.sid, is_sid(kDevicePrefix, name) ? lower_sid(name) : name);
  if (!device) throw not_found("The requested resource /Devices/" + name + " was not found");
  return std::move(*device);
}

Answer list_devices(const Services& services, const Call& call) {
  const PageQuery query = parse_page_query(query_parameters(call.request.target));
  const Page<Device> page = services.store.devices(call.account.sid, query.request);
  nlohmann::ordered_json body;
  body["devices"] = nlohmann::ordered_json::array();
  const Timestamp now = services.clock.now();
  for (const Device& device : page.items)
    body["devices"].push_back(view_device(device, call.request.base, now));
  const bool any = !page.items.empty();
  body["meta"] = page_meta(query, call.request.base + "/v1/Devices", "devices", page.has_newer && any,
                           page.has_older && any, any ? page.items.front().sequence : 0,
                           any ? page.items.back().sequence : 0);
  return json_response(200, body);
}

Answer fetch_device(const Services& services, const Call& call) {
  return json_response(200,
                       view_device(require_device(services, call), call.request.base, services.clock.now()));
}

Answer update_device(const Services& services, const Call& call) {
  Device device = require_device(services, call);
  const Parameters form = read_form(call.request);
  const Change change = apply_form(services, call, form, device);
  device.updated = services.clock.now();
  if (services.store.update_device(device) != Insert::Done) {
    throw conflict("UniqueName " + device.unique_name.value_or("") + " is in use by another Device");
  }
  using Kind = DeviceCommand::Kind;
  if (change.settings) services.bus.publish(DeviceCommand{device.sid, Kind::SettingsChanged});
  if (change.target) services.deployments.announce(device);
  if (change.restart) services.bus.publish(DeviceCommand{device.sid, Kind::RestartApp});
  services.bus.publish(DeviceChanged{device.sid});
  return json_response(200, view_device(device, call.request.base, services.clock.now()));
}

}  // namespace microvisor::cloud::api
