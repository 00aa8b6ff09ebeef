// The live log of a device, on stdout.
#pragma once

#include <functional>
#include <string>

#include "cli/client.hpp"

namespace microvisor::cli {

/// Prints records as text or as a JSON object a line, until `keep_going` says no.
void follow_log(Client& client, const std::string& device, bool as_json,
                const std::function<bool()>& keep_going);

}  // namespace microvisor::cli
