// Every failure of SQLite becomes a StoreError with its message; a violated UNIQUE constraint is the one
// expected case.
#include "cloud/store/sqlite.hpp"

#include <algorithm>

namespace microvisor::cloud {

Statement::~Statement() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

Statement& Statement::bind(std::int64_t value) {
  if (sqlite3_bind_int64(handle_, ++parameter_, value) != SQLITE_OK) database_.fail("bind");
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  if (sqlite3_bind_text64(handle_, ++parameter_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8) !=
      SQLITE_OK) {
    database_.fail("bind");
  }
  return *this;
}

Statement& Statement::bind(protocol::ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;  // a null pointer would bind NULL instead of an empty blob
  const void* data = bytes.empty() ? &kNothing : bytes.data();
  if (sqlite3_bind_blob64(handle_, ++parameter_, data, bytes.size(), SQLITE_TRANSIENT) != SQLITE_OK) {
    database_.fail("bind");
  }
  return *this;
}

Statement& Statement::bind_null() {
  sqlite3_bind_null(handle_, ++parameter_);
  return *this;
}

bool Statement::step() {
  column_ = 0;
  const int status = sqlite3_step(handle_);
  if (status == SQLITE_ROW) return true;
  if (status != SQLITE_DONE) database_.fail("database");
  return false;
}

Statement::Outcome Statement::execute() {
  const int status = sqlite3_step(handle_);
  if (status == SQLITE_CONSTRAINT) return Outcome::Conflict;
  if (status != SQLITE_DONE) database_.fail("database");
  return Outcome::Done;
}

bool Statement::is_null() const { return sqlite3_column_type(handle_, column_) == SQLITE_NULL; }

std::int64_t Statement::integer() { return sqlite3_column_int64(handle_, column_++); }

std::string Statement::text() {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column_));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column_));
  ++column_;
  return data == nullptr ? std::string() : std::string(data, size);
}

protocol::Bytes Statement::bytes() {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column_));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column_));
  ++column_;
  return data == nullptr ? protocol::Bytes() : protocol::Bytes(data, data + size);
}

protocol::Hash Statement::hash() {
  const protocol::Bytes content = bytes();
  protocol::Hash result{};
  if (content.size() != result.size()) database_.fail("a stored hash has the wrong length");
  std::copy(content.begin(), content.end(), result.begin());
  return result;
}

std::optional<std::int64_t> Statement::optional_integer() {
  if (is_null()) return skip(), std::nullopt;
  return integer();
}

std::optional<std::string> Statement::optional_text() {
  if (is_null()) return skip(), std::nullopt;
  return text();
}

std::optional<protocol::Hash> Statement::optional_hash() {
  if (is_null()) return skip(), std::nullopt;
  return hash();
}

Database::Database(const std::string& path) {
  if (sqlite3_open_v2(path.c_str(), &handle_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    const std::string why = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    throw StoreError("cannot open " + path + ": " + why);
  }
  sqlite3_busy_timeout(handle_, 200);
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Statement Database::prepare(const std::string& sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr &&
      sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    fail("database");
  }
  return {*this, statement};
}

void Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("database");
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

void Database::fail(const std::string& what) const {
  throw StoreError(what + ": " + sqlite3_errmsg(handle_));
}

Transaction::Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_.handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace microvisor::cloud
