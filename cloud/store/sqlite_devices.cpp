// Devices: the columns of a row are listed once, in the order in which they are bound and read.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {
namespace {

/// What update_device() writes. By group: what is wanted of the device and how far that is; what it has told;
/// its kernel.
constexpr const char* kWritten[] = {"unique_name",
                                    "certificate_hash",
                                    "updated",
                                    "target_sid",
                                    "target_hash",
                                    "targeted",
                                    "status",
                                    "error_code",
                                    "progress_state",
                                    "progress_done",
                                    "progress_total",
                                    "progress_shown",
                                    "progress_sent",
                                    "encodings_allowed",
                                    "reported_sid",
                                    "reported_hash",
                                    "reported",
                                    "logging_enabled",
                                    "logging_expires",

                                    "last_seen",
                                    "kernel_version",
                                    "kernel_version_number",
                                    "app_running",
                                    "boot_count",
                                    "wake_reason",
                                    "signers",
                                    "keys_sequence",
                                    "keys_error",
                                    "layer_keys",
                                    "certificate",

                                    "kernel_running",
                                    "kernel_target",
                                    "kernel_targeted",
                                    "kernel_status",
                                    "kernel_error",
                                    "kernel_progress_state",
                                    "kernel_progress_done",
                                    "kernel_progress_total",
                                    "kernel_progress_shown",

                                    "module",
                                    "module_version",
                                    "module_running",
                                    "module_target",
                                    "module_targeted",
                                    "module_status",
                                    "module_error",
                                    "module_progress_state",
                                    "module_progress_done",
                                    "module_progress_total",
                                    "module_progress_shown",

                                    "bearer",
                                    "bearer_signal_dbm",
                                    "bearer_roaming",
                                    "bearer_other_failed"};

struct Sql {
  std::string columns;  ///< of a query, as read_device() reads them
  std::string insert;
  std::string update;

  Sql() {
    std::string names;
    std::string values;
    std::string assignments;
    for (const char* column : kWritten) {
      names.append(", ").append(column);
      values.append(", ?");
      assignments.append(assignments.empty() ? "" : ", ").append(column).append(" = ?");
    }
    columns = "sequence, sid, account_sid, created" + names;
    insert = "INSERT INTO devices (sid, account_sid, created" + names + ") VALUES (?, ?, ?" + values + ")";
    update = "UPDATE devices SET " + assignments + " WHERE sid = ?";
  }
};

const Sql& sql() {
  static const Sql made;
  return made;
}

UpdateProgress read_progress(Statement& row) {
  UpdateProgress progress;
  progress.state = static_cast<int>(row.integer());
  progress.bytes_done = static_cast<std::uint32_t>(row.integer());
  progress.bytes_total = static_cast<std::uint32_t>(row.integer());
  progress.shown = static_cast<std::uint32_t>(row.integer());
  return progress;
}

void bind_progress(Statement& statement, const UpdateProgress& progress) {
  statement.bind(std::int64_t{progress.state})
      .bind(std::int64_t{progress.bytes_done})
      .bind(std::int64_t{progress.bytes_total})
      .bind(std::int64_t{progress.shown});
}

void read_wanted(Statement& row, Device& device) {
  device.unique_name = row.optional_text();
  device.certificate_hash = row.text();
  device.updated = row.integer();
  device.target_sid = row.optional_text();
  device.target_hash = row.optional_hash();
  device.targeted = row.optional_integer();
  device.status = static_cast<UpdateStatus>(row.integer());
  device.error_code = static_cast<int>(row.integer());
  device.progress = read_progress(row);
  device.progress.bytes_sent = static_cast<std::uint32_t>(row.integer());
  device.encodings_allowed = row.integer() != 0;
  device.reported_sid = row.optional_text();
  device.reported_hash = row.optional_hash();
  device.reported = row.optional_integer();
  device.logging_enabled = row.integer() != 0;
  device.logging_expires = row.optional_integer();
}

void bind_wanted(Statement& statement, const Device& device) {
  statement.bind_optional(device.unique_name)
      .bind(std::string_view(device.certificate_hash))
      .bind(device.updated)
      .bind_optional(device.target_sid)
      .bind_optional(device.target_hash)
      .bind_optional(device.targeted)
      .bind(static_cast<std::int64_t>(device.status))
      .bind(std::int64_t{device.error_code});
  bind_progress(statement, device.progress);
  statement.bind(std::int64_t{device.progress.bytes_sent})
      .bind(std::int64_t{device.encodings_allowed})
      .bind_optional(device.reported_sid)
      .bind_optional(device.reported_hash)
      .bind_optional(device.reported)
      .bind(std::int64_t{device.logging_enabled})
      .bind_optional(device.logging_expires);
}

void read_told(Statement& row, Device& device) {
  device.last_seen = row.optional_integer();
  device.kernel_version = row.text();
  device.kernel_version_number = static_cast<std::uint32_t>(row.integer());
  device.app_running = row.integer() != 0;
  device.boot_count = static_cast<std::uint64_t>(row.integer());
  device.wake_reason = static_cast<std::uint32_t>(row.integer());
  device.signers = unpack_numbers(row.bytes());
  device.keys_sequence = static_cast<std::uint64_t>(row.integer());
  device.keys_error = static_cast<int>(row.integer());
  device.layer_keys = unpack_numbers(row.bytes());
  device.certificate = row.text();
}

void bind_told(Statement& statement, const Device& device) {
  statement.bind_optional(device.last_seen)
      .bind(std::string_view(device.kernel_version))
      .bind(std::int64_t{device.kernel_version_number})
      .bind(std::int64_t{device.app_running})
      .bind(static_cast<std::int64_t>(device.boot_count))
      .bind(std::int64_t{device.wake_reason})
      .bind(protocol::ByteView(pack_numbers(device.signers)))
      .bind(static_cast<std::int64_t>(device.keys_sequence))
      .bind(std::int64_t{device.keys_error})
      .bind(protocol::ByteView(pack_numbers(device.layer_keys)))
      .bind(std::string_view(device.certificate));
}

KernelState read_kernel(Statement& row) {
  KernelState kernel;
  kernel.running = row.optional_hash();
  kernel.target = row.optional_hash();
  kernel.targeted = row.optional_integer();
  kernel.status = static_cast<UpdateStatus>(row.integer());
  kernel.error_code = static_cast<int>(row.integer());
  kernel.progress = read_progress(row);
  return kernel;
}

void bind_kernel(Statement& statement, const KernelState& kernel) {
  statement.bind_optional(kernel.running)
      .bind_optional(kernel.target)
      .bind_optional(kernel.targeted)
      .bind(static_cast<std::int64_t>(kernel.status))
      .bind(std::int64_t{kernel.error_code});
  bind_progress(statement, kernel.progress);
}

BearerState read_bearer(Statement& row) {
  BearerState bearer;
  bearer.kind = static_cast<int>(row.integer());
  bearer.signal_dbm = static_cast<int>(row.integer());
  bearer.roaming = row.integer() != 0;
  bearer.other_failed = static_cast<int>(row.integer());
  return bearer;
}

void bind_bearer(Statement& statement, const BearerState& bearer) {
  statement.bind(std::int64_t{bearer.kind})
      .bind(std::int64_t{bearer.signal_dbm})
      .bind(std::int64_t{bearer.roaming})
      .bind(std::int64_t{bearer.other_failed});
}

Device read_device(Statement& row) {
  Device device;
  device.sequence = row.integer();
  device.sid = row.text();
  device.account_sid = row.text();
  device.created = row.integer();
  read_wanted(row, device);
  read_told(row, device);
  device.kernel = read_kernel(row);
  device.module = row.text();
  device.module_version = static_cast<std::uint32_t>(row.integer());
  device.module_firmware = read_kernel(row);
  device.bearer = read_bearer(row);
  return device;
}

/// As kWritten.
void bind_device(Statement& statement, const Device& device) {
  bind_wanted(statement, device);
  bind_told(statement, device);
  bind_kernel(statement, device.kernel);
  statement.bind(std::string_view(device.module)).bind(std::int64_t{device.module_version});
  bind_kernel(statement, device.module_firmware);
  bind_bearer(statement, device.bearer);
}

}  // namespace

Insert SqliteStore::add_device(const Device& device) {
  if (device_by_sid(device.sid)) return Insert::SidTaken;
  Statement insert = database_.prepare(sql().insert);
  insert.bind(std::string_view(device.sid)).bind(std::string_view(device.account_sid)).bind(device.created);
  bind_device(insert, device);
  return insert.execute() == Statement::Outcome::Conflict ? Insert::NameTaken : Insert::Done;
}

std::optional<Device> SqliteStore::device(const std::string& account_sid, const std::string& name) {
  Statement query = database_.prepare(
      "SELECT " + sql().columns +
      " FROM devices WHERE account_sid = ?1 AND (sid = ?2 OR unique_name = ?2) ORDER BY sid <> ?2");
  query.bind(std::string_view(account_sid)).bind(std::string_view(name));
  if (!query.step()) return std::nullopt;
  return read_device(query);
}

std::optional<Device> SqliteStore::device_by_sid(const std::string& sid) {
  Statement query = database_.prepare("SELECT " + sql().columns + " FROM devices WHERE sid = ?");
  query.bind(std::string_view(sid));
  if (!query.step()) return std::nullopt;
  return read_device(query);
}

Page<Device> SqliteStore::devices(const std::string& account_sid, const PageRequest& request) {
  return page<Device>("devices", sql().columns, account_sid, request, read_device);
}

Insert SqliteStore::update_device(const Device& device) {
  Statement update = database_.prepare(sql().update);
  bind_device(update, device);
  update.bind(std::string_view(device.sid));
  return update.execute() == Statement::Outcome::Conflict ? Insert::NameTaken : Insert::Done;
}

void SqliteStore::move_device(const std::string& sid, const std::string& account_sid) {
  Transaction transaction(database_);
  database_
      .prepare(
          "UPDATE devices SET account_sid = ?, unique_name = NULL, target_sid = NULL, target_hash = NULL, "
          "targeted = NULL, status = 0, error_code = 0, progress_state = 0, progress_done = 0, "
          "progress_total = 0, progress_shown = 0, reported_sid = NULL, logging_enabled = 1, "
          "logging_expires = NULL WHERE sid = ?")
      .bind(std::string_view(account_sid))
      .bind(std::string_view(sid))
      .step();
  database_.prepare("DELETE FROM crash_reports WHERE device_sid = ?").bind(std::string_view(sid)).step();
  database_.prepare("DELETE FROM configuration WHERE device_sid = ?").bind(std::string_view(sid)).step();
  database_.prepare("DELETE FROM attestations WHERE device_sid = ?").bind(std::string_view(sid)).step();
  transaction.commit();
}

AppReturn SqliteStore::app_return(const std::string& device_sid) {
  Statement query = database_.prepare(
      "SELECT after_crashes, within_seconds, crashes, last_good, returned_from, returned FROM app_returns "
      "WHERE device_sid = ?");
  query.bind(std::string_view(device_sid));
  AppReturn record;
  if (!query.step()) return record;
  record.after_crashes = static_cast<std::uint32_t>(query.integer());
  record.within_seconds = static_cast<std::uint32_t>(query.integer());
  for (const std::uint64_t moment : unpack_numbers(query.bytes()))
    record.crashes.push_back(static_cast<Timestamp>(moment));
  record.last_good = query.optional_text();
  record.returned_from = query.optional_text();
  record.returned = query.integer();
  return record;
}

void SqliteStore::set_app_return(const std::string& device_sid, const AppReturn& record) {
  const std::vector<std::uint64_t> crashes(record.crashes.begin(), record.crashes.end());
  database_.prepare("INSERT OR REPLACE INTO app_returns VALUES (?, ?, ?, ?, ?, ?, ?)")
      .bind(std::string_view(device_sid))
      .bind(std::int64_t{record.after_crashes})
      .bind(std::int64_t{record.within_seconds})
      .bind(protocol::ByteView(pack_numbers(crashes)))
      .bind_optional(record.last_good)
      .bind_optional(record.returned_from)
      .bind(record.returned)
      .step();
}

}  // namespace microvisor::cloud
