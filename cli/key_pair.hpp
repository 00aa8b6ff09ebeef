// Pairs of keys as files: both in PEM, the private one readable by its owner alone.
#pragma once

#include <string>

#include "protocol/bundle/crypto.hpp"

namespace CLI {
class App;
}

namespace microvisor::cli {

struct KeyPairFiles {
  std::string private_file;
  std::string public_file;
  bool force = false;  ///< overwrite files that exist
};

/// Makes a P-256 key and writes both halves. Throws Failure if a file exists.
protocol::PublicKey write_key_pair(const KeyPairFiles& files);

/// "--force", "Overwrite files that exist".
void add_force_option(CLI::App& command, KeyPairFiles& files);

}  // namespace microvisor::cli
