// Debug sessions: the way to a device's own code for whoever has the key. The service has none, and carries
// what it cannot read.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr int kNotPossibleNow = 20406;

ApiError refused(const std::string& sid, DebugRefusal refusal) {
  switch (refusal) {
    case DebugRefusal::NotSupported:
      return {409, kNotPossibleNow, "Microvisor on device " + sid + " is too old for debugging"};
    case DebugRefusal::TooMany: return {409, kNotPossibleNow, "Too many debug sessions want device " + sid};
    default: return {409, kNotPossibleNow, "Device " + sid + " is not connected"};
  }
}

}  // namespace

Answer debug_device(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  if (!call.request.websocket) {
    Response response = error_response(call.request.base, {426, 20426, "This path is a WebSocket"});
    response.headers.emplace_back("Upgrade", "websocket");
    return response;
  }
  const auto relay = services.gateway.open_debug(device.sid);
  if (!relay) throw refused(device.sid, relay.error());
  return DebugSocket{*relay};
}

nlohmann::ordered_json debug_of(const Services& services, const Device& device) {
  std::uint64_t to_device = 0;
  std::uint64_t from_device = 0;
  const auto relays = services.gateway.debug_relays(device.sid);
  for (const auto& relay : relays) {
    to_device += relay->bytes_to_device();
    from_device += relay->bytes_from_device();
  }
  nlohmann::ordered_json view;
  view["sessions"] = relays.size();
  view["bytes_to_device"] = to_device;
  view["bytes_from_device"] = from_device;
  return view;
}

}  // namespace microvisor::cloud::api
