#include "cli/board_line.hpp"

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

constexpr std::uint32_t kUsart2 = 0x4000'4400;
constexpr board::Time kWait = 2 * board::kTicksPerSecond;
constexpr board::Time kSlice = board::kTicksPerSecond / 1000;
/// A byte's time at 115,200 baud, 8N1, as long as the chip has not set up its end.
constexpr board::Time kByte = board::kTicksPerSecond * 10 / 115'200;

}  // namespace

BoardLine::BoardLine(board::Board& board) : board_(board), port_(*board.serial(kUsart2)) {
  port_.connect(this);
}

BoardLine::~BoardLine() { port_.connect(nullptr); }

void BoardLine::byte_from_chip(std::uint8_t byte) {
  if (byte == '\n') {
    lines_.push_back(std::move(line_));
    line_.clear();
  } else if (byte != '\r') {
    line_ += static_cast<char>(byte);
  }
}

void BoardLine::run_for(board::Time time) {
  board::RunLimits limits;
  limits.until = board_.scheduler().now() + time;
  switch (board_.run(limits)) {
    case board::RunEnd::Limit:
    case board::RunEnd::Stopped: return;
    case board::RunEnd::PowerCut: throw Failure("the board has lost its power");
    default: throw Failure("the device does not run");
  }
}

void BoardLine::send(const std::string& line) {
  for (const char c : line + "\n") {
    port_.byte_to_chip(static_cast<std::uint8_t>(c));
    const board::Time frame = port_.frame_time();
    run_for(frame != 0 ? frame : kByte);
  }
}

std::optional<std::string> BoardLine::receive() {
  const board::Time end = board_.scheduler().now() + kWait;
  while (lines_.empty() && board_.scheduler().now() < end) run_for(kSlice);
  if (lines_.empty()) return std::nullopt;
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

}  // namespace microvisor::cli
