// An application's channel as whoever serves it sees it: whole messages both ways
// (protocol/channel/FORMAT.md).
//
// A Channel belongs to the stream of a device's session and is gone with it, together with its ChannelServer.
// What a server has begun elsewhere must not hold on to either. Everything lives on the service thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "protocol/bundle/bytes.hpp"
#include "protocol/channel.pb.h"
#include "protocol/link.pb.h"

namespace microvisor::cloud {

/// Whose channel it is.
struct ChannelOwner {
  std::string account_sid;
  std::string device_sid;
};

/// Serves one channel. Made by a ChannelService when the device opens it.
class ChannelServer {
 public:
  virtual ~ChannelServer() = default;
  /// A message of the device's. False: it is none that it may send; the channel is closed.
  [[nodiscard]] virtual bool received(channel::Kind kind, protocol::ByteView message) = 0;
  /// Everything that was sent is on its way to the device.
  virtual void drained() {}
};

class Channel {
 public:
  static constexpr std::size_t kHeader = 4;                   ///< bytes in front of a message
  static constexpr std::size_t kMaximumMessage = 256 * 1024;  ///< of the device's, bytes
  static constexpr std::uint32_t kWindow = 8192;              ///< credit of the device, bytes

  /// `receive_buffer`: the application's, bytes. `wake` is called when there is something to take.
  Channel(ChannelOwner owner, std::size_t receive_buffer, std::function<void()> wake);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The server's side.
  [[nodiscard]] const ChannelOwner& owner() const { return owner_; }
  /// What a message and its header may be together, so that it can ever be received.
  [[nodiscard]] std::size_t receive_buffer() const { return receive_buffer_; }
  [[nodiscard]] bool fits(const google::protobuf::MessageLite& message) const {
    return kHeader + message.ByteSizeLong() <= receive_buffer_;
  }
  /// Puts the message, which fits, behind those that wait for the device.
  void send(channel::Kind kind, const google::protobuf::MessageLite& message);
  /// Bytes that wait for the device to have room.
  [[nodiscard]] std::size_t queued() const { return for_device_.size(); }
  /// No more will be sent. What was sent before still goes to the device.
  void close(link::StreamError error);

  // The session's side.
  void serve(std::unique_ptr<ChannelServer> server) { server_ = std::move(server); }
  void from_device(protocol::ByteView bytes);
  [[nodiscard]] protocol::Bytes take_for_device(std::size_t at_most);
  /// Why the stream is to be closed, when all has been taken.
  [[nodiscard]] const std::optional<link::StreamError>& closed() const { return closed_; }

 private:
  [[nodiscard]] bool handle_message();

  ChannelOwner owner_;
  std::size_t receive_buffer_;
  std::function<void()> wake_;
  std::unique_ptr<ChannelServer> server_;
  protocol::Bytes from_device_;
  protocol::Bytes for_device_;
  std::optional<link::StreamError> closed_;
};

/// Makes servers for the channels of one type. Null: not for this owner, or not now.
using ChannelService = std::function<std::unique_ptr<ChannelServer>(Channel&)>;

}  // namespace microvisor::cloud
