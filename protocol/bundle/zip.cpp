// Zip, the part of it that bundles use. Offsets and signatures: APPNOTE 6.3.3, sections 4.3.7 (local
// header), 4.3.12 (directory) and 4.3.16 (end of directory).
#include "protocol/bundle/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

namespace microvisor::protocol {
namespace {

constexpr std::uint32_t kLocalSignature = 0x0403'4B50;
constexpr std::uint32_t kDirectorySignature = 0x0201'4B50;
constexpr std::uint32_t kEndSignature = 0x0605'4B50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kDirectoryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kMaxComment = 0xFFFF;
constexpr std::uint16_t kFlagEncrypted = 1;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kVersion = 20;      // 2.0: DEFLATE
constexpr std::uint16_t kDosDate = 0x0021;  // 1980-01-01: equal input gives equal archives

std::uint16_t get16(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(bytes[offset] | bytes[offset + 1] << 8);
}
std::uint32_t get32(ByteView bytes, std::size_t offset) {
  return get16(bytes, offset) | static_cast<std::uint32_t>(get16(bytes, offset + 2)) << 16;
}
void put16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value));
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
}
void put32(Bytes& bytes, std::uint32_t value) {
  put16(bytes, value & 0xFFFF);
  put16(bytes, value >> 16);
}

tl::unexpected<Failure> not_a_zip(const char* why) {
  return refuse(Refusal::NotAZip, std::string("not a bundle: ") + why);
}

/// Offset of the end-of-directory record: the last one whose comment reaches exactly to the end of the file.
std::size_t find_end(ByteView archive) {
  if (archive.size() < kEndBytes) return archive.size();
  const std::size_t last = archive.size() - kEndBytes;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (get32(archive, at) == kEndSignature && get16(archive, at + 20) == last - at) return at;
  }
  return archive.size();
}

Result<void> check_name(std::string_view name) {
  const auto unsafe = [&] {
    return refuse(Refusal::UnsafeEntryName,
                  "an entry's name is absolute, contains \"..\" or unprintable characters");
  };
  if (name.empty() || name[0] == '/' || name[0] == '\\') return unsafe();
  if (name.size() > 1 && name[1] == ':') return unsafe();
  if (name.find("..") != std::string_view::npos) return unsafe();
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    return unsafe();
  return {};
}

struct Inflater {
  z_stream stream{};
  explicit Inflater(ByteView input) {
    stream.next_in = const_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::runtime_error("zlib: inflateInit2");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

tl::unexpected<Failure> too_large(const ZipEntry& entry) {
  return refuse(Refusal::EntryTooLarge, "entry " + entry.name.substr(0, 80) + " is too large");
}
tl::unexpected<Failure> corrupt(const ZipEntry& entry) {
  return refuse(Refusal::EntryCorrupt, "entry " + entry.name.substr(0, 80) + " is damaged");
}

/// Inflates at most limit + 1 bytes: the one byte more tells that there is more.
Result<Bytes> inflate_entry(const ZipEntry& entry, ByteView packed, std::size_t limit) {
  Inflater inflater(packed);
  Bytes content;
  int status = Z_OK;
  while (status == Z_OK && content.size() <= limit) {
    const std::size_t done = content.size();
    content.resize(std::min(limit + 1, std::max<std::size_t>(done * 2, 4096)));
    inflater.stream.next_out = content.data() + done;
    inflater.stream.avail_out = static_cast<uInt>(content.size() - done);
    status = inflate(&inflater.stream, Z_NO_FLUSH);
    content.resize(content.size() - inflater.stream.avail_out);
    if (status == Z_OK && inflater.stream.avail_in == 0 && inflater.stream.avail_out != 0) break;
  }
  if (content.size() > limit) return too_large(entry);
  if (status != Z_STREAM_END) return corrupt(entry);
  return content;
}

Bytes deflate_all(ByteView content) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib: deflateInit2");
  }
  Bytes packed(deflateBound(&stream, content.size()));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib: deflate");
  return packed;
}

std::uint32_t crc_of(ByteView content) {
  return static_cast<std::uint32_t>(crc32(0, content.data(), static_cast<uInt>(content.size())));
}

}  // namespace

Result<ZipReader> ZipReader::open(ByteView archive, std::size_t max_entries) {
  ZipReader reader(archive);
  if (auto directory = reader.read_directory(max_entries); !directory)
    return tl::unexpected(directory.error());
  return reader;
}

Result<void> ZipReader::read_directory(std::size_t max_entries) {
  const std::size_t end = find_end(archive_);
  if (end == archive_.size()) return not_a_zip("it is no zip archive, or it is cut off");
  const std::size_t count = get16(archive_, end + 10);
  const std::size_t size = get32(archive_, end + 12);
  std::size_t at = get32(archive_, end + 16);
  if (count == 0xFFFF || at == 0xFFFF'FFFF) return not_a_zip("zip64 archives are not read");
  if (get16(archive_, end + 4) != 0 || get16(archive_, end + 8) != count)
    return not_a_zip("more than one volume");
  if (count > max_entries) return refuse(Refusal::TooManyEntries, "the bundle has too many entries");
  if (at > end || size > end - at) return not_a_zip("its directory is damaged");
  const std::size_t stop = at + size;
  for (std::size_t i = 0; i < count; ++i) {
    if (stop - at < kDirectoryBytes || get32(archive_, at) != kDirectorySignature) {
      return not_a_zip("its directory is damaged");
    }
    const ByteView record = archive_.subspan(at, kDirectoryBytes);
    const std::size_t name_size = get16(record, 28);
    const std::size_t record_size = kDirectoryBytes + name_size + get16(record, 30) + get16(record, 32);
    if (stop - at < record_size) return not_a_zip("its directory is damaged");
    ZipEntry entry{std::string(as_text(archive_.subspan(at + kDirectoryBytes, name_size))),
                   get16(record, 8),
                   get16(record, 10),
                   get32(record, 16),
                   get32(record, 20),
                   get32(record, 24),
                   get32(record, 42)};
    if (auto name = check_name(entry.name); !name) return name;
    if (find(entry.name) != nullptr) {
      return refuse(Refusal::DuplicateEntry, "two entries are named " + entry.name.substr(0, 80));
    }
    entries_.push_back(std::move(entry));
    at += record_size;
  }
  return {};
}

const ZipEntry* ZipReader::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const ZipEntry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<Bytes> ZipReader::read(const ZipEntry& entry, std::size_t limit) const {
  if ((entry.flags & kFlagEncrypted) != 0) return not_a_zip("it is encrypted with a password");
  if (entry.method != kStored && entry.method != kDeflated) return not_a_zip("unknown compression method");
  if (entry.size > limit) return too_large(entry);
  const std::size_t header = entry.header_offset;
  if (header > archive_.size() || archive_.size() - header < kLocalBytes ||
      get32(archive_, header) != kLocalSignature) {
    return corrupt(entry);
  }
  const std::size_t start =
      header + kLocalBytes + get16(archive_, header + 26) + get16(archive_, header + 28);
  if (start > archive_.size() || entry.compressed_size > archive_.size() - start) return corrupt(entry);
  const ByteView packed = archive_.subspan(start, entry.compressed_size);
  if (entry.method == kStored && packed.size() > limit) return too_large(entry);
  Result<Bytes> content = entry.method == kDeflated ? inflate_entry(entry, packed, limit)
                                                    : Result<Bytes>(Bytes(packed.begin(), packed.end()));
  if (!content) return content;
  if (content->size() > limit) return too_large(entry);
  if (content->size() != entry.size || crc_of(*content) != entry.crc) return corrupt(entry);
  return content;
}

void ZipWriter::add(std::string_view name, ByteView content) {
  const Bytes packed = deflate_all(content);
  const auto offset = static_cast<std::uint32_t>(archive_.size());
  Bytes common;  // the fields that both headers share, from "version needed" to "extra field length"
  put16(common, kVersion);
  put16(common, 0);
  put16(common, kDeflated);
  put16(common, 0);
  put16(common, kDosDate);
  put32(common, crc_of(content));
  put32(common, static_cast<std::uint32_t>(packed.size()));
  put32(common, static_cast<std::uint32_t>(content.size()));
  put16(common, static_cast<std::uint32_t>(name.size()));
  put16(common, 0);
  const ByteView name_bytes = as_bytes(name);

  put32(archive_, kLocalSignature);
  archive_.insert(archive_.end(), common.begin(), common.end());
  archive_.insert(archive_.end(), name_bytes.begin(), name_bytes.end());
  archive_.insert(archive_.end(), packed.begin(), packed.end());

  put32(directory_, kDirectorySignature);
  put16(directory_, kVersion);
  directory_.insert(directory_.end(), common.begin(), common.end());
  put16(directory_, 0);  // comment
  put16(directory_, 0);  // disk
  put16(directory_, 0);  // internal attributes
  put32(directory_, 0);  // external attributes
  put32(directory_, offset);
  directory_.insert(directory_.end(), name_bytes.begin(), name_bytes.end());
  ++count_;
}

Bytes ZipWriter::finish() && {
  const auto offset = static_cast<std::uint32_t>(archive_.size());
  archive_.insert(archive_.end(), directory_.begin(), directory_.end());
  put32(archive_, kEndSignature);
  put16(archive_, 0);
  put16(archive_, 0);
  put16(archive_, count_);
  put16(archive_, count_);
  put32(archive_, static_cast<std::uint32_t>(directory_.size()));
  put32(archive_, offset);
  put16(archive_, 0);
  return std::move(archive_);
}

}  // namespace microvisor::protocol
