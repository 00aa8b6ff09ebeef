// This machine in the place of a device's modem: the module is played on a serial line until the device has
// called, and the call is answered by what is wanted of it (protocol/LINK.md, "Without a gateway").
//
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::cli {

class LineCall {
 public:
  /// Opens a serial port, for itself alone. Throws Failure, one line.
  explicit LineCall(const std::string& path);
  ~LineCall();
  LineCall(const LineCall&) = delete;
  LineCall& operator=(const LineCall&) = delete;

  /// Waits for the device's call, for as long as `keep_going`, and answers it with `connect` and a carriage
  /// return. Throws Failure.
  void wait(std::string_view connect, const std::function<bool()>& keep_going);
  /// Waits for bytes, and puts them behind those that bytes() has already.
  void read(std::chrono::milliseconds wait);
  void write(std::span<const std::uint8_t> bytes);
  /// What has come and was not taken.
  [[nodiscard]] std::vector<std::uint8_t>& bytes() { return read_; }

  /// The line is of no use any more, and why.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const std::string& why() const { return why_; }
  void end(std::string why);
  [[nodiscard]] int descriptor() const { return line_; }

 private:
  [[nodiscard]] bool take_commands(std::string_view connect);

  std::string path_;
  int line_ = -1;
  std::vector<std::uint8_t> read_;
  bool ended_ = false;
  std::string why_;
};

}  // namespace microvisor::cli
