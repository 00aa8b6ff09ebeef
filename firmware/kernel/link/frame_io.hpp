// Frames of the device link over a byte stream: 16-bit big-endian length, then one protobuf Frame
// (protocol/link.proto).
//
// One frame in and one frame out exist at a time, in fixed memory. Worker only.
#pragma once

#include <protocol/link.nanopb.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::link {

using Frame = microvisor_link_Frame;

inline constexpr std::size_t kMaximumFrame = 2048;
inline constexpr std::size_t kMaximumData = 1024;  // of one `data`
inline constexpr std::size_t kSegmentData =
    480;  // of a `data` that goes, with all headers, into one TCP segment
static_assert(microvisor_link_Frame_size <= kMaximumFrame);

/// The byte stream under the frames (TLS; the bare line; a pipe in tests).
class Transport {
 public:
  /// Takes received bytes; 0 if there are none now.
  [[nodiscard]] virtual std::size_t read(std::span<std::uint8_t> into) = 0;
  /// Sends all of it, waiting for room. False if the stream is gone.
  [[nodiscard]] virtual bool write(std::span<const std::uint8_t> bytes) = 0;
  /// Waits a moment until the peer's TCP has everything. False if it does not confirm.
  [[nodiscard]] virtual bool flush() = 0;
  /// Whether the peer's TCP has everything at this moment.
  [[nodiscard]] virtual bool delivered() const = 0;
  /// Whether what is written now would wait behind something else that has not gone out yet. Who has more
  /// than a few bytes to send waits for that to end: whatever is more urgent overtakes it then.
  [[nodiscard]] virtual bool held_back() const { return false; }
  [[nodiscard]] virtual bool ended() const = 0;

 protected:
  ~Transport() = default;
};

enum class Received : std::uint8_t { Nothing, Complete, Broken };

class FrameIo {
 public:
  explicit FrameIo(Transport& transport) : transport_(&transport) {}

  /// What the next connection goes over: there is one FrameIo, because memory is scarce.
  void use(Transport& transport) { transport_ = &transport; }

  /// A new connection: forgets half frames; stream numbers start anew.
  void restart();
  /// Reads and decodes at most one frame into in().
  [[nodiscard]] Received receive();
  [[nodiscard]] const Frame& in() const { return in_; }

  /// Clears the outgoing frame and returns it for filling in; `kind` is one of the
  /// microvisor_link_Frame_*_tag.
  [[nodiscard]] Frame& begin(std::uint32_t stream, pb_size_t kind);
  /// Sends what begin() returned. False if the connection is gone.
  [[nodiscard]] bool send();
  [[nodiscard]] bool send_data(std::uint32_t stream, std::span<const std::uint8_t> bytes);
  /// Where bytes for send_data() may be put together without a buffer of one's own. Until the next frame.
  [[nodiscard]] std::span<std::uint8_t> data_buffer() { return out_.kind.data.bytes; }
  [[nodiscard]] bool send_credit(std::uint32_t stream, std::uint32_t bytes);
  [[nodiscard]] bool send_close(std::uint32_t stream, microvisor_link_StreamError error);
  [[nodiscard]] bool flush() { return transport_->flush(); }
  [[nodiscard]] bool delivered() const { return transport_->delivered(); }
  [[nodiscard]] bool held_back() const { return transport_->held_back(); }
  [[nodiscard]] bool ended() const { return transport_->ended(); }

  /// The number of a stream that the device opens: odd, never used twice on a connection.
  [[nodiscard]] std::uint32_t new_stream();

 private:
  [[nodiscard]] bool fill(std::size_t wanted);

  Transport* transport_;
  std::uint32_t next_stream_ = 1;
  std::size_t input_size_ = 0;
  std::array<std::uint8_t, 2 + kMaximumFrame> input_{};
  std::array<std::uint8_t, 2 + microvisor_link_Frame_size> output_{};
  Frame in_ = microvisor_link_Frame_init_zero;
  Frame out_ = microvisor_link_Frame_init_zero;
};

}  // namespace microvisor::firmware::link
