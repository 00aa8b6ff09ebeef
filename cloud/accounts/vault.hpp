// Secrets at rest: sealed with a master key that lies in a file of its own beside the database.
//
// AES-256-GCM with a random nonce; the purpose a secret was sealed for is authenticated with it, so that one
// cannot be passed off as another. Whoever has only the database has none of the keys.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud {

class Vault {
 public:
  /// Reads the master key (32 bytes), or makes the file (mode 0600) if it does not exist.
  static tl::expected<Vault, std::string> open(const std::string& path);
  explicit Vault(const std::array<std::uint8_t, 32>& key) : key_(key) {}

  [[nodiscard]] protocol::Bytes seal(std::string_view purpose, std::string_view secret) const;
  /// Empty if the bytes were not sealed with this key for this purpose.
  [[nodiscard]] std::optional<std::string> open_sealed(std::string_view purpose,
                                                       protocol::ByteView sealed) const;

 private:
  std::array<std::uint8_t, 32> key_;
};

/// Writes a file that only the owner may read, replacing the old one in one step. False if that fails.
bool write_private_file(const std::string& path, std::string_view content);

/// Comparison whose time does not depend on where the texts differ.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace microvisor::cloud
