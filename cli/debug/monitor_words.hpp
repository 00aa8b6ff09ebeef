// The words of GDB's `monitor` on a device: what a debugger is asked for beside the protocol of GDB.
//
// What they are given lives as long as the target.
#pragma once

#include <string>

#include "cli/client.hpp"
#include "cli/debug/remote_target.hpp"

namespace microvisor::cli::debug {

/// Words that the device answers.
void add_words(RemoteTarget& target, const DeviceSession& session);
/// Words that ask the cloud.
void add_cloud_words(RemoteTarget& target, Client& client, const std::string& sid);
/// What is said in their place where there is none.
void add_direct_words(RemoteTarget& target, const std::string& sid);

}  // namespace microvisor::cli::debug
