// The file is opened for this process alone, every commit is on the medium before it counts, and the tables
// are those of this version.
#include "cloud/store/sqlite_store.hpp"

#include "cloud/store/schema.hpp"

namespace microvisor::cloud {

protocol::Bytes pack_numbers(const std::vector<std::uint64_t>& numbers) {
  protocol::Bytes bytes;
  for (const std::uint64_t number : numbers) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return bytes;
}

std::vector<std::uint64_t> unpack_numbers(const protocol::Bytes& bytes) {
  std::vector<std::uint64_t> numbers(bytes.size() / 8);
  for (std::size_t i = 0; i < 8 * numbers.size(); ++i) numbers[i / 8] = numbers[i / 8] << 8 | bytes[i];
  return numbers;
}

SqliteStore::SqliteStore(const std::string& path) : database_(path) {
  database_.run("PRAGMA locking_mode = EXCLUSIVE");
  database_.run("PRAGMA journal_mode = WAL");
  database_.run("PRAGMA synchronous = FULL");
  Transaction transaction(database_);
  bring_up_to_date(database_, path);
  transaction.commit();
}

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
