#include "cli/deployment.hpp"

#include <map>
#include <nlohmann/json.hpp>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

/// What a person reads for an update_error_code (protocol/link.proto, UpdateError).
std::string explain_error(int code) {
  static const std::map<int, std::string> kReasons = {
      {1, "an object could not be fetched"},
      {2, "an object is not what its hash says"},
      {3, "the signature is wrong or its signer is unknown to the device"},
      {4, "the manifest is malformed or beyond the device's limits"},
      {5, "the application needs a newer Microvisor"},
      {6, "staging or flash failed"},
      {7, "what was installed does not read back right"},
      {8, "the bundle has a kind of layer this Microvisor does not know"}};
  const auto it = kReasons.find(code);
  return it == kReasons.end() ? "error " + std::to_string(code) : it->second;
}

void show_progress(Client& client, const std::string& device, Progress& progress) {
  const json state = client.get("/api/devices/" + Client::escape(device)).at("update");
  progress.stage("deploying: " + text_of(state, "state"));
  progress.update(state.at("bytes_done").get<std::size_t>(), state.at("bytes_total").get<std::size_t>());
}

}  // namespace

std::string upload_application(Client& client, const protocol::Bundle& bundle,
                               const std::string& unique_name) {
  Progress progress("uploading");
  const protocol::Bytes zip = protocol::write_bundle(bundle);
  const json app = client.upload("/v1/Apps", std::string(protocol::as_text(zip)), unique_name,
                                 [&](std::size_t done, std::size_t total) { progress.update(done, total); });
  return text_of(app, "sid");
}

void set_target(Client& client, const std::string& device, const std::string& app) {
  client.post_form("/v1/Devices/" + Client::escape(device), {{"TargetApp", app}});
}

void wait_for_deployment(Client& client, const std::string& device, const std::function<bool()>& keep_going) {
  Progress progress("deploying");
  for (;;) {
    const json answer = client.get("/api/devices/" + Client::escape(device) + "/wait?Timeout=1");
    const json& app = answer.at("app");
    const std::string status = text_of(app, "update_status");
    if (status == "up-to-date") return;
    if (status == "error") {
      throw Failure("the deployment failed: " + explain_error(app.at("update_error_code").get<int>()));
    }
    if (!keep_going()) throw Failure("interrupted; the deployment goes on");
    show_progress(client, device, progress);
  }
}

}  // namespace microvisor::cli
