// Snapshots of boards as commands read and write them: what goes wrong is a Failure with one line.
#pragma once

#include <memory>
#include <string>

#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {
class Board;
}

namespace microvisor::cli {

std::shared_ptr<const board::Snapshot> read_snapshot(const std::string& file);
/// Between two runs of the board.
void write_snapshot(board::Board& board, const std::string& file);

}  // namespace microvisor::cli
