// SQLite with the tedium taken off: a connection, statements that are finalised, transactions that roll back.
//
// Errors are StoreError with SQLite's own words. One connection, one thread.
#pragma once

#include <sqlite3.h>

#include <optional>
#include <string>
#include <unordered_map>

#include "cloud/store/store.hpp"

namespace microvisor::cloud {

class Database;

/// One execution of a prepared statement: bind in order, step, read columns in order. Goes back to the cache.
class Statement {
 public:
  Statement(Database& database, sqlite3_stmt* handle) : database_(database), handle_(handle) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(protocol::ByteView bytes);
  Statement& bind_null();
  template <class T>
  Statement& bind_optional(const std::optional<T>& value) {
    return value ? bind_value(*value) : bind_null();
  }

  /// True: a row is there. False: done.
  bool step();
  /// Like step(), but a violated UNIQUE constraint is reported instead of thrown.
  enum class Outcome : std::uint8_t { Done, Conflict };
  Outcome execute();

  std::int64_t integer();
  std::string text();
  protocol::Bytes bytes();
  protocol::Hash hash();
  bool is_null() const;
  void skip() { ++column_; }
  std::optional<std::int64_t> optional_integer();
  std::optional<std::string> optional_text();
  std::optional<protocol::Hash> optional_hash();

 private:
  Statement& bind_value(std::int64_t value) { return bind(value); }
  Statement& bind_value(const std::string& value) { return bind(std::string_view(value)); }
  Statement& bind_value(const protocol::Hash& value) { return bind(protocol::ByteView(value)); }

  Database& database_;
  sqlite3_stmt* handle_;
  int parameter_ = 0;
  int column_ = 0;
};

class Database {
 public:
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Statement prepare(const std::string& sql);
  void run(const char* sql);
  [[nodiscard]] std::int64_t changes() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  friend class Statement;
  friend class Transaction;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

/// Rolled back unless commit() was called.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace microvisor::cloud
