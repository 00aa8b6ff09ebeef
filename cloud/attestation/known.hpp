// Which measurements an account knows: those of the releases of Microvisor that it has uploaded, and those
// that its operator has named.
//
// Layers of a release that are encrypted cannot be measured here; for them, and for what the factory writes
// without its being uploaded, the operator names the measurements. Lives on the service thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cloud/store/store.hpp"

namespace microvisor::cloud {

class KnownMeasurements {
 public:
  explicit KnownMeasurements(Store& store) : store_(store) {}

  /// What to call each of them, by digest: "release 1.2.0", or the operator's name for it.
  [[nodiscard]] std::map<protocol::Hash, std::string> of(const std::string& account_sid);

 private:
  [[nodiscard]] std::vector<protocol::Hash> measure(const Kernel& kernel);

  Store& store_;
  std::map<std::string, std::vector<protocol::Hash>> releases_;  // measured already, by account and manifest
};

}  // namespace microvisor::cloud
