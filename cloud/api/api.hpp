// The HTTP interface: routes, and the handlers behind them.
//
// handle() never blocks and never throws; it runs on the service thread. One table lists every path with its
// methods.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "cloud/accounts/accounts.hpp"
#include "cloud/accounts/custody.hpp"
#include "cloud/accounts/signers.hpp"
#include "cloud/api/http.hpp"
#include "cloud/attestation/known.hpp"
#include "cloud/configuration/values.hpp"
#include "cloud/deployments/deployments.hpp"
#include "cloud/gateway/gateway.hpp"
#include "cloud/gateway/pki.hpp"
#include "cloud/relay/http.hpp"
#include "cloud/relay/mqtt_relay.hpp"
#include "protocol/bundle/failure.hpp"

namespace microvisor::cloud::api {

inline constexpr std::size_t kMaxFormBytes = (16U << 20) - 1;
inline constexpr std::size_t kMaxUploadBytes =
    (64U << 20) + (64U << 10);  ///< a bundle and the form around it

/// What the handlers work with; all of it outlives the Api.
struct Services {
  Store& store;
  Accounts& accounts;
  Signers& signers;
  Custodian& custodian;
  Bus& bus;
  Deployments& deployments;
  KernelUpdates& kernels;
  KnownMeasurements& measurements;
  Values& values;
  Gateway& gateway;
  const HttpRelay& http_relay;
  const mqtt::Relay& mqtt_relay;
  const Pki& pki;
  const Clock& clock;
  std::string gateway_address;  ///< HOST:PORT that devices are told
};

/// Everything a handler knows of its request.
struct Call {
  const Request& request;
  Account account;                     ///< empty where no credentials are asked for
  std::vector<std::string> arguments;  ///< the path's variable segments
};

class Api {
 public:
  explicit Api(Services services);
  Answer handle(const Request& request) const;
  /// Bytes of body that the path takes.
  [[nodiscard]] static std::size_t body_limit(std::string_view method, std::string_view target);
  [[nodiscard]] static Response too_large(const std::string& base);

 private:
  Answer dispatch(const Request& request) const;
  Services services_;
};

// Handlers, by resource.
Answer list_apps(const Services& services, const Call& call);
Answer upload_app(const Services& services, const Call& call);
Answer fetch_app(const Services& services, const Call& call);
Answer remove_app(const Services& services, const Call& call);
Answer fetch_manifest(const Services& services, const Call& call);
Answer download_bundle(const Services& services, const Call& call);

Answer list_devices(const Services& services, const Call& call);
Answer fetch_device(const Services& services, const Call& call);
Answer update_device(const Services& services, const Call& call);

Answer list_entries(const Services& services, const Call& call);
Answer create_entry(const Services& services, const Call& call);
Answer fetch_entry(const Services& services, const Call& call);
Answer update_entry(const Services& services, const Call& call);
Answer remove_entry(const Services& services, const Call& call);

Answer health(const Services& services, const Call& call);
Answer metrics(const Services& services, const Call& call);
Answer explain(const Services& services, const Call& call);
Answer fetch_account(const Services& services, const Call& call);
Answer create_account(const Services& services, const Call& call);
Answer create_key(const Services& services, const Call& call);
Answer provision_device(const Services& services, const Call& call);
Answer device_state(const Services& services, const Call& call);
Answer change_device(const Services& services, const Call& call);
Answer device_logs(const Services& services, const Call& call);
Answer wait_for_deployment(const Services& services, const Call& call);
Answer debug_device(const Services& services, const Call& call);

Answer fetch_factory(const Services& services, const Call& call);
Answer test_log(const Services& services, const Call& call);
Answer make_device(const Services& services, const Call& call);

Answer claim_device(const Services& services, const Call& call);
Answer claim_state(const Services& services, const Call& call);
Answer offer_transfer(const Services& services, const Call& call);
Answer transfer_state(const Services& services, const Call& call);
Answer withdraw_transfer(const Services& services, const Call& call);
Answer sign_transfer(const Services& services, const Call& call);
Answer decommission_device(const Services& services, const Call& call);

Answer list_allowed_hosts(const Services& services, const Call& call);
Answer allow_host(const Services& services, const Call& call);
Answer disallow_host(const Services& services, const Call& call);

Answer list_signers(const Services& services, const Call& call);
Answer add_signer(const Services& services, const Call& call);
Answer remove_signer(const Services& services, const Call& call);
Answer publish_key_change(const Services& services, const Call& call);

Answer list_decrypters(const Services& services, const Call& call);
Answer add_decrypter(const Services& services, const Call& call);
Answer remove_decrypter(const Services& services, const Call& call);
Answer remove_decrypter_of_device(const Services& services, const Call& call);

Answer fetch_return(const Services& services, const Call& call);
Answer change_return(const Services& services, const Call& call);
Answer list_crash_reports(const Services& services, const Call& call);
Answer fetch_crash_report(const Services& services, const Call& call);
Answer remove_crash_report(const Services& services, const Call& call);

Answer list_kernels(const Services& services, const Call& call);
Answer upload_kernel(const Services& services, const Call& call);
Answer remove_kernel(const Services& services, const Call& call);
Answer list_modules(const Services& services, const Call& call);
Answer upload_module(const Services& services, const Call& call);
Answer remove_module(const Services& services, const Call& call);
Answer deploy_module(const Services& services, const Call& call);
Answer deploy_module_to_all(const Services& services, const Call& call);
Answer deploy_kernel(const Services& services, const Call& call);
Answer deploy_kernel_to_all(const Services& services, const Call& call);

Answer list_measurements(const Services& services, const Call& call);
Answer trust_measurement(const Services& services, const Call& call);
Answer distrust_measurement(const Services& services, const Call& call);

Answer list_endpoints(const Services& services, const Call& call);
Answer set_endpoint(const Services& services, const Call& call);
Answer remove_endpoint(const Services& services, const Call& call);
/// What a device's resource under /api says of its attestation.
nlohmann::ordered_json attestation_of(const Services& services, const Device& device);

/// What it says of debug sessions that are open.
nlohmann::ordered_json debug_of(const Services& services, const Device& device);

/// What a form of an upload holds: the part `File`, and `UniqueName` if it has one.
struct Upload {
  std::string_view file;
  std::optional<std::string> unique_name;
};
Upload read_upload(const Request& request);
/// Answers a bundle that cannot be accepted.
[[noreturn]] void refuse_bundle(const protocol::Failure& failure);

/// Checks a unique name that a client wants to give; `prefix` is that of the resource's SIDs.
void check_unique_name(const std::string& name, std::string_view prefix);
/// By SID or name; throws the 404.
App require_app(const Services& services, const Call& call);
Device require_device(const Services& services, const Call& call);

}  // namespace microvisor::cloud::api
