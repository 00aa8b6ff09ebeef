// A board at one moment: everything that decides what it does next, as one value and as one file.
//
// The payload is a function of the board's state alone (archive.hpp): equal states give equal bytes, on any
// machine. Its SHA-256 is therefore both the file's checksum and the state hash that says whether two boards
// are in the same state. A snapshot never changes; boards on any thread may be made of it, and share its
// memories until they write them (MemoryImage).
//
// The file: "MVBOARD" and a zero byte, version (4 bytes), reserved (4), length of the payload (8), SHA-256 of
// the payload (32), payload; numbers are little-endian. The payload: identity, progress, the state of the
// chip and of the parts around it, then of each memory region the host pages that are not blank.
// docs/board.md has the details.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "board/bus/time.hpp"
#include "board/memory/board_memories.hpp"
#include "board/memory/memory_image.hpp"

namespace microvisor::board {

class Snapshot {
 public:
  /// States of the parts outside of the chip, by the name under which they were included.
  using Parts = std::map<std::string, std::vector<std::uint8_t>>;
  using Hash = std::array<std::uint8_t, 32>;

  struct Contents {
    BoardIdentity identity;
    std::uint64_t instructions = 0;  ///< since power-on
    Time time = 0;
    std::vector<std::uint8_t> chip;
    Parts parts;
    MemoryImage memories;
  };

  explicit Snapshot(Contents contents) : contents_(std::move(contents)) {}

  /// Missing, NewerVersion, OlderVersion, Corrupt, System.
  static tl::expected<std::shared_ptr<const Snapshot>, BoardError> read(const std::filesystem::path& path);
  /// The same of a file's bytes; `name` is for errors.
  static tl::expected<std::shared_ptr<const Snapshot>, BoardError> parse(std::span<const std::uint8_t> file,
                                                                         const std::string& name);
  /// What write() puts into a file.
  [[nodiscard]] std::vector<std::uint8_t> file() const;
  /// Makes or replaces the file: written beside its place and renamed, so it is there whole or as before.
  /// System (disk full, permissions).
  [[nodiscard]] tl::expected<void, BoardError> write(const std::filesystem::path& path) const;

  [[nodiscard]] const Contents& contents() const { return contents_; }
  [[nodiscard]] Hash hash() const;
  /// True if `path` begins as such a file does.
  static bool is_file(const std::filesystem::path& path);

 private:
  [[nodiscard]] std::vector<std::uint8_t> payload() const;

  Contents contents_;
};

[[nodiscard]] std::string to_string(const Snapshot::Hash& hash);

}  // namespace microvisor::board
