// A deployment seen from the operator's side: upload, name as target, wait for the outcome.
#pragma once

#include <functional>
#include <string>

#include "cli/client.hpp"
#include "protocol/bundle/bundle.hpp"

namespace microvisor::cli {

/// Uploads the bundle, with progress on stderr; the new application as the API shows it.
nlohmann::json upload_application(Client& client, const protocol::Bundle& bundle,
                                  const std::string& unique_name = {});

/// Makes `app` the target of `device`.
void set_target(Client& client, const std::string& device, const std::string& app);

/// Waits until the device runs its target. Throws Failure when the deployment ends in an error or
/// `keep_going` says no. Shows progress on stderr.
void wait_for_deployment(Client& client, const std::string& device, const std::function<bool()>& keep_going);

}  // namespace microvisor::cli
