// The service behind a channel of an application's, as a test wants it: what it hears is noted, and a script
// of the test's answers.
//
// A server lives on its gateway's thread, and goes with the stream that it serves.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cloud/channels/channel.hpp"

namespace microvisor::test {

/// A channel that a device has opened.
struct OpenedChannel {
  link::Service service;
  std::size_t receive_buffer;  ///< bytes, as the device has told
};

/// A message of a device's.
struct HeardMessage {
  channel::Kind kind;
  std::string bytes;

  template <typename Message>
  [[nodiscard]] Message as() const {
    Message message;
    if (!message.ParseFromString(bytes)) message.Clear();
    return message;
  }
};

class ScriptedChannels {
 public:
  /// Called for each message. False: it is none that the device may send.
  using Script = std::function<bool(cloud::Channel&, const HeardMessage&)>;

  /// Channels for `service` are served by `script` from now on. Without one they are refused.
  void serve(link::Service service, Script script);
  /// Null if nobody serves it.
  [[nodiscard]] std::unique_ptr<cloud::Channel> open(link::Service service, const std::string& device_sid,
                                                     std::size_t receive_buffer);
  /// The channel for `service` that was opened last and stands. On the gateway's thread.
  [[nodiscard]] cloud::Channel* latest(link::Service service);

  [[nodiscard]] std::vector<OpenedChannel> opened();
  [[nodiscard]] std::vector<HeardMessage> heard();
  /// Those that stand.
  [[nodiscard]] std::size_t standing();

 private:
  class Server;

  std::mutex mutex_;
  std::map<link::Service, Script> scripts_;
  std::vector<std::pair<link::Service, cloud::Channel*>> standing_;
  std::vector<OpenedChannel> opened_;
  std::vector<HeardMessage> heard_;
};

}  // namespace microvisor::test
