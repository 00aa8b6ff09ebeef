#include "cli/snapshots.hpp"

#include "board/board.hpp"
#include "cli/failure.hpp"

namespace microvisor::cli {

std::shared_ptr<const board::Snapshot> read_snapshot(const std::string& file) {
  auto snapshot = board::Snapshot::read(file);
  if (!snapshot) throw Failure(snapshot.error().message);
  return *snapshot;
}

void write_snapshot(board::Board& board, const std::string& file) {
  const auto snapshot = board.snapshot();
  if (!snapshot) throw Failure(snapshot.error().message);
  if (const auto written = (*snapshot)->write(file); !written) throw Failure(written.error().message);
}

}  // namespace microvisor::cli
