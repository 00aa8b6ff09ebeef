// An opaque channel of an application's as whoever serves it sees it: bytes both ways, and an end from either
// side (protocol/LINK.md, "Channel").
//
// Owned by both sides together, the device's session and the server, because what the one has said before it
// went is still the other's. Lives on the service thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cloud/channels/channel.hpp"
#include "cloud/channels/two_way_buffer.hpp"

namespace microvisor::cloud {

/// Of all streams since the start.
struct ByteStreamCounters {
  std::uint64_t opened = 0;
  std::uint64_t open = 0;    ///< at this moment
  std::uint64_t failed = 0;  ///< ended by their servers otherwise than in order
  std::uint64_t bytes_to_devices = 0;
  std::uint64_t bytes_from_devices = 0;
};

class ByteStream {
 public:
  static constexpr std::size_t kWindow = 4096;
  using Wake = std::function<void()>;

  enum class DeviceEnd : std::uint8_t {
    None,    ///< it is there
    Closed,  ///< in order: all that it had to say has come
    Gone,    ///< its connection has ended, or the application has given up
  };

  /// `at_failure` is called at most once, with words for the developer. `counters` outlives this.
  ByteStream(ChannelOwner owner, std::string endpoint, ByteStreamCounters& counters,
             std::function<void(const std::string&)> at_failure);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  [[nodiscard]] const ChannelOwner& owner() const { return owner_; }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  // The server's side.
  /// `wake` is called when there is something for the server, room again, or the device's end.
  void set_server(Wake wake) { server_ = std::move(wake); }
  /// Whether more may be taken from the far end now.
  [[nodiscard]] bool has_room() const { return buffer_.has_room(); }
  void from_far_end(protocol::ByteView bytes);
  [[nodiscard]] protocol::Bytes take_for_far_end();
  /// Nothing more will come from the far end. What came before still goes to the device. The first one
  /// counts.
  void close(link::StreamError error, const std::string& why = "");
  [[nodiscard]] DeviceEnd device_end() const { return device_end_; }

  // The session's side. It keeps the device to a credit of kWindow.
  void set_device(Wake wake) { device_ = std::move(wake); }
  void from_device(protocol::ByteView bytes);
  [[nodiscard]] protocol::Bytes take_for_device(std::size_t at_most);
  [[nodiscard]] std::uint32_t take_credit() { return buffer_.take_credit(); }
  /// Why the stream is to be closed, once the device has been sent everything.
  [[nodiscard]] std::optional<link::StreamError> to_be_closed() const {
    return buffer_.nothing_for_device() ? closed_ : std::nullopt;
  }
  /// The first one counts; the session asks for nothing more.
  void device_ended(DeviceEnd end);

 private:
  ChannelOwner owner_;
  std::string endpoint_;
  ByteStreamCounters& counters_;
  std::function<void(const std::string&)> at_failure_;
  Wake server_;
  Wake device_;
  TwoWayBuffer buffer_{kWindow};
  std::optional<link::StreamError> closed_;
  DeviceEnd device_end_ = DeviceEnd::None;
};

/// Serves streams to the endpoint at `url`. False: not now; the stream is refused.
using ByteStreamService = std::function<bool(std::shared_ptr<ByteStream> stream, const std::string& url)>;

}  // namespace microvisor::cloud
