// Reading through libzip under our own limits; writing by the format itself (PKWARE APPNOTE 6.3.3,
// sections 4.3.7 local header, 4.3.12 directory and 4.3.16 end of directory).
#include "protocol/bundle/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace microvisor::protocol {
namespace {

constexpr std::uint32_t kLocalSignature = 0x0403'4B50;
constexpr std::uint32_t kDirectorySignature = 0x0201'4B50;
constexpr std::uint32_t kEndSignature = 0x0605'4B50;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kVersion = 20;      // 2.0: DEFLATE
constexpr std::uint16_t kDosDate = 0x0021;  // 1980-01-01: equal input gives equal archives

void put16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value));
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
}
void put32(Bytes& bytes, std::uint32_t value) {
  put16(bytes, value & 0xFFFF);
  put16(bytes, value >> 16);
}

tl::unexpected<Failure> not_a_zip(const std::string& why) {
  return refuse(Refusal::NotAZip, "not a bundle: " + why);
}

/// An upper bound for the number of entries, without trusting any field: each one's record starts with the
/// signature.
std::size_t count_directory_signatures(ByteView archive) {
  constexpr std::array<std::uint8_t, 4> kSignature = {'P', 'K', 1, 2};
  std::size_t count = 0;
  for (auto at = archive.begin();
       (at = std::search(at, archive.end(), kSignature.begin(), kSignature.end())) != archive.end(); ++at) {
    ++count;
  }
  return count;
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

tl::unexpected<Failure> too_large(const ZipEntry& entry) {
  return refuse(Refusal::EntryTooLarge, "entry " + entry.name.substr(0, 80) + " is too large");
}
tl::unexpected<Failure> corrupt(const ZipEntry& entry) {
  return refuse(Refusal::EntryCorrupt, "entry " + entry.name.substr(0, 80) + " is damaged");
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
  // Before libzip makes room for as many as the archive claims.
  if (count_directory_signatures(archive) > max_entries) {
    return refuse(Refusal::TooManyEntries, "the bundle has too many entries");
  }
  if (archive.empty())
    return not_a_zip("it is empty");  // libzip takes nothing for an archive without entries
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(archive.data(), archive.size(), 0, &error);
  if (source == nullptr) throw std::bad_alloc();
  ZipReader reader(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (reader.archive_ == nullptr) {
    zip_source_free(source);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return not_a_zip(why);
  }
  if (auto directory = reader.read_directory(); !directory) return tl::unexpected(directory.error());
  return reader;
}

Result<void> ZipReader::read_directory() {
  const auto count = static_cast<std::uint64_t>(zip_get_num_entries(archive_.get(), 0));
  for (std::uint64_t index = 0; index < count; ++index) {
    zip_stat_t status;
    if (zip_stat_index(archive_.get(), index, ZIP_FL_ENC_RAW, &status) != 0)
      return not_a_zip("its directory is damaged");
    ZipEntry entry{status.name, index, status.size};
    if (auto name = check_name(entry.name); !name) return name;
    if (find(entry.name) != nullptr) {
      return refuse(Refusal::DuplicateEntry, "two entries are named " + entry.name.substr(0, 80));
    }
    entries_.push_back(std::move(entry));
  }
  return {};
}

const ZipEntry* ZipReader::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const ZipEntry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<Bytes> ZipReader::read(const ZipEntry& entry, std::size_t limit) const {
  zip_stat_t status;
  if (zip_stat_index(archive_.get(), entry.index, 0, &status) != 0) return corrupt(entry);
  if (status.encryption_method != ZIP_EM_NONE) return not_a_zip("it is encrypted with a password");
  if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
    return not_a_zip("unknown compression method");
  }
  if (entry.size > limit) return too_large(entry);
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(archive_.get(), entry.index, 0), zip_fclose);
  if (!file) return corrupt(entry);
  Bytes content(entry.size + 1);  // one more than it claims, which must not come
  const zip_int64_t size = zip_fread(file.get(), content.data(), content.size());
  std::uint8_t beyond = 0;
  const bool ended =
      zip_fread(file.get(), &beyond, 1) == 0;  // an error if size or CRC are not what the directory says
  if (size != static_cast<zip_int64_t>(entry.size) || !ended) return corrupt(entry);
  content.pop_back();
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
