#include "board/snapshot/snapshot.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

#include "board/bus/archive.hpp"

namespace microvisor::board {
namespace {

using Kind = BoardError::Kind;
using Bytes = std::span<const std::uint8_t>;

constexpr std::array<char, 8> kMagic{'M', 'V', 'B', 'O', 'A', 'R', 'D', '\0'};
constexpr std::uint32_t kVersion = 3;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t reserved = 0;
  std::uint64_t length = 0;
  Snapshot::Hash hash{};
};
static_assert(sizeof(Header) == 56);

tl::unexpected<BoardError> failure(Kind kind, std::string message) {
  return tl::unexpected(BoardError{kind, std::move(message)});
}

tl::unexpected<BoardError> system_failure(const std::string& what) {
  return failure(Kind::System, what + ": " + std::strerror(errno));
}

Snapshot::Hash sha256(Bytes bytes) {
  Snapshot::Hash hash{};
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available on this machine");
  }
  return hash;
}

/// A descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

  [[nodiscard]] bool write_all(Bytes bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
  }
  /// Up to bytes.size(); fewer only at the end of the file. -1: errno says why.
  [[nodiscard]] ssize_t read_all(std::span<std::uint8_t> bytes) const {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = read(descriptor_, bytes.data() + done, bytes.size() - done);
      if (count < 0) return -1;
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return static_cast<ssize_t>(done);
  }

 private:
  int descriptor_;
};

/// The whole file.
tl::expected<std::vector<std::uint8_t>, BoardError> read_file(const std::filesystem::path& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return failure(Kind::Missing, "there is no snapshot " + path.string());
    return system_failure("cannot read " + path.string());
  }
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return system_failure("cannot read " + path.string());
  if (!S_ISREG(status.st_mode))
    return failure(Kind::Corrupt, path.string() + " is not a snapshot of a board");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(status.st_size));
  const ssize_t count = file.read_all(bytes);
  if (count < 0) return system_failure("cannot read " + path.string());
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

/// The payload of a file whose header and checksum are in order.
tl::expected<Bytes, BoardError> payload_of(Bytes file, const std::string& name) {
  Header header;
  if (file.size() < sizeof header ||
      !std::ranges::equal(file.first(kMagic.size()), kMagic, {}, {},
                          [](char c) { return static_cast<std::uint8_t>(c); })) {
    return failure(Kind::Corrupt, name + " is not a snapshot of a board");
  }
  std::memcpy(&header, file.data(), sizeof header);
  if (header.version != kVersion) {
    const bool newer = header.version > kVersion;
    return failure(newer ? Kind::NewerVersion : Kind::OlderVersion,
                   "snapshot " + name + " was made by " + (newer ? "a newer" : "an older") +
                       " version (format " + std::to_string(header.version) + ", this program knows " +
                       std::to_string(kVersion) + ")");
  }
  const Bytes payload = file.subspan(sizeof header);
  if (payload.size() != header.length) {
    return failure(Kind::Corrupt, "snapshot " + name + " is damaged: " + std::to_string(payload.size()) +
                                      " bytes instead of " + std::to_string(header.length));
  }
  if (sha256(payload) != header.hash) {
    return failure(Kind::Corrupt, "snapshot " + name + " is damaged: its checksum is wrong");
  }
  return payload;
}

void serialise(Archive& archive, Snapshot::Contents& contents) {
  archive(contents.identity.uid, contents.identity.sid, contents.identity.seed, contents.instructions,
          contents.time, contents.chip);
  auto count = static_cast<std::uint32_t>(contents.parts.size());
  archive(count);
  if (archive.loading()) {
    for (; count > 0; --count) {
      std::string name;
      archive(name);
      archive(contents.parts[name]);
    }
    return;
  }
  for (auto& [key, state] : contents.parts) {
    std::string name = key;
    archive(name, state);
  }
}

void save_memories(Archive& archive, const MemoryImage& image) {
  for (std::size_t index = 0; index < kRegions.size(); ++index) {
    const auto region = static_cast<Region>(index);
    auto count = static_cast<std::uint32_t>(image.pages(region).size());
    archive(count);
    for (std::uint32_t page : image.pages(region)) {
      archive(page);
      archive.append(image.page(region, page));
    }
  }
}

tl::expected<void, BoardError> load_memories(Archive& archive, MemoryImage& image) {
  std::array<std::uint8_t, kHostPage> bytes{};
  for (std::size_t index = 0; index < kRegions.size(); ++index) {
    const auto region = static_cast<Region>(index);
    std::uint32_t count = 0, least = 0;
    archive(count);
    for (; count > 0; --count) {
      std::uint32_t page = 0;
      archive(page);
      if (page < least || page * kHostPage >= layout_of(region).size)
        throw std::runtime_error("no such page");
      least = page + 1;
      const auto piece = std::span(bytes).first(page_size(region, page));
      archive.raw(piece);
      if (auto put = image.put(region, page, piece); !put) return put;
    }
  }
  return {};
}

}  // namespace

std::string to_string(const Snapshot::Hash& hash) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : hash) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool Snapshot::is_file(const std::filesystem::path& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<std::uint8_t, kMagic.size()> start{};
  return file.get() >= 0 && file.read_all(start) == static_cast<ssize_t>(start.size()) &&
         std::memcmp(start.data(), kMagic.data(), start.size()) == 0;
}

tl::expected<std::shared_ptr<const Snapshot>, BoardError> Snapshot::read(const std::filesystem::path& path) {
  const auto file = read_file(path);
  if (!file) return tl::unexpected(file.error());
  return parse(*file, path.string());
}

tl::expected<std::shared_ptr<const Snapshot>, BoardError> Snapshot::parse(Bytes file,
                                                                          const std::string& name) {
  const auto payload = payload_of(file, name);
  if (!payload) return tl::unexpected(payload.error());
  auto memories = MemoryImage::blank();
  if (!memories) return tl::unexpected(memories.error());
  Contents contents{.identity = {}, .chip = {}, .parts = {}, .memories = std::move(*memories)};
  Archive archive(*payload);
  try {
    serialise(archive, contents);
    if (auto loaded = load_memories(archive, contents.memories); !loaded)
      return tl::unexpected(loaded.error());
  } catch (const std::runtime_error& error) {
    return failure(Kind::Corrupt, "snapshot " + name + " is damaged: " + error.what());
  }
  return std::make_shared<const Snapshot>(std::move(contents));
}

std::vector<std::uint8_t> Snapshot::payload() const {
  Archive archive;
  Contents small{.identity = contents_.identity,
                 .instructions = contents_.instructions,
                 .time = contents_.time,
                 .chip = contents_.chip,
                 .parts = contents_.parts,
                 .memories = {}};
  serialise(archive, small);
  save_memories(archive, contents_.memories);
  return archive.take();
}

Snapshot::Hash Snapshot::hash() const { return sha256(payload()); }

std::vector<std::uint8_t> Snapshot::file() const {
  std::vector<std::uint8_t> bytes(sizeof(Header));
  const std::vector<std::uint8_t> contents = payload();
  Header header;
  header.length = contents.size();
  header.hash = sha256(contents);
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.insert(bytes.end(), contents.begin(), contents.end());
  return bytes;
}

tl::expected<void, BoardError> Snapshot::write(const std::filesystem::path& path) const {
  const std::vector<std::uint8_t> bytes = file();
  const auto fail = [&] { return system_failure("cannot write " + path.string()); };
  std::string beside = path.string() + ".XXXXXX";
  const File descriptor(mkostemp(beside.data(), O_CLOEXEC));
  if (descriptor.get() < 0) return fail();
  const bool written = fchmod(descriptor.get(), 0644) == 0 && descriptor.write_all(bytes) &&
                       fsync(descriptor.get()) == 0 && rename(beside.c_str(), path.c_str()) == 0;
  if (written) return {};
  const int reason = errno;
  unlink(beside.c_str());
  errno = reason;
  return fail();
}

}  // namespace microvisor::board
