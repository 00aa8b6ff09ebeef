// A debug stream over a serial line, without any cloud: this machine sits in the place of the device's modem
// (protocol/LINK.md, "Without a gateway").
//
// First the module is played, until the device has called; then the line carries frames of the device link,
// one stream among them. One thread, that of the GDB server.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "cli/debug/device_session.hpp"
#include "cli/line_call.hpp"
#include "protocol/link/frame_codec.hpp"

namespace microvisor::cli::debug {

class LinePipe final : public Pipe {
 public:
  /// Waits for the device's call, for as long as `keep_going`, and opens a stream. Throws Failure, one line.
  LinePipe(const std::string& path, const std::function<bool()>& keep_going);
  ~LinePipe() override;
  LinePipe(const LinePipe&) = delete;
  LinePipe& operator=(const LinePipe&) = delete;

  bool send(std::span<const std::uint8_t> bytes) override;
  std::optional<Bytes> receive(std::chrono::milliseconds wait) override;
  std::string why() const override { return line_.why(); }
  int descriptor() const override { return line_.descriptor(); }

 private:
  void write_frame(const link::Frame& frame);
  void take_frames();
  void take_frame(const link::Frame& frame);
  void send_waiting();

  LineCall line_;
  protocol::FrameReader reader_;
  std::uint64_t credit_ = 0;          // we may send
  std::deque<std::uint8_t> waiting_;  // for credit
  Bytes received_;
};

}  // namespace microvisor::cli::debug
