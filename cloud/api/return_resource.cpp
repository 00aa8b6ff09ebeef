// The automatic return of a device: the owner's policy and what has come of it (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/deployments/returns.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kLongestWindow = 24 * 3600;  // seconds

Json view_return(const Device& device, const AppReturn& record) {
  const auto or_null = [](const std::optional<std::string>& sid) { return sid ? Json(*sid) : Json(nullptr); };
  // What the operator has named since is no return any more.
  const bool in_force = record.returned_from && record.returned == device.targeted;
  return {{"after_crashes", record.after_crashes},
          {"within_seconds", record.within_seconds},
          {"crashes", record.crashes.size()},
          {"last_good", or_null(record.last_good)},
          {"returned_from", in_force ? Json(*record.returned_from) : Json(nullptr)}};
}

/// A member of `body`, if it is there. Throws the 400.
std::optional<std::uint32_t> number(const Json& body, const char* name, std::uint32_t least,
                                    std::uint32_t most) {
  const auto found = body.find(name);
  if (found == body.end()) return std::nullopt;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() < least ||
      found->get<std::uint64_t>() > most) {
    throw bad_request(std::string(name) + " has to be a number from " + std::to_string(least) + " to " +
                      std::to_string(most));
  }
  return found->get<std::uint32_t>();
}

}  // namespace

Answer fetch_return(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  return json_response(200, view_return(device, services.store.app_return(device.sid)));
}

Answer change_return(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const Json body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object()) throw bad_request("the body has to be a JSON object");
  AppReturn record = services.store.app_return(device.sid);
  record.after_crashes = number(body, "after_crashes", 0, kMaxReturnCrashes).value_or(record.after_crashes);
  record.within_seconds = number(body, "within_seconds", 1, kLongestWindow).value_or(record.within_seconds);
  services.store.set_app_return(device.sid, record);
  return json_response(200, view_return(device, record));
}

}  // namespace microvisor::cloud::api
