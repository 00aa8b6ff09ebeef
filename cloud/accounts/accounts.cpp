// Only hashes of tokens and secrets reach the store; comparisons take the same time for right and wrong.
#include "cloud/accounts/accounts.hpp"

#include "cloud/accounts/sid.hpp"

namespace microvisor::cloud {
namespace {

std::string secret_hash(std::string_view secret) {
  return protocol::to_hex(protocol::sha256(protocol::as_bytes(secret)));
}

std::string purpose_of(const std::string& account_sid) { return "owner key of " + account_sid; }

}  // namespace

NewAccount Accounts::prepare() { return {make_sid(kAccountPrefix), random_hex(16)}; }

void Accounts::create(const NewAccount& made) {
  const auto key = protocol::SigningKey::generate();
  Account account;
  account.sid = made.sid;
  account.auth_token_hash = secret_hash(made.auth_token);
  account.owner_public_key = key.public_pem();
  account.owner_private_key = vault_.seal(purpose_of(made.sid), key.private_pem());
  account.created = clock_.now();
  store_.add_account(account);
}

NewApiKey Accounts::create_api_key(const std::string& account_sid, const std::string& name) {
  NewApiKey made{make_sid(kKeyPrefix), random_hex(16)};
  store_.add_api_key({made.sid, account_sid, secret_hash(made.secret), name, clock_.now()});
  return made;
}

std::optional<Account> Accounts::authenticate(const std::string& user, const std::string& password) const {
  const std::string hash = secret_hash(password);
  if (is_sid(kAccountPrefix, user)) {
    auto account = store_.account(lower_sid(user));
    if (account && equal_secrets(account->auth_token_hash, hash)) return account;
  } else if (is_sid(kKeyPrefix, user)) {
    const auto key = store_.api_key(lower_sid(user));
    if (key && equal_secrets(key->secret_hash, hash)) return store_.account(key->account_sid);
  }
  return std::nullopt;
}

protocol::SigningKey Accounts::owner_key(const Account& account) const {
  const auto pem = vault_.open_sealed(purpose_of(account.sid), account.owner_private_key);
  if (!pem) throw std::runtime_error("the master key is not the one this database was made with");
  auto key = protocol::SigningKey::from_pem(*pem);
  if (!key) throw std::runtime_error("the owner's key of " + account.sid + " cannot be read");
  return std::move(*key);
}

}  // namespace microvisor::cloud
