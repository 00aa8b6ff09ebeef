// A serial line of the chip's that ends in a pseudo-terminal of the host: whoever opens it sits in the place
// of the module, as with a USB serial line on the bench.
//
// Bytes to the chip leave one per frame time and only while the chip is ready (RTS). Bytes that nobody reads
// are lost when the host's buffer is full, as on a line that ends nowhere; who reads in time loses none.
// Belongs to one board and lives on that board's thread, but for wake().
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "board/bus/edge.hpp"
#include "board/bus/scheduler.hpp"
#include "board/modem/network.hpp"

namespace microvisor::board {

class PseudoTerminal final : public SerialDevice, public HostEvents {
 public:
  /// `port` must outlive it. Throws std::runtime_error if the host has no pseudo-terminal to give.
  PseudoTerminal(Scheduler& scheduler, SerialPort& port);
  ~PseudoTerminal() override;
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  /// What a program on the host opens.
  [[nodiscard]] const std::string& path() const { return path_; }

  void byte_from_chip(std::uint8_t byte) override { from_chip_.push_back(byte); }
  void chip_ready_changed(bool ready) override;
  bool poll(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool awaiting() const override { return false; }
  void wake() override;

 private:
  void pump();
  void write_out();

  SerialPort& port_;
  std::string path_;
  int master_ = -1;
  int slave_ = -1;  // kept open, so that the terminal stays when a program closes it
  int wake_ = -1;
  std::deque<std::uint8_t> to_chip_;
  std::vector<std::uint8_t> from_chip_;
  Scheduler::Event byte_event_;
};

}  // namespace microvisor::board
