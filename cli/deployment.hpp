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

/// Whether updates travel to `device` compressed or as differences where that is less, or whole, from now on.
void set_update_travel(Client& client, const std::string& device, bool encoded);

/// Makes `app` the target of `device`.
void set_target(Client& client, const std::string& device, const std::string& app);

/// Waits until the device runs its target; the bytes that were sent to it for that. Throws Failure when the
/// deployment ends in an error or `keep_going` says no. Shows progress on stderr.
std::size_t wait_for_deployment(Client& client, const std::string& device,
                                const std::function<bool()>& keep_going);

}  // namespace microvisor::cli
