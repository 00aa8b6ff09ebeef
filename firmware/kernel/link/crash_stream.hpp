// Crash reports on their way to the gateway: a stream for each (protocol/LINK.md).
//
// A report is kept by the kernel until the gateway has closed its side without an error, which says that it
// has stored it. What a break interrupts is sent again on the next connection, from its beginning.
#pragma once

#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

class CrashStream {
 public:
  explicit CrashStream(LinkHost& host) : host_(host) {}

  void connection_started();
  /// Sends what there is and what the credit allows. True if it sent anything.
  [[nodiscard]] bool step(FrameIo& io);
  /// Events of a stream; false if the stream is not this one.
  [[nodiscard]] bool credited(std::uint32_t stream, std::uint32_t bytes);
  [[nodiscard]] bool closed(std::uint32_t stream, microvisor_link_StreamError error);
  /// No report waits, or the gateway takes none.
  [[nodiscard]] bool idle() const { return refused_ || (stream_ == 0 && host_.crash_report_size() == 0); }

 private:
  [[nodiscard]] bool open(FrameIo& io);

  LinkHost& host_;
  std::uint32_t stream_ = 0;
  std::uint32_t credit_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t sent_ = 0;
  bool closed_ = false;   // our side of the stream is
  bool refused_ = false;  // not again on this connection
};

}  // namespace microvisor::firmware::link
