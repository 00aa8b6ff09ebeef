// USART2 of a virtual board as a serial line. The board runs while somebody sends or waits, and not
// otherwise.
#pragma once

#include <deque>

#include "board/board.hpp"
#include "cli/station.hpp"

namespace microvisor::cli {

class BoardLine final : public SerialLine, private board::SerialDevice {
 public:
  /// The board must outlive the line.
  explicit BoardLine(board::Board& board);
  ~BoardLine() override;
  BoardLine(const BoardLine&) = delete;
  BoardLine& operator=(const BoardLine&) = delete;

  void send(const std::string& line) override;
  /// Waits up to 2 s of the board's time.
  std::optional<std::string> receive() override;

 private:
  void byte_from_chip(std::uint8_t byte) override;
  void chip_ready_changed(bool) override {}
  void run_for(board::Time time);

  board::Board& board_;
  board::SerialPort& port_;
  std::string line_;
  std::deque<std::string> lines_;
};

}  // namespace microvisor::cli
