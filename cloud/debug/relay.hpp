// A debug session on its way through the cloud: bytes between a developer's machine (a WebSocket of the REST
// API) and a device (a stream of its link). What they mean only the two ends know.
//
// Neither side is read faster than the other takes: each way at most kWindow bytes wait here. Owned by both
// sides together; lives on the service thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cloud/channels/two_way_buffer.hpp"
#include "protocol/bundle/bytes.hpp"
#include "protocol/link.pb.h"

namespace microvisor::cloud {

/// Of all sessions since the start.
struct DebugCounters {
  std::uint64_t opened = 0;
  std::uint64_t open = 0;  ///< at this moment
  std::uint64_t bytes_to_devices = 0;
  std::uint64_t bytes_from_devices = 0;
};

struct RelayEnd {
  enum class By : std::uint8_t {
    Machine,     ///< its connection has ended
    Device,      ///< it has closed the stream, `error` says why
    Connection,  ///< the device's connection has ended
    Stop,        ///< the service stops
  };
  By by{};
  link::StreamError error = link::STREAM_ERROR_NONE;
};
/// In words, for whoever debugs.
std::string describe(const RelayEnd& end);
/// Of the WebSocket: 1000, 1001, or 4000 + StreamError, or kDeviceGone.
std::uint16_t close_code(const RelayEnd& end);
inline constexpr std::uint16_t kDeviceGone = 4100;

class DebugRelay {
 public:
  static constexpr std::size_t kWindow = 8192;
  using Wake = std::function<void()>;

  /// `at_end` is called once. `counters` outlives this.
  DebugRelay(DebugCounters& counters, std::function<void(const DebugRelay&)> at_end);
  ~DebugRelay();
  DebugRelay(const DebugRelay&) = delete;
  DebugRelay& operator=(const DebugRelay&) = delete;

  // The machine's side.
  /// `wake` is called when there is something for the machine, room again, or the end.
  void set_machine(Wake wake) { machine_ = std::move(wake); }
  /// Whether more may be taken from the machine now.
  [[nodiscard]] bool has_room() const { return buffer_.has_room(); }
  void from_machine(protocol::ByteView bytes);
  /// Everything that has come from the device.
  [[nodiscard]] protocol::Bytes take_for_machine();

  // The device's side. It keeps the device to a credit of kWindow.
  void set_device(Wake wake) { device_ = std::move(wake); }
  void from_device(protocol::ByteView bytes);
  [[nodiscard]] protocol::Bytes take_for_device(std::size_t at_most);
  /// Bytes that the machine has been given since the last time: credit for the device.
  [[nodiscard]] std::uint32_t take_credit() { return buffer_.take_credit(); }

  /// The first end counts. What came from the device before it still goes to the machine.
  void end(RelayEnd end);
  [[nodiscard]] const std::optional<RelayEnd>& ended() const { return end_; }
  [[nodiscard]] std::uint64_t bytes_to_device() const { return bytes_to_device_; }
  [[nodiscard]] std::uint64_t bytes_from_device() const { return bytes_from_device_; }

 private:
  DebugCounters& counters_;
  std::function<void(const DebugRelay&)> at_end_;
  Wake machine_;
  Wake device_;
  TwoWayBuffer buffer_{kWindow};
  std::uint64_t bytes_to_device_ = 0;
  std::uint64_t bytes_from_device_ = 0;
  std::optional<RelayEnd> end_;
};

}  // namespace microvisor::cloud
