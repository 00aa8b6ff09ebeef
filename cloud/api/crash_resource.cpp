// Crash reports of a device, as it sent them: encrypted to a key that the cloud does not have (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

CrashReport require_report(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const std::string& name = call.arguments.at(1);
  const auto bytes = protocol::from_hex(name);
  const auto hash = bytes ? protocol::as_hash(protocol::as_text(*bytes)) : std::nullopt;
  auto report = hash ? services.store.crash_report(device.sid, *hash) : std::nullopt;
  if (!report) throw not_found("Device " + device.sid + " has no crash report " + name);
  return std::move(*report);
}

Json view(const CrashReport& report) {
  return {{"id", protocol::to_hex(report.hash)},
          {"device_sid", report.device_sid},
          {"date_received", iso_microseconds(report.received)},
          {"size", report.size}};
}

}  // namespace

Answer list_crash_reports(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  Json crashes = Json::array();
  for (const CrashReport& report : services.store.crash_reports(device.sid)) crashes.push_back(view(report));
  return json_response(200, Json{{"crashes", crashes}});
}

Answer fetch_crash_report(const Services& services, const Call& call) {
  const CrashReport report = require_report(services, call);
  Json body = view(report);
  body["content"] = protocol::to_base64(report.content);
  return json_response(200, body);
}

Answer remove_crash_report(const Services& services, const Call& call) {
  const CrashReport report = require_report(services, call);
  services.store.remove_crash_report(report.device_sid, report.hash);
  return no_content();
}

}  // namespace microvisor::cloud::api
