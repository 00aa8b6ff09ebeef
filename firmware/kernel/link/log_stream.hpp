// The log on its way to the gateway: a stream of length-delimited LogRecords (protocol/LINK.md).
//
// A record that was taken from the kernel's log but not sent whole when the connection ended is sent again,
// from its beginning, on the next connection. The headers of one alone are as long as a line, so records
// travel together: the first goes at once, and what comes while it is on its way waits for its arrival, for a
// full segment or for a second (RFC 896 for lines).
#pragma once

#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

class LogStream {
 public:
  explicit LogStream(LinkHost& host) : host_(host) {}

  void connection_started();
  /// Sends what there is and what the credit allows, at `now` (microseconds). True if it sent anything.
  [[nodiscard]] bool step(FrameIo& io, std::uint64_t now);
  /// When step() has to be called although nothing has happened.
  [[nodiscard]] std::uint64_t next_deadline() const { return waits_ ? patience_ends_ : kNever; }
  /// Events of a stream; false if the stream is not this one.
  [[nodiscard]] bool credited(std::uint32_t stream, std::uint32_t bytes);
  [[nodiscard]] bool closed(std::uint32_t stream);
  /// No record is in hand; one that the gateway does not want does not count.
  [[nodiscard]] bool idle() const { return (size_ == 0 && !taken_) || refused_; }

 private:
  static constexpr std::uint64_t kPatience = 1'000'000;  // microseconds
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  [[nodiscard]] bool collect();
  [[nodiscard]] bool waits_for_company(const FrameIo& io, std::uint64_t now);

  LinkHost& host_;
  std::uint32_t stream_ = 0;
  std::uint32_t credit_ = 0;
  bool refused_ = false;  // the gateway has closed the log: not again on this connection
  LogRecord record_ = microvisor_link_LogRecord_init_zero;
  bool taken_ = false;  // record_ is not encoded yet
  // Records, each behind its length of at most two bytes: as many as fit a segment, or a longer one alone.
  std::array<std::uint8_t, 2 + microvisor_link_LogRecord_size> encoded_{};
  std::size_t size_ = 0;  // of encoded_
  std::size_t sent_ = 0;
  bool waits_ = false;                    // for company
  std::uint64_t patience_ends_ = kNever;  // of the first record in encoded_
};

}  // namespace microvisor::firmware::link
