// Configs and secrets: small texts that an account keeps for its applications, for all its devices or for
// one.
//
// Configs may be read by whoever may ask the API, secrets by devices alone. So a secret lies sealed in the
// store, for its account, device and key: a database that was read tells none, and what was altered in one,
// or put into another one's place, does not open. Lives on the service thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cloud/accounts/vault.hpp"
#include "cloud/clock/clock.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud {

inline constexpr std::size_t kMaxKeyCharacters = 100;
inline constexpr std::size_t kMaxValueCharacters = 4096;

/// By which an application names it (MvConfigKeyFetchScope).
enum class EntryScope : int { Account = 0, Device = 1 };

/// What a device gets for one key.
struct FetchedValue {
  enum class Status : std::uint8_t { Found, NotFound, Unreadable } status = Status::NotFound;
  std::string value;
};

class Values {
 public:
  Values(Store& store, const Vault& vault, const Clock& clock)
      : store_(store), vault_(vault), clock_(clock) {}

  /// 1 to 100 printable ASCII characters.
  [[nodiscard]] static bool is_key(std::string_view key);
  /// UTF-8 of at most 4096 characters, none of them NUL: an application may take it for a C string.
  [[nodiscard]] static bool is_value(std::string_view value);

  /// Nothing if the place has the key already. `key` and `value` are such.
  std::optional<ConfigurationEntry> create(const EntryPlace& place, const std::string& key,
                                           std::string_view value);
  /// Nothing if it is not there.
  std::optional<ConfigurationEntry> change(const EntryPlace& place, const std::string& key,
                                           std::string_view value);

  /// For a device: a value of its account's, or of its own. Never throws: what the store cannot give is
  /// Unreadable. A device that is not the account's finds nothing.
  [[nodiscard]] FetchedValue fetch(const std::string& account_sid, const std::string& device_sid,
                                   EntryScope scope, EntryKind kind, const std::string& key) const;

 private:
  [[nodiscard]] ConfigurationEntry make_entry(const EntryPlace& place, const std::string& key,
                                              std::string_view value) const;
  [[nodiscard]] FetchedValue open(const ConfigurationEntry& entry) const;

  Store& store_;
  const Vault& vault_;
  const Clock& clock_;
};

}  // namespace microvisor::cloud
