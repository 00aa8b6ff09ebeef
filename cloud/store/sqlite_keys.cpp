// Who may have a device, and the changes of keys that make it take another's signatures.
//
// Sequences of changes are moments of the cloud's clock and fit into SQLite's signed integers; what a device
// says of its last one need not.
#include <algorithm>

#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {
namespace {

std::vector<protocol::Bytes> read_messages(Statement& query) {
  std::vector<protocol::Bytes> messages;
  while (query.step()) messages.push_back(query.bytes());
  return messages;
}

}  // namespace

std::optional<Custody> SqliteStore::custody(const std::string& device_sid) {
  Statement query = database_.prepare("SELECT * FROM custody WHERE device_sid = ?");
  query.bind(std::string_view(device_sid));
  if (!query.step()) return std::nullopt;
  Custody custody;
  custody.device_sid = query.text();
  custody.maker_sid = query.text();
  custody.claim = query.optional_hash();
  custody.claimable = query.integer() != 0;
  custody.offer = query.optional_hash();
  custody.offer_expires = query.optional_integer();
  custody.receiver_sid = query.text();
  custody.erase = query.integer() != 0;
  custody.sequence = static_cast<std::uint64_t>(query.integer());
  return custody;
}

void SqliteStore::set_custody(const Custody& custody) {
  database_.prepare("INSERT OR REPLACE INTO custody VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(std::string_view(custody.device_sid))
      .bind(std::string_view(custody.maker_sid))
      .bind_optional(custody.claim)
      .bind(std::int64_t{custody.claimable})
      .bind_optional(custody.offer)
      .bind_optional(custody.offer_expires)
      .bind(std::string_view(custody.receiver_sid))
      .bind(std::int64_t{custody.erase})
      .bind(static_cast<std::int64_t>(custody.sequence))
      .step();
}

void SqliteStore::add_key_change(const StoredKeyChange& change) {
  database_.prepare("INSERT INTO key_changes VALUES (?, ?, ?, ?)")
      .bind(std::string_view(change.account_sid))
      .bind(static_cast<std::int64_t>(change.sequence))
      .bind(std::string_view(change.device_sid))
      .bind(protocol::ByteView(change.message))
      .step();
}

std::vector<protocol::Bytes> SqliteStore::account_key_changes(const std::string& account_sid) {
  Statement query = database_.prepare(
      "SELECT message FROM key_changes INDEXED BY key_changes_by_device WHERE account_sid = ? AND device_sid "
      "= "
      "'' ORDER BY sequence");
  query.bind(std::string_view(account_sid));
  return read_messages(query);
}

std::uint64_t SqliteStore::last_key_change(const std::string& account_sid) {
  Statement query = database_.prepare("SELECT max(sequence) FROM key_changes WHERE account_sid = ?");
  query.bind(std::string_view(account_sid));
  query.step();
  return static_cast<std::uint64_t>(query.optional_integer().value_or(0));
}

std::vector<protocol::Bytes> SqliteStore::pending_key_changes(const Device& device) {
  Statement query = database_.prepare(kPendingKeyChanges);
  query.bind(std::string_view(device.account_sid))
      .bind(std::string_view(device.sid))
      .bind(static_cast<std::int64_t>(std::min<std::uint64_t>(device.keys_sequence, INT64_MAX)));
  return read_messages(query);
}

}  // namespace microvisor::cloud
