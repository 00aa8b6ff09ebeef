// Moments of a replay that can be gone back to.
//
// Two kinds. Those along the way are an equal number of instructions apart; when there are too many, or they
// take too much memory, every second one goes and the distance doubles, so that any length of recording fits.
// The others are rungs of a ladder that leads to a moment of interest in ever shorter steps: whoever goes
// back from there instruction by instruction always has one close by.
//
// Belongs to a TimeMachine and its thread.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

#include "board/bus/time.hpp"
#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {

/// A boundary between instructions at which a core can halt. Each stands for itself: an exception that is
/// entered makes another one, and time makes others of those at which the core sleeps.
struct Position {
  std::uint64_t instructions = 0;
  std::uint64_t entries = 0;  ///< Core::entries since the beginning of the recording
  Time time = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): the check takes the comparison with 0 inside for a pointer.
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Checkpoint {
  Position position;
  std::shared_ptr<const Snapshot> snapshot;
};

class Checkpoints {
 public:
  static constexpr std::size_t kMost = 48;
  static constexpr std::size_t kMostBytes = std::size_t{256} << 20;
  static constexpr std::size_t kMostRungs = 16;
  static constexpr std::uint64_t kFirstDistance = 4'000'000;  ///< instructions
  /// A ladder's lowest rung is about so many instructions before what it leads to.
  static constexpr std::uint64_t kLeastStep = 4'000;

  explicit Checkpoints(Checkpoint beginning) { along_.push_back(std::move(beginning)); }

  /// The latest at or before `position`, which is at or behind the beginning.
  [[nodiscard]] const Checkpoint& before(const Position& position) const;
  [[nodiscard]] const Checkpoint& before(Time time) const;
  [[nodiscard]] const Checkpoint& beginning() const { return along_.front(); }
  /// All before `position`, in order.
  [[nodiscard]] std::vector<Checkpoint> all_before(const Position& position) const;

  /// How many instructions the board may go on before another checkpoint is wanted; 0: one is wanted now.
  [[nodiscard]] std::uint64_t room(const Position& position) const;
  void add(Checkpoint checkpoint);
  void add_rung(Checkpoint checkpoint);

  [[nodiscard]] std::size_t count() const { return along_.size() + rungs_.size(); }
  /// What they take of the host's memory.
  [[nodiscard]] std::size_t bytes() const;

 private:
  std::vector<Checkpoint> along_, rungs_;  // ascending
  std::uint64_t distance_ = kFirstDistance;
};

}  // namespace microvisor::board
