// What devices have proved to run, a row each, and the measurements that are known by their account.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {

AttestationRecord SqliteStore::attestation(const std::string& device_sid) {
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

void SqliteStore::set_attestation(const std::string& device_sid, const AttestationRecord& record) {
  database_.prepare("INSERT OR REPLACE INTO attestations VALUES (?, ?, ?, ?, ?, ?)")
      .bind(std::string_view(device_sid))
      .bind(static_cast<std::int64_t>(record.status))
      .bind(std::string_view(record.reason))
      .bind_optional(record.checked)
      .bind(protocol::ByteView(record.statement))
      .bind_optional(record.verified)
      .step();
}

std::vector<Measurement> SqliteStore::measurements(const std::string& account_sid) {
  Statement query =
      database_.prepare("SELECT digest, name FROM measurements WHERE account_sid = ? ORDER BY name, digest");
  query.bind(std::string_view(account_sid));
  std::vector<Measurement> measurements;
  while (query.step()) {
    Measurement& measurement = measurements.emplace_back();
    measurement.digest = query.hash();
    measurement.name = query.text();
  }
  return measurements;
}

void SqliteStore::set_measurement(const std::string& account_sid, const Measurement& measurement) {
  database_.prepare("INSERT OR REPLACE INTO measurements VALUES (?, ?, ?)")
      .bind(std::string_view(account_sid))
      .bind(protocol::ByteView(measurement.digest))
      .bind(std::string_view(measurement.name))
      .step();
}

bool SqliteStore::remove_measurement(const std::string& account_sid, const protocol::Hash& digest) {
  database_.prepare("DELETE FROM measurements WHERE account_sid = ? AND digest = ?")
      .bind(std::string_view(account_sid))
      .bind(protocol::ByteView(digest))
      .step();
  return database_.changes() != 0;
}

}  // namespace microvisor::cloud
