#include "cli/key_pair.hpp"

#include <CLI/App.hpp>

#include <filesystem>

#include "cli/failure.hpp"
#include "cli/files.hpp"

namespace microvisor::cli {

protocol::PublicKey write_key_pair(const KeyPairFiles& files) {
  for (const std::string& file : {files.private_file, files.public_file}) {
    if (!files.force && std::filesystem::exists(file))
      throw Failure(file + " exists (--force overwrites it)");
  }
  const auto key = protocol::SigningKey::generate();
  write_private_file(files.private_file, protocol::as_bytes(key.private_pem()));
  write_file(files.public_file, protocol::as_bytes(key.public_pem()));
  return key.public_key();
}

void add_force_option(CLI::App& command, KeyPairFiles& files) {
  command.add_flag("--force", files.force, "Overwrite files that exist");
}

}  // namespace microvisor::cli
