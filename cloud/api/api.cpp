// Routing by one table: unknown path 404, known path with another method 405, then credentials, then the
// handler.
#include "cloud/api/api.hpp"

#include <algorithm>
#include <cstdio>

#include "cloud/api/credentials.hpp"

namespace microvisor::cloud::api {
namespace {

using Handler = Answer (*)(const Services&, const Call&);

enum class Access : std::uint8_t { Public, Loopback, Account };

struct Route {
  std::string_view method;
  std::vector<std::string_view> path;  // "*" takes any segment
  Access access;
  Handler handler;
};

const Route kRoutes[] = {
    {"GET", {"v1", "Apps"}, Access::Account, list_apps},
    {"POST", {"v1", "Apps"}, Access::Account, upload_app},
    {"GET", {"v1", "Apps", "*"}, Access::Account, fetch_app},
    {"DELETE", {"v1", "Apps", "*"}, Access::Account, remove_app},
    {"GET", {"v1", "Apps", "*", "Manifest"}, Access::Account, fetch_manifest},
    {"GET", {"v1", "Devices"}, Access::Account, list_devices},
    {"GET", {"v1", "Devices", "*"}, Access::Account, fetch_device},
    {"POST", {"v1", "Devices", "*"}, Access::Account, update_device},
    {"GET", {"v1", "Configs"}, Access::Account, list_entries},
    {"POST", {"v1", "Configs"}, Access::Account, create_entry},
    {"GET", {"v1", "Configs", "*"}, Access::Account, fetch_entry},
    {"POST", {"v1", "Configs", "*"}, Access::Account, update_entry},
    {"DELETE", {"v1", "Configs", "*"}, Access::Account, remove_entry},
    {"GET", {"v1", "Secrets"}, Access::Account, list_entries},
    {"POST", {"v1", "Secrets"}, Access::Account, create_entry},
    {"GET", {"v1", "Secrets", "*"}, Access::Account, fetch_entry},
    {"POST", {"v1", "Secrets", "*"}, Access::Account, update_entry},
    {"DELETE", {"v1", "Secrets", "*"}, Access::Account, remove_entry},
    {"GET", {"v1", "Devices", "*", "Configs"}, Access::Account, list_entries},
    {"POST", {"v1", "Devices", "*", "Configs"}, Access::Account, create_entry},
    {"GET", {"v1", "Devices", "*", "Configs", "*"}, Access::Account, fetch_entry},
    {"POST", {"v1", "Devices", "*", "Configs", "*"}, Access::Account, update_entry},
    {"DELETE", {"v1", "Devices", "*", "Configs", "*"}, Access::Account, remove_entry},
    {"GET", {"v1", "Devices", "*", "Secrets"}, Access::Account, list_entries},
    {"POST", {"v1", "Devices", "*", "Secrets"}, Access::Account, create_entry},
    {"GET", {"v1", "Devices", "*", "Secrets", "*"}, Access::Account, fetch_entry},
    {"POST", {"v1", "Devices", "*", "Secrets", "*"}, Access::Account, update_entry},
    {"DELETE", {"v1", "Devices", "*", "Secrets", "*"}, Access::Account, remove_entry},
    {"GET", {"health"}, Access::Public, health},
    {"GET", {"metrics"}, Access::Loopback, metrics},
    {"GET", {"api", "errors", "*"}, Access::Public, explain},
    {"GET", {"api", "account"}, Access::Account, fetch_account},
    {"POST", {"api", "accounts"}, Access::Account, create_account},
    {"POST", {"api", "keys"}, Access::Account, create_key},
    {"GET", {"api", "factory"}, Access::Account, fetch_factory},
    {"POST", {"api", "factory", "devices"}, Access::Account, make_device},
    {"POST", {"api", "claims"}, Access::Account, claim_device},
    {"GET", {"api", "claims", "*"}, Access::Account, claim_state},
    {"POST", {"api", "devices", "*", "transfer"}, Access::Account, offer_transfer},
    {"GET", {"api", "devices", "*", "test"}, Access::Account, test_log},
    {"GET", {"api", "devices", "*", "transfer"}, Access::Account, transfer_state},
    {"DELETE", {"api", "devices", "*", "transfer"}, Access::Account, withdraw_transfer},
    {"POST", {"api", "devices", "*", "transfer", "signature"}, Access::Account, sign_transfer},
    {"POST", {"api", "devices", "*", "decommission"}, Access::Account, decommission_device},
    {"GET", {"api", "signers"}, Access::Account, list_signers},
    {"POST", {"api", "signers"}, Access::Account, add_signer},
    {"DELETE", {"api", "signers", "*"}, Access::Account, remove_signer},
    {"POST", {"api", "key-changes"}, Access::Account, publish_key_change},
    {"GET", {"api", "decrypters"}, Access::Account, list_decrypters},
    {"DELETE", {"api", "decrypters", "*"}, Access::Account, remove_decrypter},
    {"POST", {"api", "devices", "*", "decrypters"}, Access::Account, add_decrypter},
    {"DELETE", {"api", "devices", "*", "decrypters", "*"}, Access::Account, remove_decrypter_of_device},
    {"GET", {"api", "kernels"}, Access::Account, list_kernels},
    {"POST", {"api", "kernels"}, Access::Account, upload_kernel},
    {"DELETE", {"api", "kernels", "*"}, Access::Account, remove_kernel},
    {"POST", {"api", "kernels", "*", "deploy"}, Access::Account, deploy_kernel_to_all},
    {"GET", {"api", "relay", "hosts"}, Access::Account, list_allowed_hosts},
    {"POST", {"api", "relay", "hosts"}, Access::Account, allow_host},
    {"DELETE", {"api", "relay", "hosts", "*"}, Access::Account, disallow_host},
    {"GET", {"api", "measurements"}, Access::Account, list_measurements},
    {"POST", {"api", "measurements"}, Access::Account, trust_measurement},
    {"DELETE", {"api", "measurements", "*"}, Access::Account, distrust_measurement},
    {"GET", {"api", "endpoints"}, Access::Account, list_endpoints},
    {"POST", {"api", "endpoints"}, Access::Account, set_endpoint},
    {"DELETE", {"api", "endpoints", "*"}, Access::Account, remove_endpoint},
    {"POST", {"api", "devices", "*", "kernel"}, Access::Account, deploy_kernel},
    {"GET", {"api", "modules"}, Access::Account, list_modules},
    {"POST", {"api", "modules"}, Access::Account, upload_module},
    {"DELETE", {"api", "modules", "*"}, Access::Account, remove_module},
    {"POST", {"api", "modules", "*", "deploy"}, Access::Account, deploy_module_to_all},
    {"POST", {"api", "devices", "*", "module"}, Access::Account, deploy_module},
    {"GET", {"api", "apps", "*", "bundle"}, Access::Account, download_bundle},
    {"POST", {"api", "devices"}, Access::Account, provision_device},
    {"GET", {"api", "devices", "*"}, Access::Account, device_state},
    {"POST", {"api", "devices", "*"}, Access::Account, change_device},
    {"GET", {"api", "devices", "*", "logs"}, Access::Account, device_logs},
    {"GET", {"api", "devices", "*", "wait"}, Access::Account, wait_for_deployment},
    {"GET", {"api", "devices", "*", "debug"}, Access::Account, debug_device},
    {"GET", {"api", "devices", "*", "return"}, Access::Account, fetch_return},
    {"POST", {"api", "devices", "*", "return"}, Access::Account, change_return},
    {"GET", {"api", "devices", "*", "crashes"}, Access::Account, list_crash_reports},
    {"GET", {"api", "devices", "*", "crashes", "*"}, Access::Account, fetch_crash_report},
    {"DELETE", {"api", "devices", "*", "crashes", "*"}, Access::Account, remove_crash_report},
};

bool matches(const Route& route, const std::vector<std::string>& segments) {
  return std::equal(route.path.begin(), route.path.end(), segments.begin(), segments.end(),
                    [](std::string_view pattern, const std::string& segment) {
                      return pattern == "*" || pattern == segment;
                    });
}

Response method_not_allowed(const std::string& base, const std::string& allowed) {
  Response response = error_response(base, {405, 20004, "Method not allowed"});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

Api::Api(Services services) : services_(std::move(services)) {}

Answer Api::handle(const Request& request) const {
  try {
    return dispatch(request);
  } catch (const ApiError& error) {
    return error_response(request.base, error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cloud: %s %s: %s\n", request.method.c_str(), request.target.c_str(), error.what());
    return error_response(request.base, {500, 20500, "Internal server error"});
  }
}

Answer Api::dispatch(const Request& request) const {
  const auto segments = path_segments(request.target);
  std::string allowed;
  if (segments) {
    for (const Route& route : kRoutes) {
      if (!matches(route, *segments)) continue;
      if (route.method != request.method) {
        allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
        continue;
      }
      if (route.access == Access::Loopback && !request.from_loopback) break;
      Call call{request, {}, {}};
      if (route.access == Access::Account) call.account = authenticate(services_.accounts, request);
      for (std::size_t i = 0; i < segments->size(); ++i) {
        if (route.path[i] == "*") call.arguments.push_back((*segments)[i]);
      }
      return route.handler(services_, call);
    }
  }
  if (!allowed.empty()) return method_not_allowed(request.base, allowed);
  const std::string path = request.target.substr(0, request.target.find('?'));
  throw not_found("The requested resource " + path + " was not found");
}

std::size_t Api::body_limit(std::string_view method, std::string_view target) {
  return method == "POST" && target.substr(0, target.find('?')) == "/v1/Apps" ? kMaxUploadBytes
                                                                              : kMaxFormBytes;
}

Response Api::too_large(const std::string& base) {
  return error_response(base, {413, 20413, "The request body is too large"});
}

}  // namespace microvisor::cloud::api
