// A modem that never stops talking: it gives the worker something to do at any moment of a test.
#pragma once

#include "board/board.hpp"

namespace microvisor::tests {

/// A modem that never stops talking: the worker always has something to do.
class Chatter final : public board::SerialDevice {
 public:
  explicit Chatter(board::Board& board) : board_(board), port_(*board.serial(0x4600'2400)) {
    port_.connect(this);
  }
  ~Chatter() override { port_.connect(nullptr); }
  void byte_from_chip(std::uint8_t) override {}
  void chip_ready_changed(bool) override {}
  void say(std::uint8_t byte) {
    if (port_.chip_ready()) port_.byte_to_chip(byte);
  }

 private:
  board::Board& board_;
  board::SerialPort& port_;
};

}  // namespace microvisor::tests
