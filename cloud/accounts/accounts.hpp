// Accounts: who may do what, and the key that signs an account's applications.
//
// Tokens and API-key secrets are random, so their plain SHA-256 is enough to keep. The owner's signing key is
// kept sealed and opened for each signature. Lives on the service thread.
#pragma once

#include <optional>
#include <string>

#include "cloud/accounts/vault.hpp"
#include "cloud/store/store.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cloud {

struct NewAccount {
  std::string sid;
  std::string auth_token;  ///< to be shown once
};
struct NewApiKey {
  std::string sid;
  std::string secret;  ///< to be shown once
};

class Accounts {
 public:
  Accounts(Store& store, const Vault& vault, const Clock& clock)
      : store_(store), vault_(vault), clock_(clock) {}

  /// SID and token of an account to be.
  [[nodiscard]] static NewAccount prepare();
  /// Stores it, with a new owner's key.
  void create(const NewAccount& account);
  NewApiKey create_api_key(const std::string& account_sid, const std::string& name);

  /// The account that a pair of account SID and token, or of API key and secret, belongs to.
  [[nodiscard]] std::optional<Account> authenticate(const std::string& user,
                                                    const std::string& password) const;

  /// Throws std::runtime_error if the sealed key does not open.
  [[nodiscard]] protocol::SigningKey owner_key(const Account& account) const;

 private:
  Store& store_;
  const Vault& vault_;
  const Clock& clock_;
};

}  // namespace microvisor::cloud
