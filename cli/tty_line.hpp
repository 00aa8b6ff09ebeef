// A serial port of this machine (115,200 baud, 8N1) as a line to a real device.
#pragma once

#include "cli/station.hpp"

namespace microvisor::cli {

/// Opens a serial port: raw, 8N1, at one of the rates of termios(3) (B115200); `flow_control` by RTS and CTS.
/// Non-blocking reads are the caller's to arrange. Throws Failure if it is no serial port.
int open_serial_port(const std::string& path, unsigned rate, bool flow_control);

class TtyLine final : public SerialLine {
 public:
  /// `path`, for example /dev/ttyUSB0. Throws Failure if it is no serial port.
  explicit TtyLine(const std::string& path);
  ~TtyLine() override;
  TtyLine(const TtyLine&) = delete;
  TtyLine& operator=(const TtyLine&) = delete;

  void send(const std::string& line) override;
  /// Waits up to 2 s.
  std::optional<std::string> receive() override;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::string received_;
};

}  // namespace microvisor::cli
