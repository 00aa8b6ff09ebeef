// What the operator says about the relays on the command line. A value; cloud/relay/policy.hpp makes sense of
// it.
#pragma once

#include <string>
#include <vector>

namespace microvisor::cloud {

struct RelayOptions {
  std::vector<std::string> resolve{};  ///< HOST:PORT:ADDRESS[:PORT]
  std::string authorities{};           ///< a file of certificates (PEM) that are trusted beside the system's
};

}  // namespace microvisor::cloud
