// Snapshots of a board, and boards made of them.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "board/board.hpp"
#include "board/debug/semihosting.hpp"
#include "board/fault/fault_injector.hpp"
#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {
namespace {

tl::unexpected<BoardError> failure(BoardError::Kind kind, std::string message) {
  return tl::unexpected(BoardError{kind, std::move(message)});
}

}  // namespace

/// The clock comes first, because blocks look at the time when they come back, and last, because they may arm
/// events, which then get other numbers.
void Board::serialise(Archive& archive) {
  scheduler_.serialise(archive);
  for (Peripheral* block : reset_order_) block->serialise(archive);
  core_.serialise(archive);
  archive(*semihosting_, wanted_reset_, resets_, sleeping_, locked_up_since_, exit_status_);
  bool faulty = faults_ != nullptr;
  archive(faulty);
  if (faulty) archive(injector());
  scheduler_.serialise(archive);
}

void Board::include(std::string name, std::function<void(Archive&)> serialise) {
  parts_[std::move(name)] = std::move(serialise);
}

tl::expected<std::shared_ptr<const Snapshot>, BoardError> Board::snapshot() {
  if (!memories_.supply().on()) return failure(BoardError::Kind::System, memories_.supply().reason());
  auto image = MemoryImage::blank();
  if (!image) return tl::unexpected(image.error());
  if (auto copied = memories_.copy_to(*image); !copied) return tl::unexpected(copied.error());
  if (auto copied = image->copy(Region::Sram, sram_.all()); !copied) return tl::unexpected(copied.error());
  Archive chip;
  serialise(chip);
  Snapshot::Parts parts;
  for (const auto& [name, part] : parts_) {
    Archive archive;
    part(archive);
    parts[name] = archive.take();
  }
  return std::make_shared<const Snapshot>(Snapshot::Contents{.identity = memories_.identity(),
                                                             .instructions = core_.retired,
                                                             .time = scheduler_.now(),
                                                             .chip = chip.take(),
                                                             .parts = std::move(parts),
                                                             .memories = std::move(*image)});
}

/// Blocks that come back tell others what has changed, and may so disturb what is already in place. When all
/// come back a second time nothing changes any more.
void Board::load(const Snapshot& snapshot) {
  for (int pass = 0; pass < 2; ++pass) {
    for (const auto& [name, state] : snapshot.contents().parts) {
      Archive archive(state);
      parts_.at(name)(archive);
    }
    Archive archive(snapshot.contents().chip);
    serialise(archive);
    if (!archive.exhausted()) throw std::runtime_error("it is longer than it should be");
  }
}

tl::expected<std::unique_ptr<Board>, BoardError> Board::resume(const Snapshot& snapshot, BoardOptions options,
                                                               const std::function<void(Board&)>& attach) {
  const Snapshot::Contents& contents = snapshot.contents();
  auto memories = BoardMemories::in_memory(contents.identity, contents.memories);
  if (!memories) return tl::unexpected(memories.error());
  auto sram = contents.memories.map(Region::Sram);
  if (!sram) return tl::unexpected(sram.error());
  std::unique_ptr<Board> board(new Board(std::move(*memories), std::move(options), Sram(std::move(*sram))));
  if (attach) attach(*board);
  for (const auto& [name, state] : contents.parts) {
    if (board->parts_.contains(name)) continue;
    return failure(BoardError::Kind::Missing, "the snapshot has a part that is not there now: " + name);
  }
  try {
    board->load(snapshot);
  } catch (const std::runtime_error& error) {
    return failure(BoardError::Kind::Corrupt, "the snapshot cannot be resumed: " + std::string(error.what()));
  }
  return board;
}

}  // namespace microvisor::board
