// The developer's machine's side of a debug session: whoever has the private half of the key in the bundle.
//
// Bytes in, bytes out; silence and reconnection are its owner's business. Lives on one thread.
#pragma once

#include "protocol/debug/channel.hpp"

namespace microvisor::protocol::debug {

class Requester {
 public:
  /// References in `keys` stay good.
  Requester(Crypto& crypto, const StaticKeys& keys, const Prologue& prologue)
      : initiator_(crypto, keys, prologue), channel_(crypto, in_, out_) {}

  /// Puts message 1 into the output. False: cryptography failed, or the device's key is no point.
  [[nodiscard]] bool start();

  /// Bytes of the stream. Returns how many have been consumed: not all while a message waits.
  [[nodiscard]] std::size_t push(std::span<const std::uint8_t> bytes);
  [[nodiscard]] Channel::State state() const { return channel_.state(); }
  /// The device has proven that it has its key and means the same application.
  [[nodiscard]] bool open() const { return channel_.state() == Channel::State::Open; }

  /// What the device says, verified. Empty: nothing.
  [[nodiscard]] std::span<const std::uint8_t> message() const {
    return open() ? channel_.message() : std::span<const std::uint8_t>{};
  }
  void message_done() { channel_.message_done(); }

  /// Commands, 1 to kMaximumMessage bytes; the first time at most kMaximumFirstMessage. False: not open, too
  /// long, or another one waits to be sent.
  [[nodiscard]] bool send(std::span<const std::uint8_t> commands);
  [[nodiscard]] std::span<const std::uint8_t> output() const { return channel_.output(); }
  void sent(std::size_t bytes) { channel_.sent(bytes); }

 private:
  void finish_handshake();

  Initiator initiator_;
  std::array<std::uint8_t, kMaximumRecord> in_{};
  std::array<std::uint8_t, kLengthBytes + kMaximumRecord> out_{};
  Channel channel_;
  bool first_sent_ = false;
};

}  // namespace microvisor::protocol::debug
