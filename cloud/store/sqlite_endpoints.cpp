// What accounts have defined for the opaque channels of their devices.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {

std::vector<Endpoint> SqliteStore::endpoints(const std::string& account_sid) {
  Statement query = database_.prepare("SELECT name, url FROM endpoints WHERE account_sid = ? ORDER BY name");
  query.bind(std::string_view(account_sid));
  std::vector<Endpoint> endpoints;
  while (query.step()) {
    std::string name = query.text();
    endpoints.push_back({std::move(name), query.text()});
  }
  return endpoints;
}

void SqliteStore::set_endpoint(const std::string& account_sid, const Endpoint& endpoint) {
  database_.prepare("INSERT OR REPLACE INTO endpoints (account_sid, name, url) VALUES (?, ?, ?)")
      .bind(std::string_view(account_sid))
      .bind(std::string_view(endpoint.name))
      .bind(std::string_view(endpoint.url))
      .step();
}

bool SqliteStore::remove_endpoint(const std::string& account_sid, const std::string& name) {
  database_.prepare("DELETE FROM endpoints WHERE account_sid = ? AND name = ?")
      .bind(std::string_view(account_sid))
      .bind(std::string_view(name))
      .step();
  return database_.changes() != 0;
}

}  // namespace microvisor::cloud
