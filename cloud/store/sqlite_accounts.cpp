// Accounts, their API keys, and what the installation keeps of its own: rows as they were given, found by
// their name.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {
namespace {

std::optional<Account> read_account(Statement& query) {
  if (!query.step()) return std::nullopt;
  Account account;
  account.sid = query.text();
  account.auth_token_hash = query.text();
  account.owner_public_key = query.text();
  account.owner_private_key = query.bytes();
  account.created = query.integer();
  return account;
}

}  // namespace

void SqliteStore::add_account(const Account& account) {
  database_.prepare("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)")
      .bind(std::string_view(account.sid))
      .bind(std::string_view(account.auth_token_hash))
      .bind(std::string_view(account.owner_public_key))
      .bind(protocol::ByteView(account.owner_private_key))
      .bind(account.created)
      .step();
}

std::optional<Account> SqliteStore::account(const std::string& sid) {
  Statement query = database_.prepare("SELECT * FROM accounts WHERE sid = ?");
  query.bind(std::string_view(sid));
  return read_account(query);
}

std::optional<Account> SqliteStore::first_account() {
  Statement query = database_.prepare("SELECT * FROM accounts ORDER BY created, sid LIMIT 1");
  return read_account(query);
}

void SqliteStore::add_api_key(const ApiKey& key) {
  database_.prepare("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?)")
      .bind(std::string_view(key.sid))
      .bind(std::string_view(key.account_sid))
      .bind(std::string_view(key.secret_hash))
      .bind(std::string_view(key.name))
      .bind(key.created)
      .step();
}

std::optional<ApiKey> SqliteStore::api_key(const std::string& sid) {
  Statement query = database_.prepare("SELECT * FROM api_keys WHERE sid = ?");
  query.bind(std::string_view(sid));
  if (!query.step()) return std::nullopt;
  ApiKey key;
  key.sid = query.text();
  key.account_sid = query.text();
  key.secret_hash = query.text();
  key.name = query.text();
  key.created = query.integer();
  return key;
}

void SqliteStore::set_value(const std::string& name, protocol::ByteView value) {
  database_.prepare("INSERT OR REPLACE INTO installation VALUES (?, ?)")
      .bind(std::string_view(name))
      .bind(value)
      .step();
}

std::optional<protocol::Bytes> SqliteStore::value(const std::string& name) {
  Statement query = database_.prepare("SELECT value FROM installation WHERE name = ?");
  query.bind(std::string_view(name));
  if (!query.step()) return std::nullopt;
  return query.bytes();
}

}  // namespace microvisor::cloud
