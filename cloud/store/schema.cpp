// Each version adds to the one before; what stands in a released version never changes.
#include "cloud/store/schema.hpp"

#include <cstdint>

#include "cloud/store/store.hpp"

namespace microvisor::cloud {
namespace {

constexpr int kSchemaVersion = 15;

constexpr const char* kSchema = R"(
CREATE TABLE accounts (
  sid TEXT PRIMARY KEY, auth_token_hash TEXT NOT NULL, owner_public_key TEXT NOT NULL,
  owner_private_key BLOB NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE api_keys (
  sid TEXT PRIMARY KEY, account_sid TEXT NOT NULL REFERENCES accounts, secret_hash TEXT NOT NULL,
  name TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE objects (hash BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE apps (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT NOT NULL UNIQUE, account_sid TEXT NOT NULL REFERENCES accounts,
  unique_name TEXT, manifest_hash BLOB NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  UNIQUE (account_sid, unique_name));
CREATE INDEX apps_by_manifest ON apps (account_sid, manifest_hash);
CREATE TABLE app_objects (
  app_sid TEXT NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL REFERENCES objects,
  PRIMARY KEY (app_sid, position)) WITHOUT ROWID;
CREATE INDEX app_objects_by_hash ON app_objects (hash);
CREATE TABLE devices (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT NOT NULL UNIQUE, account_sid TEXT NOT NULL REFERENCES accounts,
  unique_name TEXT, certificate_hash TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  target_sid TEXT, target_hash BLOB, targeted INTEGER, status INTEGER NOT NULL, error_code INTEGER NOT NULL,
  progress_state INTEGER NOT NULL, progress_done INTEGER NOT NULL, progress_total INTEGER NOT NULL,
  progress_shown INTEGER NOT NULL,
  reported_sid TEXT, reported_hash BLOB, reported INTEGER,
  logging_enabled INTEGER NOT NULL, logging_expires INTEGER,
  last_seen INTEGER, kernel_version TEXT NOT NULL, kernel_version_number INTEGER NOT NULL,
  app_running INTEGER NOT NULL, boot_count INTEGER NOT NULL, wake_reason INTEGER NOT NULL,
  UNIQUE (account_sid, unique_name));
CREATE INDEX devices_by_target ON devices (target_sid);
CREATE TABLE installation (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)";

/// What version 2 adds to version 1.
constexpr const char* kCrashReports = R"(
CREATE TABLE crash_reports (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, device_sid TEXT NOT NULL, hash BLOB NOT NULL, received INTEGER NOT NULL,
  content BLOB NOT NULL, UNIQUE (device_sid, hash));
)";

/// What version 3 adds to version 2.
constexpr const char* kKeyChanges = R"(
CREATE TABLE key_changes (
  account_sid TEXT NOT NULL REFERENCES accounts, sequence INTEGER NOT NULL, device_sid TEXT NOT NULL, message BLOB NOT NULL,
  PRIMARY KEY (account_sid, sequence)) WITHOUT ROWID;
ALTER TABLE devices ADD COLUMN signers BLOB NOT NULL DEFAULT x'';
ALTER TABLE devices ADD COLUMN keys_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN keys_error INTEGER NOT NULL DEFAULT 0;
)";

/// What version 4 adds to version 3.
constexpr const char* kEncodings = R"(
ALTER TABLE devices ADD COLUMN progress_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN encodings_allowed INTEGER NOT NULL DEFAULT 1;
)";

/// What version 5 adds to version 4.
constexpr const char* kKernels = R"(
CREATE TABLE kernels (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, account_sid TEXT NOT NULL REFERENCES accounts, manifest_hash BLOB NOT NULL,
  version TEXT NOT NULL, version_number INTEGER NOT NULL, security_ratchet INTEGER NOT NULL, device_type INTEGER NOT NULL,
  created INTEGER NOT NULL, UNIQUE (account_sid, manifest_hash));
CREATE TABLE kernel_objects (
  account_sid TEXT NOT NULL, manifest_hash BLOB NOT NULL, hash BLOB NOT NULL REFERENCES objects,
  PRIMARY KEY (account_sid, manifest_hash, hash)) WITHOUT ROWID;
CREATE INDEX kernel_objects_by_hash ON kernel_objects (hash);
ALTER TABLE devices ADD COLUMN kernel_running BLOB;
ALTER TABLE devices ADD COLUMN kernel_target BLOB;
ALTER TABLE devices ADD COLUMN kernel_targeted INTEGER;
ALTER TABLE devices ADD COLUMN kernel_status INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN kernel_error INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN kernel_progress_state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN kernel_progress_done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN kernel_progress_total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN kernel_progress_shown INTEGER NOT NULL DEFAULT 0;
)";

/// What version 6 adds to version 5.
constexpr const char* kAppReturns = R"(
CREATE TABLE app_returns (
  device_sid TEXT PRIMARY KEY, after_crashes INTEGER NOT NULL, within_seconds INTEGER NOT NULL, crashes BLOB NOT NULL,
  last_good TEXT, returned_from TEXT, returned INTEGER NOT NULL) WITHOUT ROWID;
)";

/// What version 7 adds to version 6.
constexpr const char* kCustody = R"(
CREATE TABLE custody (
  device_sid TEXT PRIMARY KEY, maker_sid TEXT NOT NULL, claim BLOB, claimable INTEGER NOT NULL, offer BLOB,
  offer_expires INTEGER, receiver_sid TEXT NOT NULL, erase INTEGER NOT NULL, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE test_records (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, device_sid TEXT NOT NULL, time INTEGER NOT NULL, verdict INTEGER,
  text TEXT NOT NULL);
CREATE INDEX test_records_by_device ON test_records (device_sid, sequence);
)";

/// What version 8 adds to version 7.
constexpr const char* kLayerKeys = R"(
ALTER TABLE devices ADD COLUMN layer_keys BLOB NOT NULL DEFAULT x'';
ALTER TABLE devices ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
)";

/// What version 9 adds to version 8.
constexpr const char* kAttestations = R"(
CREATE TABLE attestations (
  device_sid TEXT PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT NULL, checked INTEGER, statement BLOB NOT NULL,
  verified INTEGER) WITHOUT ROWID;
CREATE TABLE measurements (
  account_sid TEXT NOT NULL REFERENCES accounts, digest BLOB NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (account_sid, digest)) WITHOUT ROWID;
)";

/// What version 10 adds to version 9.
constexpr const char* kKeyChangesByDevice = R"(
CREATE INDEX key_changes_by_device ON key_changes (account_sid, device_sid, sequence);
)";

/// What version 11 adds to version 10. An empty device_sid is account scope; the index serves lists of one
/// place, and finds all that a device has when it changes hands.
constexpr const char* kConfiguration = R"(
CREATE TABLE configuration (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, account_sid TEXT NOT NULL REFERENCES accounts, device_sid TEXT NOT NULL,
  kind INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, changed INTEGER NOT NULL,
  UNIQUE (device_sid, account_sid, kind, key));
)";

/// What version 12 adds to version 11.
constexpr const char* kAllowedHosts = R"(
CREATE TABLE allowed_hosts (
  account_sid TEXT NOT NULL REFERENCES accounts, host TEXT NOT NULL, PRIMARY KEY (account_sid, host)) WITHOUT ROWID;
)";

/// What version 13 adds to version 12.
constexpr const char* kEndpoints = R"(
CREATE TABLE endpoints (
  account_sid TEXT NOT NULL REFERENCES accounts, name TEXT NOT NULL, url TEXT NOT NULL,
  PRIMARY KEY (account_sid, name)) WITHOUT ROWID;
)";

/// What version 14 adds to version 13.
constexpr const char* kModules = R"(
ALTER TABLE kernels ADD COLUMN module TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN module TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN module_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN module_running BLOB;
ALTER TABLE devices ADD COLUMN module_target BLOB;
ALTER TABLE devices ADD COLUMN module_targeted INTEGER;
ALTER TABLE devices ADD COLUMN module_status INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN module_error INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN module_progress_state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN module_progress_done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN module_progress_total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN module_progress_shown INTEGER NOT NULL DEFAULT 0;
)";

/// What version 15 adds to version 14.
constexpr const char* kBearers = R"(
ALTER TABLE devices ADD COLUMN bearer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN bearer_signal_dbm INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN bearer_roaming INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN bearer_other_failed INTEGER NOT NULL DEFAULT 0;
)";

std::int64_t user_version(Database& database) {
  Statement query = database.prepare("PRAGMA user_version");
  return query.step() ? query.integer() : 0;
}

}  // namespace

void bring_up_to_date(Database& database, const std::string& path) {
  const std::int64_t version = user_version(database);
  if (version > kSchemaVersion) throw StoreError(path + " was made by a newer version of this program");
  if (version == 0) database.run(kSchema);
  if (version < 2) database.run(kCrashReports);
  if (version < 3) database.run(kKeyChanges);
  if (version < 4) database.run(kEncodings);
  if (version < 5) database.run(kKernels);
  if (version < 6) database.run(kAppReturns);
  if (version < 7) database.run(kCustody);
  if (version < 8) database.run(kLayerKeys);
  if (version < 9) database.run(kAttestations);
  if (version < 10) database.run(kKeyChangesByDevice);
  if (version < 11) database.run(kConfiguration);
  if (version < 12) database.run(kAllowedHosts);
  if (version < 13) database.run(kEndpoints);
  if (version < 14) database.run(kModules);
  if (version < 15) database.run(kBearers);
  if (version < kSchemaVersion) {
    database.run(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
  }
}

}  // namespace microvisor::cloud
