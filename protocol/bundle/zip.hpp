// The zip archives that bundles are: a reader for input that nobody vouches for, and the writer beside it.
//
// libzip knows the format; what a bundle may contain is decided here: plain names, no two alike, stored or
// DEFLATE, no passwords, and never more bytes out of an entry than its directory claims. The reader keeps a
// view of the archive, whose memory has to outlive it.
#pragma once

#include <zip.h>

#include <memory>
#include <string>
#include <vector>

#include "protocol/bundle/bytes.hpp"
#include "protocol/bundle/failure.hpp"

namespace microvisor::protocol {

struct ZipEntry {
  std::string name;
  std::uint64_t index = 0;  ///< in the directory
  std::uint64_t size = 0;   ///< inflated, as the directory claims
};

class ZipReader {
 public:
  /// Reads the directory of at most `max_entries` entries. Names are checked: none absolute, none with "..",
  /// no two alike.
  static Result<ZipReader> open(ByteView archive, std::size_t max_entries);

  [[nodiscard]] const std::vector<ZipEntry>& entries() const { return entries_; }
  [[nodiscard]] const ZipEntry* find(std::string_view name) const;
  /// The entry's content, checked against its CRC. Refused if it claims more than `limit` bytes or holds
  /// others than it claims.
  [[nodiscard]] Result<Bytes> read(const ZipEntry& entry, std::size_t limit) const;

 private:
  struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
  };

  explicit ZipReader(zip_t* archive) : archive_(archive) {}
  Result<void> read_directory();

  std::unique_ptr<zip_t, Discard> archive_;
  std::vector<ZipEntry> entries_;
};

/// The format by hand: the same input gives the same bytes, whatever libzip puts into flags, versions and
/// attributes.
class ZipWriter {
 public:
  void add(std::string_view name, ByteView content);
  /// The finished archive.
  [[nodiscard]] Bytes finish() &&;

 private:
  Bytes archive_;
  Bytes directory_;
  std::uint16_t count_ = 0;
};

}  // namespace microvisor::protocol
