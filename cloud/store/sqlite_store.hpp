// The store in one SQLite file: one class over one connection, its functions in a file a room.
//
// Here only what the rooms share. The file is held exclusively: two servers on one data directory would each
// believe they own the devices.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/store/sqlite.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud {

/// Parameters: account, device, sequence of the last one it took. A device has few, an account some for each
/// device it ever sold, so they are looked up in their index; without being told SQLite would walk through
/// the account's.
inline constexpr const char* kPendingKeyChanges =
    "SELECT message FROM key_changes INDEXED BY key_changes_by_device "
    "WHERE account_sid = ? AND device_sid IN ('', ?) AND sequence > ? ORDER BY sequence";

/// Key ids and moments are kept as 8 bytes each, big-endian.
[[nodiscard]] protocol::Bytes pack_numbers(const std::vector<std::uint64_t>& numbers);
[[nodiscard]] std::vector<std::uint64_t> unpack_numbers(const protocol::Bytes& bytes);

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::string& path);

  // sqlite_accounts.cpp
  void add_account(const Account& account) override;
  std::optional<Account> account(const std::string& sid) override;
  std::optional<Account> first_account() override;
  void add_api_key(const ApiKey& key) override;
  std::optional<ApiKey> api_key(const std::string& sid) override;
  void set_value(const std::string& name, protocol::ByteView value) override;
  std::optional<protocol::Bytes> value(const std::string& name) override;

  // sqlite_apps.cpp
  Insert add_app(const App& app, const Objects& objects) override;
  std::optional<App> app(const std::string& account_sid, const std::string& name) override;
  std::optional<App> app_with_manifest(const std::string& account_sid, const protocol::Hash& hash) override;
  Page<App> apps(const std::string& account_sid, const PageRequest& request) override;
  bool remove_app(const std::string& account_sid, const std::string& sid) override;
  bool add_kernel(const Kernel& kernel, const Objects& objects) override;
  std::vector<Kernel> kernels(const std::string& account_sid) override;
  void remove_kernel(const std::string& account_sid, const protocol::Hash& hash) override;
  std::optional<protocol::Bytes> object(const std::string& account_sid, const protocol::Hash& hash) override;

  // sqlite_devices.cpp
  Insert add_device(const Device& device) override;
  std::optional<Device> device(const std::string& account_sid, const std::string& name) override;
  std::optional<Device> device_by_sid(const std::string& sid) override;
  Page<Device> devices(const std::string& account_sid, const PageRequest& request) override;
  Insert update_device(const Device& device) override;
  void move_device(const std::string& sid, const std::string& account_sid) override;
  AppReturn app_return(const std::string& device_sid) override;
  void set_app_return(const std::string& device_sid, const AppReturn& record) override;

  // sqlite_keys.cpp
  std::optional<Custody> custody(const std::string& device_sid) override;
  void set_custody(const Custody& custody) override;
  void add_key_change(const StoredKeyChange& change) override;
  std::vector<protocol::Bytes> account_key_changes(const std::string& account_sid) override;
  std::uint64_t last_key_change(const std::string& account_sid) override;
  std::vector<protocol::Bytes> pending_key_changes(const Device& device) override;

  // sqlite_relays.cpp
  std::vector<std::string> allowed_hosts(const std::string& account_sid) override;
  bool allow_host(const std::string& account_sid, const std::string& host) override;
  bool disallow_host(const std::string& account_sid, const std::string& host) override;

  // sqlite_endpoints.cpp
  std::vector<Endpoint> endpoints(const std::string& account_sid) override;
  void set_endpoint(const std::string& account_sid, const Endpoint& endpoint) override;
  bool remove_endpoint(const std::string& account_sid, const std::string& name) override;

  // sqlite_attestations.cpp
  AttestationRecord attestation(const std::string& device_sid) override;
  void set_attestation(const std::string& device_sid, const AttestationRecord& record) override;
  std::vector<Measurement> measurements(const std::string& account_sid) override;
  void set_measurement(const std::string& account_sid, const Measurement& measurement) override;
  bool remove_measurement(const std::string& account_sid, const protocol::Hash& digest) override;

  // sqlite_configuration.cpp
  Insert add_entry(const ConfigurationEntry& entry) override;
  bool change_entry(const ConfigurationEntry& entry) override;
  std::optional<ConfigurationEntry> entry(const EntryPlace& place, const std::string& key) override;
  Page<ConfigurationEntry> entries(const EntryPlace& place, const PageRequest& request) override;
  bool remove_entry(const EntryPlace& place, const std::string& key) override;

  // sqlite_reports.cpp
  void add_test_record(const TestRecord& record) override;
  std::vector<TestRecord> test_records(const std::string& device_sid) override;
  bool add_crash_report(const CrashReport& report) override;
  std::vector<CrashReport> crash_reports(const std::string& device_sid) override;
  std::optional<CrashReport> crash_report(const std::string& device_sid, const protocol::Hash& hash) override;
  bool remove_crash_report(const std::string& device_sid, const protocol::Hash& hash) override;

 private:
  void add_object(const protocol::Hash& hash, protocol::ByteView content);
  void drop_unused_objects();
  /// The first app that `query`, all of its parameters bound, finds.
  std::optional<App> one_app(Statement& query);
  /// Fills in the layers and the manifest, which stands last among an app's objects.
  void add_objects(App& app);
  /// Of a table whose rows have `sequence` and `account_sid`.
  template <class T>
  Page<T> page(const std::string& table, const std::string& columns, const std::string& account_sid,
               const PageRequest& request, T (*read)(Statement&)) {
    const auto bind = [&](Statement& query) { query.bind(std::string_view(account_sid)); };
    return page_where<T>(table, columns, "account_sid = ?", bind, request, read);
  }
  /// Of those rows of a table with `sequence` that `condition` is true of; `bind` binds its parameters.
  template <class T>
  Page<T> page_where(const std::string& table, const std::string& columns, const std::string& condition,
                     const std::function<void(Statement&)>& bind, const PageRequest& request,
                     T (*read)(Statement&));

  Database database_;
};

template <class T>
Page<T> SqliteStore::page_where(const std::string& table, const std::string& columns,
                                const std::string& condition, const std::function<void(Statement&)>& bind,
                                const PageRequest& request, T (*read)(Statement&)) {
  const bool backward = request.after.has_value();
  const std::string order =
      backward ? "sequence > ? ORDER BY sequence ASC" : "sequence < ? ORDER BY sequence DESC";
  Statement query = database_.prepare("SELECT " + columns + " FROM " + table + " WHERE " + condition +
                                      " AND " + order + " LIMIT ? OFFSET ?");
  bind(query);
  query.bind(backward ? *request.after : request.before.value_or(INT64_MAX))
      .bind(static_cast<std::int64_t>(request.limit + 1))
      .bind(static_cast<std::int64_t>(request.offset));
  Page<T> page;
  while (query.step()) page.items.push_back(read(query));
  const bool more = page.items.size() > request.limit;
  if (more) page.items.pop_back();
  if (backward) std::reverse(page.items.begin(), page.items.end());
  page.has_newer = backward ? more : (request.before.has_value() || request.offset > 0);
  page.has_older = backward ? true : more;
  return page;
}

}  // namespace microvisor::cloud
