// A recording: a board at its beginning, and all that came to it from outside until its end.
//
// The file is written as the board runs, entry by entry, each with a checksum of its own. So a file that ends
// in the middle (the board was killed) is good up to its last whole entry, while a changed byte anywhere is
// noticed. Times never go back.
//
// The file: "MVRECORD", version (4 bytes), reserved (4), length of the snapshot (8), the snapshot as a file
// (snapshot.hpp), then entries; numbers are little-endian. docs/time-travel.md has the details.
//
// parse_recording() reads bytes from outside and trusts nothing in them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "board/memory/board_error.hpp"
#include "board/replay/inlet.hpp"

namespace microvisor::board {

/// How far the board had come at a moment: the replay has to have come as far.
struct Mark {
  Time time = 0;
  std::uint64_t instructions = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

struct Recording {
  std::span<const std::uint8_t> snapshot;  ///< a file of Snapshot's; within the bytes that were parsed
  std::vector<Input> inputs;
  std::vector<Mark> marks;  ///< the last one is the end
  /// State in which it ends; nothing if the recording was cut off, or the board's power was.
  std::optional<std::array<std::uint8_t, 32>> hash;
  bool power_cut = false;  ///< it ends with the board's power

  [[nodiscard]] const Mark& end() const { return marks.back(); }
  [[nodiscard]] bool cut_off() const { return !hash && !power_cut; }
};

/// `name` is for errors: Corrupt, NewerVersion, OlderVersion. `file` must outlive what is returned.
[[nodiscard]] tl::expected<Recording, BoardError> parse_recording(std::span<const std::uint8_t> file,
                                                                  const std::string& name);

// --- pieces of the file, for who writes one -------------------------------------------------------------
enum class EntryKind : std::uint8_t { Packet = 1, ResetPin = 2, Mark = 3, End = 4, PowerCut = 5 };
using FileBytes = std::vector<std::uint8_t>;

[[nodiscard]] FileBytes recording_header(std::uint64_t snapshot_size);
/// `contents`: of a packet, its bytes; of a mark, the instructions; of an end, instructions and hash.
[[nodiscard]] FileBytes recording_entry(EntryKind kind, Time time, std::span<const std::uint8_t> contents);
void append_number(FileBytes& bytes, std::uint64_t number, unsigned size);

}  // namespace microvisor::board
