// /v1 is asked for what the original service had, /api for progress and for waiting.
#include "cli/deployment.hpp"

#include <nlohmann/json.hpp>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "protocol/link/update_error.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

json update_of(Client& client, const std::string& device) {
  return client.get("/api/devices/" + Client::escape(device)).at("update");
}

void show_progress(Client& client, const std::string& device, Progress& progress) {
  const json state = update_of(client, device);
  progress.stage("deploying: " + text_of(state, "state"));
  progress.update(state.at("bytes_done").get<std::size_t>(), state.at("bytes_total").get<std::size_t>());
}

}  // namespace

json upload_application(Client& client, const protocol::Bundle& bundle, const std::string& unique_name) {
  Progress progress("uploading");
  const protocol::Bytes zip = protocol::write_bundle(bundle);
  return client.upload("/v1/Apps", std::string(protocol::as_text(zip)), unique_name,
                       [&](std::size_t done, std::size_t total) { progress.update(done, total); });
}

void set_update_travel(Client& client, const std::string& device, bool encoded) {
  client.post_json("/api/devices/" + Client::escape(device), {{"updates", encoded ? "automatic" : "whole"}});
}

void set_target(Client& client, const std::string& device, const std::string& app) {
  client.post_form("/v1/Devices/" + Client::escape(device), {{"TargetApp", app}});
}

std::size_t wait_for_deployment(Client& client, const std::string& device,
                                const std::function<bool()>& keep_going) {
  Progress progress("deploying");
  for (;;) {
    const json answer = client.get("/api/devices/" + Client::escape(device) + "/wait?Timeout=1");
    const json& app = answer.at("app");
    const std::string status = text_of(app, "update_status");
    if (status == "up-to-date") return update_of(client, device).at("bytes_sent").get<std::size_t>();
    if (status == "error") {
      throw Failure("the deployment failed: " +
                    protocol::describe_update_error(app.at("update_error_code").get<int>()));
    }
    if (!keep_going()) throw Failure("interrupted; the deployment goes on");
    show_progress(client, device, progress);
  }
}

}  // namespace microvisor::cli
