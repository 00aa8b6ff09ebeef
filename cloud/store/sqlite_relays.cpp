// What accounts have said about the relays.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {

std::vector<std::string> SqliteStore::allowed_hosts(const std::string& account_sid) {
  Statement query = database_.prepare("SELECT host FROM allowed_hosts WHERE account_sid = ? ORDER BY host");
  query.bind(std::string_view(account_sid));
  std::vector<std::string> hosts;
  while (query.step()) hosts.push_back(query.text());
  return hosts;
}

bool SqliteStore::allow_host(const std::string& account_sid, const std::string& host) {
  database_.prepare("INSERT OR IGNORE INTO allowed_hosts VALUES (?, ?)")
      .bind(std::string_view(account_sid))
      .bind(std::string_view(host))
      .step();
  return database_.changes() != 0;
}

bool SqliteStore::disallow_host(const std::string& account_sid, const std::string& host) {
  database_.prepare("DELETE FROM allowed_hosts WHERE account_sid = ? AND host = ?")
      .bind(std::string_view(account_sid))
      .bind(std::string_view(host))
      .step();
  return database_.changes() != 0;
}

}  // namespace microvisor::cloud
