#include "board/replay/recording.hpp"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>

namespace microvisor::board {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Kind = BoardError::Kind;

constexpr std::array<std::uint8_t, 8> kMagic{'M', 'V', 'R', 'E', 'C', 'O', 'R', 'D'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderSize = 24;
/// Kind, check of the start, length of the contents (2 bytes), time (8); behind the contents a CRC of all
/// that (4). The check tells a wrong length from a file that ends here.
constexpr std::size_t kEntryStart = 12, kChecksumSize = 4;
constexpr std::size_t kMarkSize = 8, kHashSize = 32;

std::uint64_t number_at(Bytes bytes, std::size_t offset, unsigned size) {
  std::uint64_t number = 0;
  for (unsigned index = size; index > 0; --index) number = number << 8 | bytes[offset + index - 1];
  return number;
}

std::uint32_t crc32_of(Bytes bytes) {
  return static_cast<std::uint32_t>(crc32(0, bytes.data(), static_cast<uInt>(bytes.size())));
}

/// Of the start of an entry but for the byte that holds it.
std::uint8_t check_of(Bytes entry) {
  std::uint8_t check = 0xA5 ^ entry[0];
  for (const std::uint8_t byte : entry.subspan(2, kEntryStart - 2)) check ^= byte;
  return check;
}

tl::unexpected<BoardError> failure(Kind kind, std::string message) {
  return tl::unexpected(BoardError{kind, std::move(message)});
}

/// The entries from left to right.
class EntryReader {
 public:
  EntryReader(Bytes file, std::size_t at, const std::string& name) : file_(file), at_(at), name_(name) {}

  tl::expected<void, BoardError> read(Recording& recording) {
    while (!ended_ && file_.size() - at_ >= kEntryStart) {
      if (check_of(file_.subspan(at_)) != file_[at_ + 1]) return damaged("start");
      if (!whole()) break;
      const std::size_t length = number_at(file_, at_ + 2, 2);
      const Bytes entry = file_.subspan(at_, kEntryStart + length);
      if (crc32_of(entry) != number_at(file_, at_ + entry.size(), kChecksumSize)) return damaged("checksum");
      if (!take(recording, static_cast<EntryKind>(entry[0]), number_at(entry, 4, 8),
                entry.subspan(kEntryStart)))
        return damaged("entry");
      at_ += entry.size() + kChecksumSize;
    }
    if (ended_ && at_ != file_.size()) return damaged("end");
    return {};
  }

 private:
  /// The file has all of the next entry.
  [[nodiscard]] bool whole() const {
    return file_.size() - at_ >= kEntryStart + number_at(file_, at_ + 2, 2) + kChecksumSize;
  }

  [[nodiscard]] tl::unexpected<BoardError> damaged(std::string_view what) const {
    return failure(Kind::Corrupt,
                   fmt::format("recording {} is damaged: wrong {} at byte {}", name_, what, at_));
  }

  /// False: it cannot be.
  bool take(Recording& recording, EntryKind kind, Time time, Bytes contents) {
    if (time < latest_ || time == kNever) return false;
    latest_ = time;
    switch (kind) {
      case EntryKind::Packet: return take_input(recording, Input::Kind::Packet, contents);
      case EntryKind::ResetPin:
        return contents.empty() && take_input(recording, Input::Kind::ResetPin, contents);
      case EntryKind::Mark: return take_mark(recording, contents);
      case EntryKind::End: return take_end(recording, contents);
      case EntryKind::PowerCut: ended_ = recording.power_cut = true; return take_mark(recording, contents);
    }
    return false;
  }

  bool take_input(Recording& recording, Input::Kind kind, Bytes contents) {
    if (contents.size() > kMaximumPacket) return false;
    recording.inputs.push_back({.due = latest_, .kind = kind, .bytes = {contents.begin(), contents.end()}});
    return true;
  }

  bool take_mark(Recording& recording, Bytes contents) {
    if (contents.size() != kMarkSize) return false;
    const Mark mark{.time = latest_, .instructions = number_at(contents, 0, kMarkSize)};
    if (!recording.marks.empty() && mark.instructions < recording.marks.back().instructions) return false;
    recording.marks.push_back(mark);
    return true;
  }

  bool take_end(Recording& recording, Bytes contents) {
    if (contents.size() != kMarkSize + kHashSize || !take_mark(recording, contents.first(kMarkSize)))
      return false;
    std::ranges::copy(contents.subspan(kMarkSize), recording.hash.emplace().begin());
    ended_ = true;
    return true;
  }

  Bytes file_;
  std::size_t at_;
  const std::string& name_;
  Time latest_ = 0;
  bool ended_ = false;
};

}  // namespace

tl::expected<Recording, BoardError> parse_recording(Bytes file, const std::string& name) {
  if (file.size() < kHeaderSize || !std::ranges::equal(file.first(kMagic.size()), kMagic)) {
    return failure(Kind::Corrupt, name + " is not a recording of a board");
  }
  if (const std::uint64_t version = number_at(file, 8, 4); version != kVersion) {
    return failure(version > kVersion ? Kind::NewerVersion : Kind::OlderVersion,
                   fmt::format("recording {} has format {}, this program knows {}", name, version, kVersion));
  }
  const std::uint64_t size = number_at(file, 16, 8);
  if (number_at(file, 12, 4) != 0) {
    return failure(Kind::Corrupt, "recording " + name + " is damaged: wrong start");
  }
  if (size > file.size() - kHeaderSize) {
    return failure(Kind::Corrupt, "recording " + name + " is cut off before its board has begun to run");
  }
  Recording recording;
  recording.snapshot = file.subspan(kHeaderSize, static_cast<std::size_t>(size));
  if (auto read = EntryReader(file, kHeaderSize + recording.snapshot.size(), name).read(recording); !read)
    return tl::unexpected(read.error());
  if (recording.marks.empty()) {
    return failure(Kind::Corrupt, "recording " + name + " is cut off before its board has begun to run");
  }
  return recording;
}

FileBytes recording_header(std::uint64_t snapshot_size) {
  FileBytes bytes(kMagic.begin(), kMagic.end());
  append_number(bytes, kVersion, 4);
  append_number(bytes, 0, 4);
  append_number(bytes, snapshot_size, 8);
  return bytes;
}

FileBytes recording_entry(EntryKind kind, Time time, Bytes contents) {
  FileBytes bytes;
  append_number(bytes, static_cast<std::uint8_t>(kind), 2);
  append_number(bytes, contents.size(), 2);
  append_number(bytes, time, 8);
  bytes[1] = check_of(bytes);
  bytes.insert(bytes.end(), contents.begin(), contents.end());
  append_number(bytes, crc32_of(bytes), kChecksumSize);
  return bytes;
}

void append_number(FileBytes& bytes, std::uint64_t number, unsigned size) {
  for (unsigned index = 0; index < size; ++index)
    bytes.push_back(static_cast<std::uint8_t>(number >> 8 * index));
}

}  // namespace microvisor::board
