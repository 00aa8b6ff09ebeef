// The store in one SQLite file.
//
// Objects (layers and signed manifests) are kept once, by their hash; app_objects says which app refers to
// which. The file is held exclusively: two servers on one data directory would each believe they own the
// devices.
#include <algorithm>

#include "cloud/store/schema.hpp"
#include "cloud/store/sqlite.hpp"

namespace microvisor::cloud {
namespace {

const std::string kAppColumns = "sequence, sid, account_sid, unique_name, manifest_hash, created, updated";
const std::string kDeviceColumns =
    "sequence, sid, account_sid, unique_name, certificate_hash, created, updated, target_sid, target_hash, "
    "targeted, "
    "status, error_code, progress_state, progress_done, progress_total, progress_shown, reported_sid, "
    "reported_hash, "
    "reported, logging_enabled, logging_expires, last_seen, kernel_version, kernel_version_number, "
    "app_running, "
    "boot_count, wake_reason, signers, keys_sequence, keys_error, progress_sent, encodings_allowed, "
    "kernel_running, "
    "kernel_target, kernel_targeted, kernel_status, kernel_error, kernel_progress_state, "
    "kernel_progress_done, "
    "kernel_progress_total, kernel_progress_shown, layer_keys, certificate";

/// Key ids and moments are kept as 8 bytes each, big-endian.
protocol::Bytes pack_ids(const std::vector<std::uint64_t>& ids) {
  protocol::Bytes bytes;
  for (const std::uint64_t id : ids) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(id >> shift));
  }
  return bytes;
}

std::vector<std::uint64_t> unpack_ids(const protocol::Bytes& bytes) {
  std::vector<std::uint64_t> ids(bytes.size() / 8);
  for (std::size_t i = 0; i < 8 * ids.size(); ++i) ids[i / 8] = ids[i / 8] << 8 | bytes[i];
  return ids;
}

App read_app(Statement& row) {
  App app;
  app.sequence = row.integer();
  app.sid = row.text();
  app.account_sid = row.text();
  app.unique_name = row.optional_text();
  app.manifest_hash = row.hash();
  app.created = row.integer();
  app.updated = row.integer();
  return app;
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

Device read_device(Statement& row) {
  Device device;
  device.sequence = row.integer();
  device.sid = row.text();
  device.account_sid = row.text();
  device.unique_name = row.optional_text();
  device.certificate_hash = row.text();
  device.created = row.integer();
  device.updated = row.integer();
  device.target_sid = row.optional_text();
  device.target_hash = row.optional_hash();
  device.targeted = row.optional_integer();
  device.status = static_cast<UpdateStatus>(row.integer());
  device.error_code = static_cast<int>(row.integer());
  device.progress = read_progress(row);
  device.reported_sid = row.optional_text();
  device.reported_hash = row.optional_hash();
  device.reported = row.optional_integer();
  device.logging_enabled = row.integer() != 0;
  device.logging_expires = row.optional_integer();
  device.last_seen = row.optional_integer();
  device.kernel_version = row.text();
  device.kernel_version_number = static_cast<std::uint32_t>(row.integer());
  device.app_running = row.integer() != 0;
  device.boot_count = static_cast<std::uint64_t>(row.integer());
  device.wake_reason = static_cast<std::uint32_t>(row.integer());
  device.signers = unpack_ids(row.bytes());
  device.keys_sequence = static_cast<std::uint64_t>(row.integer());
  device.keys_error = static_cast<int>(row.integer());
  device.progress.bytes_sent = static_cast<std::uint32_t>(row.integer());
  device.encodings_allowed = row.integer() != 0;
  KernelState& kernel = device.kernel;
  kernel.running = row.optional_hash();
  kernel.target = row.optional_hash();
  kernel.targeted = row.optional_integer();
  kernel.status = static_cast<UpdateStatus>(row.integer());
  kernel.error_code = static_cast<int>(row.integer());
  kernel.progress = read_progress(row);
  device.layer_keys = unpack_ids(row.bytes());
  device.certificate = row.text();
  return device;
}

/// Everything that update_device() writes, in the order of kDeviceColumns from unique_name on, without the
/// dates of creation.
void bind_device(Statement& statement, const Device& device) {
  statement.bind_optional(device.unique_name)
      .bind(std::string_view(device.certificate_hash))
      .bind(device.updated)
      .bind_optional(device.target_sid)
      .bind_optional(device.target_hash)
      .bind_optional(device.targeted)
      .bind(static_cast<std::int64_t>(device.status))
      .bind(std::int64_t{device.error_code});
  bind_progress(statement, device.progress);
  statement.bind_optional(device.reported_sid)
      .bind_optional(device.reported_hash)
      .bind_optional(device.reported)
      .bind(std::int64_t{device.logging_enabled})
      .bind_optional(device.logging_expires)
      .bind_optional(device.last_seen)
      .bind(std::string_view(device.kernel_version))
      .bind(std::int64_t{device.kernel_version_number})
      .bind(std::int64_t{device.app_running})
      .bind(static_cast<std::int64_t>(device.boot_count))
      .bind(std::int64_t{device.wake_reason})
      .bind(protocol::ByteView(pack_ids(device.signers)))
      .bind(static_cast<std::int64_t>(device.keys_sequence))
      .bind(std::int64_t{device.keys_error})
      .bind(std::int64_t{device.progress.bytes_sent})
      .bind(std::int64_t{device.encodings_allowed})
      .bind_optional(device.kernel.running)
      .bind_optional(device.kernel.target)
      .bind_optional(device.kernel.targeted)
      .bind(static_cast<std::int64_t>(device.kernel.status))
      .bind(std::int64_t{device.kernel.error_code});
  bind_progress(statement, device.kernel.progress);
  statement.bind(protocol::ByteView(pack_ids(device.layer_keys))).bind(std::string_view(device.certificate));
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::string& path) : database_(path) {
    database_.run("PRAGMA locking_mode = EXCLUSIVE");
    database_.run("PRAGMA journal_mode = WAL");
    database_.run("PRAGMA synchronous = FULL");
    Transaction transaction(database_);
    bring_up_to_date(database_, path);
    transaction.commit();
  }

  void add_account(const Account& account) override {
    database_.prepare("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)")
        .bind(std::string_view(account.sid))
        .bind(std::string_view(account.auth_token_hash))
        .bind(std::string_view(account.owner_public_key))
        .bind(protocol::ByteView(account.owner_private_key))
        .bind(account.created)
        .step();
  }

  std::optional<Account> account(const std::string& sid) override {
    Statement query = database_.prepare("SELECT * FROM accounts WHERE sid = ?");
    query.bind(std::string_view(sid));
    return read_account(query);
  }

  std::optional<Account> first_account() override {
    Statement query = database_.prepare("SELECT * FROM accounts ORDER BY created, sid LIMIT 1");
    return read_account(query);
  }

  void add_api_key(const ApiKey& key) override {
    database_.prepare("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?)")
        .bind(std::string_view(key.sid))
        .bind(std::string_view(key.account_sid))
        .bind(std::string_view(key.secret_hash))
        .bind(std::string_view(key.name))
        .bind(key.created)
        .step();
  }

  std::optional<ApiKey> api_key(const std::string& sid) override {
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

  Insert add_app(const App& app,
                 const std::vector<std::pair<protocol::Hash, protocol::ByteView>>& objects) override {
    Transaction transaction(database_);
    const auto outcome = database_
                             .prepare(
                                 "INSERT INTO apps (sid, account_sid, unique_name, manifest_hash, created, "
                                 "updated) VALUES (?, ?, ?, ?, ?, ?)")
                             .bind(std::string_view(app.sid))
                             .bind(std::string_view(app.account_sid))
                             .bind_optional(app.unique_name)
                             .bind(protocol::ByteView(app.manifest_hash))
                             .bind(app.created)
                             .bind(app.updated)
                             .execute();
    if (outcome == Statement::Outcome::Conflict) return Insert::NameTaken;
    std::int64_t position = 0;
    for (const auto& [hash, content] : objects) {
      add_object(hash, content);
      database_.prepare("INSERT INTO app_objects VALUES (?, ?, ?)")
          .bind(std::string_view(app.sid))
          .bind(position++)
          .bind(protocol::ByteView(hash))
          .step();
    }
    transaction.commit();
    return Insert::Done;
  }

  std::optional<App> app(const std::string& account_sid, const std::string& name) override {
    return one_app(
        "SELECT " + kAppColumns +
            " FROM apps WHERE account_sid = ?1 AND (sid = ?2 OR unique_name = ?2) ORDER BY sid <> ?2",
        account_sid, protocol::as_bytes(name), true);
  }

  std::optional<App> app_with_manifest(const std::string& account_sid, const protocol::Hash& hash) override {
    return one_app(
        "SELECT " + kAppColumns +
            " FROM apps WHERE account_sid = ? AND manifest_hash = ? ORDER BY sequence DESC LIMIT 1",
        account_sid, hash, false);
  }

  Page<App> apps(const std::string& account_sid, const PageRequest& request) override {
    Page<App> page = list<App>("apps", kAppColumns, account_sid, request, read_app);
    for (App& app : page.items) add_objects(app);
    return page;
  }

  bool remove_app(const std::string& account_sid, const std::string& sid) override {
    Transaction transaction(database_);
    database_.prepare("DELETE FROM apps WHERE account_sid = ? AND sid = ?")
        .bind(std::string_view(account_sid))
        .bind(std::string_view(sid))
        .step();
    if (database_.changes() == 0) return false;
    database_.prepare("DELETE FROM app_objects WHERE app_sid = ?").bind(std::string_view(sid)).step();
    drop_unused_objects();
    database_
        .prepare(
            "UPDATE devices SET target_sid = NULL, target_hash = NULL, targeted = NULL, status = 0, "
            "error_code = 0 "
            "WHERE target_sid = ?")
        .bind(std::string_view(sid))
        .step();
    transaction.commit();
    return true;
  }

  bool add_kernel(const Kernel& kernel,
                  const std::vector<std::pair<protocol::Hash, protocol::ByteView>>& objects) override {
    Transaction transaction(database_);
    const auto outcome =
        database_
            .prepare(
                "INSERT INTO kernels (account_sid, manifest_hash, version, version_number, security_ratchet, "
                "device_type, created) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(std::string_view(kernel.account_sid))
            .bind(protocol::ByteView(kernel.manifest_hash))
            .bind(std::string_view(kernel.version))
            .bind(std::int64_t{kernel.version_number})
            .bind(std::int64_t{kernel.security_ratchet})
            .bind(std::int64_t{kernel.device_type})
            .bind(kernel.created)
            .execute();
    if (outcome == Statement::Outcome::Conflict) return false;
    for (const auto& [hash, content] : objects) {
      add_object(hash, content);
      database_.prepare("INSERT INTO kernel_objects VALUES (?, ?, ?)")
          .bind(std::string_view(kernel.account_sid))
          .bind(protocol::ByteView(kernel.manifest_hash))
          .bind(protocol::ByteView(hash))
          .step();
    }
    transaction.commit();
    return true;
  }

  std::vector<Kernel> kernels(const std::string& account_sid) override {
    Statement query = database_.prepare(
        "SELECT sequence, manifest_hash, version, version_number, security_ratchet, device_type, created "
        "FROM kernels WHERE account_sid = ? ORDER BY sequence DESC");
    query.bind(std::string_view(account_sid));
    std::vector<Kernel> kernels;
    while (query.step()) {
      Kernel& kernel = kernels.emplace_back();
      kernel.sequence = query.integer();
      kernel.account_sid = account_sid;
      kernel.manifest_hash = query.hash();
      kernel.version = query.text();
      kernel.version_number = static_cast<std::uint32_t>(query.integer());
      kernel.security_ratchet = static_cast<std::uint32_t>(query.integer());
      kernel.device_type = static_cast<std::uint32_t>(query.integer());
      kernel.created = query.integer();
    }
    return kernels;
  }

  void remove_kernel(const std::string& account_sid, const protocol::Hash& hash) override {
    Transaction transaction(database_);
    for (const char* sql :
         {"DELETE FROM kernels WHERE account_sid = ? AND manifest_hash = ?",
          "DELETE FROM kernel_objects WHERE account_sid = ? AND manifest_hash = ?",
          "UPDATE devices SET kernel_target = NULL, kernel_targeted = NULL, kernel_status = 0, "
          "kernel_error = 0 WHERE account_sid = ? AND kernel_target = ?"}) {
      database_.prepare(sql).bind(std::string_view(account_sid)).bind(protocol::ByteView(hash)).step();
    }
    drop_unused_objects();
    transaction.commit();
  }

  Insert add_device(const Device& device) override {
    if (device_by_sid(device.sid)) return Insert::SidTaken;
    Statement insert = database_.prepare(
        "INSERT INTO devices (sid, account_sid, created, unique_name, certificate_hash, updated, target_sid, "
        "target_hash, targeted, status, error_code, progress_state, progress_done, progress_total, "
        "progress_shown, "
        "reported_sid, reported_hash, reported, logging_enabled, logging_expires, last_seen, kernel_version, "
        "kernel_version_number, app_running, boot_count, wake_reason, signers, keys_sequence, keys_error, "
        "progress_sent, encodings_allowed, kernel_running, kernel_target, kernel_targeted, kernel_status, "
        "kernel_error, kernel_progress_state, kernel_progress_done, kernel_progress_total, "
        "kernel_progress_shown, layer_keys, certificate) "
        "VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(std::string_view(device.sid)).bind(std::string_view(device.account_sid)).bind(device.created);
    bind_device(insert, device);
    return insert.execute() == Statement::Outcome::Conflict ? Insert::NameTaken : Insert::Done;
  }

  std::optional<Device> device(const std::string& account_sid, const std::string& name) override {
    Statement query = database_.prepare(
        "SELECT " + kDeviceColumns +
        " FROM devices WHERE account_sid = ?1 AND (sid = ?2 OR unique_name = ?2) ORDER BY sid <> ?2");
    query.bind(std::string_view(account_sid)).bind(std::string_view(name));
    if (!query.step()) return std::nullopt;
    return read_device(query);
  }

  std::optional<Device> device_by_sid(const std::string& sid) override {
    Statement query = database_.prepare("SELECT " + kDeviceColumns + " FROM devices WHERE sid = ?");
    query.bind(std::string_view(sid));
    if (!query.step()) return std::nullopt;
    return read_device(query);
  }

  Page<Device> devices(const std::string& account_sid, const PageRequest& request) override {
    return list<Device>("devices", kDeviceColumns, account_sid, request, read_device);
  }

  Insert update_device(const Device& device) override {
    Statement update = database_.prepare(
        "UPDATE devices SET unique_name = ?, certificate_hash = ?, updated = ?, target_sid = ?, target_hash "
        "= ?, "
        "targeted = ?, status = ?, error_code = ?, progress_state = ?, progress_done = ?, progress_total = "
        "?, "
        "progress_shown = ?, reported_sid = ?, reported_hash = ?, reported = ?, logging_enabled = ?, "
        "logging_expires = ?, last_seen = ?, kernel_version = ?, kernel_version_number = ?, app_running = ?, "
        "boot_count = ?, wake_reason = ?, signers = ?, keys_sequence = ?, keys_error = ?, "
        "progress_sent = ?, encodings_allowed = ?, "
        "kernel_running = ?, kernel_target = ?, kernel_targeted = ?, kernel_status = ?, kernel_error = ?, "
        "kernel_progress_state = ?, kernel_progress_done = ?, kernel_progress_total = ?, "
        "kernel_progress_shown = ?, layer_keys = ?, certificate = ? WHERE sid = ?");
    bind_device(update, device);
    update.bind(std::string_view(device.sid));
    return update.execute() == Statement::Outcome::Conflict ? Insert::NameTaken : Insert::Done;
  }

  void move_device(const std::string& sid, const std::string& account_sid) override {
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
    database_.prepare("DELETE FROM attestations WHERE device_sid = ?").bind(std::string_view(sid)).step();
    transaction.commit();
  }

  std::optional<Custody> custody(const std::string& device_sid) override {
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

  void set_custody(const Custody& custody) override {
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

  void add_key_change(const StoredKeyChange& change) override {
    database_.prepare("INSERT INTO key_changes VALUES (?, ?, ?, ?)")
        .bind(std::string_view(change.account_sid))
        .bind(static_cast<std::int64_t>(change.sequence))
        .bind(std::string_view(change.device_sid))
        .bind(protocol::ByteView(change.message))
        .step();
  }

  std::vector<StoredKeyChange> key_changes(const std::string& account_sid) override {
    Statement query = database_.prepare(
        "SELECT sequence, device_sid, message FROM key_changes WHERE account_sid = ? ORDER BY sequence");
    query.bind(std::string_view(account_sid));
    std::vector<StoredKeyChange> changes;
    while (query.step()) {
      StoredKeyChange& change = changes.emplace_back();
      change.account_sid = account_sid;
      change.sequence = static_cast<std::uint64_t>(query.integer());
      change.device_sid = query.text();
      change.message = query.bytes();
    }
    return changes;
  }

  void add_test_record(const TestRecord& record) override {
    Transaction transaction(database_);
    std::optional<std::int64_t> verdict;
    if (record.verdict) verdict = *record.verdict;
    database_.prepare("INSERT INTO test_records (device_sid, time, verdict, text) VALUES (?, ?, ?, ?)")
        .bind(std::string_view(record.device_sid))
        .bind(record.time)
        .bind_optional(verdict)
        .bind(std::string_view(record.text))
        .step();
    database_
        .prepare(
            "DELETE FROM test_records WHERE device_sid = ?1 AND sequence NOT IN (SELECT sequence FROM "
            "test_records WHERE device_sid = ?1 ORDER BY sequence DESC LIMIT ?2)")
        .bind(std::string_view(record.device_sid))
        .bind(static_cast<std::int64_t>(kTestRecordsKept))
        .step();
    transaction.commit();
  }

  std::vector<TestRecord> test_records(const std::string& device_sid) override {
    Statement query = database_.prepare(
        "SELECT time, verdict, text FROM test_records WHERE device_sid = ? ORDER BY sequence");
    query.bind(std::string_view(device_sid));
    std::vector<TestRecord> records;
    while (query.step()) {
      TestRecord& record = records.emplace_back();
      record.device_sid = device_sid;
      record.time = query.integer();
      if (const auto verdict = query.optional_integer())
        record.verdict = static_cast<std::uint32_t>(*verdict);
      record.text = query.text();
    }
    return records;
  }

  bool add_crash_report(const CrashReport& report) override {
    Transaction transaction(database_);
    const auto outcome =
        database_
            .prepare("INSERT INTO crash_reports (device_sid, hash, received, content) VALUES (?, ?, ?, ?)")
            .bind(std::string_view(report.device_sid))
            .bind(protocol::ByteView(report.hash))
            .bind(report.received)
            .bind(protocol::ByteView(report.content))
            .execute();
    if (outcome == Statement::Outcome::Conflict) return false;
    database_
        .prepare(
            "DELETE FROM crash_reports WHERE device_sid = ?1 AND sequence NOT IN (SELECT sequence FROM "
            "crash_reports WHERE device_sid = ?1 ORDER BY sequence DESC LIMIT ?2)")
        .bind(std::string_view(report.device_sid))
        .bind(static_cast<std::int64_t>(kCrashReportsKept))
        .step();
    transaction.commit();
    return true;
  }

  AppReturn app_return(const std::string& device_sid) override {
    Statement query = database_.prepare(
        "SELECT after_crashes, within_seconds, crashes, last_good, returned_from, returned FROM app_returns "
        "WHERE device_sid = ?");
    query.bind(std::string_view(device_sid));
    AppReturn record;
    if (!query.step()) return record;
    record.after_crashes = static_cast<std::uint32_t>(query.integer());
    record.within_seconds = static_cast<std::uint32_t>(query.integer());
    for (const std::uint64_t moment : unpack_ids(query.bytes()))
      record.crashes.push_back(static_cast<Timestamp>(moment));
    record.last_good = query.optional_text();
    record.returned_from = query.optional_text();
    record.returned = query.integer();
    return record;
  }

  void set_app_return(const std::string& device_sid, const AppReturn& record) override {
    const std::vector<std::uint64_t> crashes(record.crashes.begin(), record.crashes.end());
    database_.prepare("INSERT OR REPLACE INTO app_returns VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(std::string_view(device_sid))
        .bind(std::int64_t{record.after_crashes})
        .bind(std::int64_t{record.within_seconds})
        .bind(protocol::ByteView(pack_ids(crashes)))
        .bind_optional(record.last_good)
        .bind_optional(record.returned_from)
        .bind(record.returned)
        .step();
  }

  AttestationRecord attestation(const std::string& device_sid) override {
    Statement query = database_.prepare(
        "SELECT status, reason, checked, statement, verified FROM attestations WHERE device_sid = ?");
    query.bind(std::string_view(device_sid));
    AttestationRecord record;
    if (!query.step()) return record;
    record.status = static_cast<AttestationStatus>(query.integer());
    record.reason = query.text();
    record.checked = query.optional_integer();
    record.statement = query.bytes();
    record.verified = query.optional_integer();
    return record;
  }

  void set_attestation(const std::string& device_sid, const AttestationRecord& record) override {
    database_.prepare("INSERT OR REPLACE INTO attestations VALUES (?, ?, ?, ?, ?, ?)")
        .bind(std::string_view(device_sid))
        .bind(static_cast<std::int64_t>(record.status))
        .bind(std::string_view(record.reason))
        .bind_optional(record.checked)
        .bind(protocol::ByteView(record.statement))
        .bind_optional(record.verified)
        .step();
  }

  std::vector<Measurement> measurements(const std::string& account_sid) override {
    Statement query = database_.prepare(
        "SELECT digest, name FROM measurements WHERE account_sid = ? ORDER BY name, digest");
    query.bind(std::string_view(account_sid));
    std::vector<Measurement> measurements;
    while (query.step()) {
      Measurement& measurement = measurements.emplace_back();
      measurement.digest = query.hash();
      measurement.name = query.text();
    }
    return measurements;
  }

  void set_measurement(const std::string& account_sid, const Measurement& measurement) override {
    database_.prepare("INSERT OR REPLACE INTO measurements VALUES (?, ?, ?)")
        .bind(std::string_view(account_sid))
        .bind(protocol::ByteView(measurement.digest))
        .bind(std::string_view(measurement.name))
        .step();
  }

  bool remove_measurement(const std::string& account_sid, const protocol::Hash& digest) override {
    database_.prepare("DELETE FROM measurements WHERE account_sid = ? AND digest = ?")
        .bind(std::string_view(account_sid))
        .bind(protocol::ByteView(digest))
        .step();
    return database_.changes() != 0;
  }

  std::vector<CrashReport> crash_reports(const std::string& device_sid) override {
    Statement query = database_.prepare(
        "SELECT hash, received, length(content) FROM crash_reports WHERE device_sid = ? ORDER BY sequence "
        "DESC");
    query.bind(std::string_view(device_sid));
    std::vector<CrashReport> reports;
    while (query.step()) {
      CrashReport& report = reports.emplace_back();
      report.device_sid = device_sid;
      report.hash = query.hash();
      report.received = query.integer();
      report.size = static_cast<std::size_t>(query.integer());
    }
    return reports;
  }

  std::optional<CrashReport> crash_report(const std::string& device_sid,
                                          const protocol::Hash& hash) override {
    Statement query =
        database_.prepare("SELECT received, content FROM crash_reports WHERE device_sid = ? AND hash = ?");
    query.bind(std::string_view(device_sid)).bind(protocol::ByteView(hash));
    if (!query.step()) return std::nullopt;
    CrashReport report;
    report.device_sid = device_sid;
    report.hash = hash;
    report.received = query.integer();
    report.content = query.bytes();
    report.size = report.content.size();
    return report;
  }

  bool remove_crash_report(const std::string& device_sid, const protocol::Hash& hash) override {
    if (!crash_report(device_sid, hash)) return false;
    database_.prepare("DELETE FROM crash_reports WHERE device_sid = ? AND hash = ?")
        .bind(std::string_view(device_sid))
        .bind(protocol::ByteView(hash))
        .step();
    return true;
  }

  std::optional<protocol::Bytes> object(const std::string& account_sid, const protocol::Hash& hash) override {
    Statement query = database_.prepare(
        "SELECT content FROM objects WHERE hash = ?1 AND (EXISTS (SELECT 1 FROM app_objects JOIN apps ON "
        "apps.sid = app_objects.app_sid WHERE app_objects.hash = ?1 AND apps.account_sid = ?2) OR EXISTS "
        "(SELECT 1 FROM kernel_objects WHERE kernel_objects.hash = ?1 AND account_sid = ?2))");
    query.bind(protocol::ByteView(hash)).bind(std::string_view(account_sid));
    if (!query.step()) return std::nullopt;
    return query.bytes();
  }

  void set_value(const std::string& name, protocol::ByteView value) override {
    database_.prepare("INSERT OR REPLACE INTO installation VALUES (?, ?)")
        .bind(std::string_view(name))
        .bind(value)
        .step();
  }

  std::optional<protocol::Bytes> value(const std::string& name) override {
    Statement query = database_.prepare("SELECT value FROM installation WHERE name = ?");
    query.bind(std::string_view(name));
    if (!query.step()) return std::nullopt;
    return query.bytes();
  }

 private:
  void add_object(const protocol::Hash& hash, protocol::ByteView content) {
    database_.prepare("INSERT OR IGNORE INTO objects VALUES (?, ?)")
        .bind(protocol::ByteView(hash))
        .bind(content)
        .step();
  }

  void drop_unused_objects() {
    database_
        .prepare(
            "DELETE FROM objects WHERE NOT EXISTS (SELECT 1 FROM app_objects WHERE app_objects.hash = "
            "objects.hash) AND NOT EXISTS (SELECT 1 FROM kernel_objects WHERE kernel_objects.hash = "
            "objects.hash)")
        .step();
  }

  static std::optional<Account> read_account(Statement& query) {
    if (!query.step()) return std::nullopt;
    Account account;
    account.sid = query.text();
    account.auth_token_hash = query.text();
    account.owner_public_key = query.text();
    account.owner_private_key = query.bytes();
    account.created = query.integer();
    return account;
  }

  std::optional<App> one_app(const std::string& sql, const std::string& account_sid, protocol::ByteView key,
                             bool text) {
    std::optional<App> app;
    {
      Statement query = database_.prepare(sql);
      query.bind(std::string_view(account_sid));
      if (text) {
        query.bind(protocol::as_text(key));
      } else {
        query.bind(key);
      }
      if (query.step()) app = read_app(query);
    }
    if (app) add_objects(*app);
    return app;
  }

  /// Fills in the layers and the manifest, which stands last among an app's objects.
  void add_objects(App& app) {
    Statement query = database_.prepare("SELECT hash FROM app_objects WHERE app_sid = ? ORDER BY position");
    query.bind(std::string_view(app.sid));
    while (query.step()) app.layers.push_back(query.hash());
    app.layers.pop_back();
    Statement content = database_.prepare("SELECT content FROM objects WHERE hash = ?");
    content.bind(protocol::ByteView(app.manifest_hash));
    if (!content.step()) throw StoreError("the manifest of app " + app.sid + " is missing");
    app.manifest = content.bytes();
  }

  template <class T>
  Page<T> list(const std::string& table, const std::string& columns, const std::string& account_sid,
               const PageRequest& request, T (*read)(Statement&)) {
    const bool backward = request.after.has_value();
    const std::string order =
        backward ? "sequence > ? ORDER BY sequence ASC" : "sequence < ? ORDER BY sequence DESC";
    Statement query = database_.prepare("SELECT " + columns + " FROM " + table +
                                        " WHERE account_sid = ? AND " + order + " LIMIT ? OFFSET ?");
    query.bind(std::string_view(account_sid))
        .bind(backward ? *request.after : request.before.value_or(INT64_MAX))
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

  Database database_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const std::string& path) {
  try {
    return std::make_unique<SqliteStore>(path);
  } catch (const StoreError& error) {
    const std::string what = error.what();
    if (what.find("locked") != std::string::npos) throw StoreError(path + " is in use by another server");
    throw;
  }
}

}  // namespace microvisor::cloud
