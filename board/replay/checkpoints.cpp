#include "board/replay/checkpoints.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace microvisor::board {
namespace {

bool earlier(const Checkpoint& one, const Checkpoint& other) { return one.position < other.position; }

/// How many of them are at or before `position`.
std::size_t count_up_to(const std::vector<Checkpoint>& checkpoints, const Position& position) {
  return static_cast<std::size_t>(std::ranges::upper_bound(checkpoints, position, {}, &Checkpoint::position) -
                                  checkpoints.begin());
}

/// Of an image's memory file: regions that are blank as ones are written in full, of others what is in use.
std::size_t bytes_of(const Snapshot& snapshot) {
  std::size_t bytes = snapshot.contents().chip.size();
  for (std::size_t index = 0; index < kRegions.size(); ++index) {
    const bool in_full = kRegions[index].blank == 0xFF;
    const auto& pages = snapshot.contents().memories.pages(static_cast<Region>(index));
    bytes += in_full ? kRegions[index].size : pages.size() * kHostPage;
  }
  return bytes;
}

std::size_t bytes_of(const std::vector<Checkpoint>& checkpoints) {
  std::size_t bytes = 0;
  for (const Checkpoint& checkpoint : checkpoints) bytes += bytes_of(*checkpoint.snapshot);
  return bytes;
}

void insert(std::vector<Checkpoint>& checkpoints, Checkpoint checkpoint) {
  const auto place = std::ranges::upper_bound(checkpoints, checkpoint, earlier);
  checkpoints.insert(place, std::move(checkpoint));
}

}  // namespace

const Checkpoint& Checkpoints::before(const Position& position) const {
  const Checkpoint& along = along_[std::max<std::size_t>(count_up_to(along_, position), 1) - 1];
  const std::size_t rungs = count_up_to(rungs_, position);
  return rungs != 0 && earlier(along, rungs_[rungs - 1]) ? rungs_[rungs - 1] : along;
}

/// Time goes on wherever positions do, so both orders are the same.
const Checkpoint& Checkpoints::before(Time time) const {
  const auto later = std::ranges::upper_bound(
      along_, time, {}, [](const Checkpoint& checkpoint) { return checkpoint.position.time; });
  return later == along_.begin() ? along_.front() : *std::prev(later);
}

std::vector<Checkpoint> Checkpoints::all_before(const Position& position) const {
  std::vector<Checkpoint> all;
  std::ranges::merge(along_, rungs_, std::back_inserter(all), earlier);
  std::erase_if(all, [&](const Checkpoint& checkpoint) { return checkpoint.position >= position; });
  return all;
}

std::uint64_t Checkpoints::room(const Position& position) const {
  const Checkpoint& last = along_[std::max<std::size_t>(count_up_to(along_, position), 1) - 1];
  const std::uint64_t gone = position.instructions - last.position.instructions;
  const bool known = &last != &along_.back();  // this way has been gone before
  if (known) return std::max<std::uint64_t>(along_.back().position.instructions - position.instructions, 1);
  return gone >= distance_ ? 0 : distance_ - gone;
}

void Checkpoints::add(Checkpoint checkpoint) {
  insert(along_, std::move(checkpoint));
  while (along_.size() > 2 && (along_.size() > kMost || bytes_of(along_) > kMostBytes)) {
    std::vector<Checkpoint> kept;
    for (std::size_t index = 0; index < along_.size(); index += 2) kept.push_back(std::move(along_[index]));
    along_ = std::move(kept);
    distance_ *= 2;
  }
}

/// Rungs behind the new one have led to another moment.
void Checkpoints::add_rung(Checkpoint checkpoint) {
  std::erase_if(rungs_, [&](const Checkpoint& rung) { return rung.position >= checkpoint.position; });
  insert(rungs_, std::move(checkpoint));
  if (rungs_.size() > kMostRungs) rungs_.erase(rungs_.begin());
}

std::size_t Checkpoints::bytes() const { return bytes_of(along_) + bytes_of(rungs_); }

}  // namespace microvisor::board
