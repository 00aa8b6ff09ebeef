// What devices have sent of themselves: test records and crash reports, of each device the latest.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {

void SqliteStore::add_test_record(const TestRecord& record) {
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

std::vector<TestRecord> SqliteStore::test_records(const std::string& device_sid) {
  Statement query = database_.prepare(
      "SELECT time, verdict, text FROM test_records WHERE device_sid = ? ORDER BY sequence");
  query.bind(std::string_view(device_sid));
  std::vector<TestRecord> records;
  while (query.step()) {
    TestRecord& record = records.emplace_back();
    record.device_sid = device_sid;
    record.time = query.integer();
    if (const auto verdict = query.optional_integer()) record.verdict = static_cast<std::uint32_t>(*verdict);
    record.text = query.text();
  }
  return records;
}

bool SqliteStore::add_crash_report(const CrashReport& report) {
  Transaction transaction(database_);
  const auto outcome =
      database_.prepare("INSERT INTO crash_reports (device_sid, hash, received, content) VALUES (?, ?, ?, ?)")
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

std::vector<CrashReport> SqliteStore::crash_reports(const std::string& device_sid) {
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

std::optional<CrashReport> SqliteStore::crash_report(const std::string& device_sid,
                                                     const protocol::Hash& hash) {
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

bool SqliteStore::remove_crash_report(const std::string& device_sid, const protocol::Hash& hash) {
  if (!crash_report(device_sid, hash)) return false;
  database_.prepare("DELETE FROM crash_reports WHERE device_sid = ? AND hash = ?")
      .bind(std::string_view(device_sid))
      .bind(protocol::ByteView(hash))
      .step();
  return true;
}

}  // namespace microvisor::cloud
