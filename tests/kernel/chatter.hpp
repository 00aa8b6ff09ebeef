// A modem that never stops talking: it gives the worker something to do at any moment of a test.
#pragma once

#include <random>

#include "board/board.hpp"
#include "tests/kernel/kernel_machine.hpp"

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

/// About 10,000 bytes a second from the modem, until the line or the end of the time. They come irregularly:
/// with a clock of their own they and the application's tick would meet in the same way again and again, or
/// never. `seed`: of their moments.
inline bool run_chattering(KernelMachine& machine, const std::string& line, unsigned milliseconds,
                           std::uint32_t seed = 1) {
  Chatter chatter(machine.board());
  std::minstd_rand random(seed);
  std::uint8_t byte = 0;
  const auto& scheduler = machine.board().scheduler();
  const board::Time end = scheduler.now() + milliseconds * 1000 * board::kTicksPerMicrosecond;
  while (scheduler.now() < end && machine.count(line) == 0) {
    const board::Time pause =
        50 * board::kTicksPerMicrosecond + random() % (100 * board::kTicksPerMicrosecond);
    machine.board().run({.until = scheduler.now() + pause});
    chatter.say(byte++);
  }
  return machine.count(line) != 0;
}

}  // namespace microvisor::tests
