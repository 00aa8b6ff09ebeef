// Configs and secrets: four lists a device can ask for, told apart by the columns of their place.
//
// What a value means, and whether it is sealed, is not the store's affair.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {
namespace {

constexpr const char* kColumns = "sequence, account_sid, device_sid, kind, key, value, changed";
constexpr const char* kPlace = "device_sid = ? AND account_sid = ? AND kind = ?";

Statement& bind_place(Statement& statement, const EntryPlace& place) {
  return statement.bind(std::string_view(place.device_sid))
      .bind(std::string_view(place.account_sid))
      .bind(static_cast<std::int64_t>(place.kind));
}

ConfigurationEntry read_entry(Statement& row) {
  ConfigurationEntry entry;
  entry.sequence = row.integer();
  entry.place.account_sid = row.text();
  entry.place.device_sid = row.text();
  entry.place.kind = static_cast<EntryKind>(row.integer());
  entry.key = row.text();
  entry.value = row.bytes();
  entry.changed = row.integer();
  return entry;
}

}  // namespace

Insert SqliteStore::add_entry(const ConfigurationEntry& entry) {
  Statement insert = database_.prepare(
      "INSERT INTO configuration (device_sid, account_sid, kind, key, value, changed) "
      "VALUES (?, ?, ?, ?, ?, ?)");
  bind_place(insert, entry.place)
      .bind(std::string_view(entry.key))
      .bind(protocol::ByteView(entry.value))
      .bind(entry.changed);
  return insert.execute() == Statement::Outcome::Conflict ? Insert::NameTaken : Insert::Done;
}

bool SqliteStore::change_entry(const ConfigurationEntry& entry) {
  Statement update = database_.prepare(std::string("UPDATE configuration SET value = ?, changed = ? WHERE ") +
                                       kPlace + " AND key = ?");
  update.bind(protocol::ByteView(entry.value)).bind(entry.changed);
  bind_place(update, entry.place).bind(std::string_view(entry.key)).step();
  return database_.changes() != 0;
}

std::optional<ConfigurationEntry> SqliteStore::entry(const EntryPlace& place, const std::string& key) {
  Statement query = database_.prepare(std::string("SELECT ") + kColumns + " FROM configuration WHERE " +
                                      kPlace + " AND key = ?");
  bind_place(query, place).bind(std::string_view(key));
  if (!query.step()) return std::nullopt;
  return read_entry(query);
}

Page<ConfigurationEntry> SqliteStore::entries(const EntryPlace& place, const PageRequest& request) {
  const auto bind = [&](Statement& query) { bind_place(query, place); };
  return page_where<ConfigurationEntry>("configuration", kColumns, kPlace, bind, request, read_entry);
}

bool SqliteStore::remove_entry(const EntryPlace& place, const std::string& key) {
  Statement removal =
      database_.prepare(std::string("DELETE FROM configuration WHERE ") + kPlace + " AND key = ?");
  bind_place(removal, place).bind(std::string_view(key)).step();
  return database_.changes() != 0;
}

}  // namespace microvisor::cloud
