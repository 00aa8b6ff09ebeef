// The log on its way to the gateway: a stream of length-delimited LogRecords (protocol/LINK.md).
//
// A record that was taken from the kernel's log but not sent whole when the connection ended is sent again,
// from its beginning, on the next connection.
#pragma once

#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

class LogStream {
 public:
  explicit LogStream(LinkHost& host) : host_(host) {}

  void connection_started();
  /// Sends what there is and what the credit allows. True if it sent anything.
  [[nodiscard]] bool step(FrameIo& io);
  /// Events of a stream; false if the stream is not this one.
  [[nodiscard]] bool credited(std::uint32_t stream, std::uint32_t bytes);
  [[nodiscard]] bool closed(std::uint32_t stream);
  /// No record is in hand; one that the gateway does not want does not count.
  [[nodiscard]] bool idle() const { return size_ == 0 || refused_; }

 private:
  [[nodiscard]] bool next_record();

  LinkHost& host_;
  std::uint32_t stream_ = 0;
  std::uint32_t credit_ = 0;
  bool refused_ = false;  // the gateway has closed the log: not again on this connection
  LogRecord record_ = microvisor_link_LogRecord_init_zero;
  // Behind its length, at most two bytes of it.
  std::array<std::uint8_t, 2 + microvisor_link_LogRecord_size> encoded_{};
  std::size_t size_ = 0;  // of encoded_; 0: no record in hand
  std::size_t sent_ = 0;
};

}  // namespace microvisor::firmware::link
