// A zip reader for input that nobody vouches for, and the writer beside it.
//
// Only what bundlers write is read: one disk, no encryption, methods stored and DEFLATE, no zip64. The reader
// keeps a view of the archive (the caller's memory has to outlive it) and a small directory; entries are
// inflated one at a time, and inflating stops at the limit. Format: PKWARE APPNOTE 6.3.3, sections 4.3.6
// to 4.3.16.
#pragma once

#include <string>
#include <vector>

#include "protocol/bundle/bytes.hpp"
#include "protocol/bundle/failure.hpp"

namespace microvisor::protocol {

struct ZipEntry {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint32_t compressed_size = 0;
  std::uint32_t size = 0;  ///< as the directory claims
  std::uint32_t header_offset = 0;
};

class ZipReader {
 public:
  /// Reads the directory of at most `max_entries` entries. Names are checked: none absolute, none with "..",
  /// no two alike.
  static Result<ZipReader> open(ByteView archive, std::size_t max_entries);

  [[nodiscard]] const std::vector<ZipEntry>& entries() const { return entries_; }
  [[nodiscard]] const ZipEntry* find(std::string_view name) const;
  /// The entry's content, checked against its CRC; refused as soon as it exceeds `limit` bytes.
  [[nodiscard]] Result<Bytes> read(const ZipEntry& entry, std::size_t limit) const;

 private:
  explicit ZipReader(ByteView archive) : archive_(archive) {}
  Result<void> read_directory(std::size_t max_entries);

  ByteView archive_;
  std::vector<ZipEntry> entries_;
};

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
