// Writes a recording while its board runs.
//
// Each entry is handed to the system when it is made, so what a killed process leaves is whole up to its last
// entry. Recording looks on: nothing of the board depends on it. Besides what comes in there is a mark every
// quarter of a second of virtual time, so that a recording which is cut off has an end near the moment at
// which it was, and a replay that has gone another way is noticed soon.
//
// Belongs to the board's thread. The board and its inlet must outlive it.
#pragma once

#include <filesystem>
#include <memory>
#include <tl/expected.hpp>

#include "board/board.hpp"
#include "board/replay/inlet.hpp"
#include "board/replay/recording.hpp"

namespace microvisor::board {

class Recorder {
 public:
  static constexpr Time kMarkInterval = kTicksPerSecond / 4;

  /// Makes or replaces the file and begins with the board as it is, between two runs. System (no such folder,
  /// disk full).
  static tl::expected<std::unique_ptr<Recorder>, BoardError> begin(const std::filesystem::path& file,
                                                                   Board& board, LiveInlet& inlet);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Ends the recording with the board as it is, after a run that has come back with `end`. A run that was
  /// stopped somewhere goes on for a tick, to a moment that a replay can find by its time. System (the
  /// recording could not be written).
  [[nodiscard]] tl::expected<void, BoardError> end(RunEnd end);

 private:
  Recorder(int descriptor, std::filesystem::path file, Board& board, LiveInlet& inlet);

  void write(const FileBytes& bytes);
  void note(const Input& input);
  void mark_now_and_then();
  [[nodiscard]] FileBytes progress() const;
  [[nodiscard]] tl::expected<void, BoardError> outcome() const;

  int descriptor_;
  std::filesystem::path file_;
  Board& board_;
  LiveInlet& inlet_;
  Time latest_ = 0;  ///< of the last entry
  int error_ = 0;    ///< of the first write that failed; nothing is written after it
};

}  // namespace microvisor::board
