// Frames of the device link on the wire: a 16-bit big-endian length (1 to 2048), then one Frame.
//
// Host side, used by the gateway and by test devices; the firmware has its own. A FrameReader belongs to one
// connection.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/link.pb.h"

namespace microvisor::protocol {

inline constexpr std::size_t kMaxFrameBytes = 2048;
inline constexpr std::size_t kMaxStreamDataBytes = 1024;  ///< of one `data`

/// Appends the frame to `wire`. False (and nothing appended) if it is larger than kMaxFrameBytes.
bool append_frame(std::vector<std::uint8_t>& wire, const link::Frame& frame);

class FrameReader {
 public:
  enum class Status : std::uint8_t {
    Frame,      ///< `frame` is filled in
    NeedMore,   ///< no whole frame yet
    BadLength,  ///< length 0 or over kMaxFrameBytes: the connection is lost
    Malformed,  ///< not a Frame: the connection is lost
  };
  void feed(std::span<const std::uint8_t> bytes);
  Status next(link::Frame& frame);

 private:
  std::vector<std::uint8_t> buffer_;
  std::size_t start_ = 0;
};

}  // namespace microvisor::protocol
