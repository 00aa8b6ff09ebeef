// An application's fetch of configs and secrets, on a channel of the type configuration
// (protocol/channel/FORMAT.md).
#pragma once

#include "cloud/channels/channel.hpp"
#include "cloud/configuration/values.hpp"

namespace microvisor::cloud {

inline constexpr int kMaxKeysOfFetch = 16;

/// One request, one answer, at once. Belongs to its channel.
class FetchServer final : public ChannelServer {
 public:
  FetchServer(const Values& values, Channel& channel) : values_(values), channel_(channel) {}
  [[nodiscard]] bool received(channel::Kind kind, protocol::ByteView message) override;

 private:
  [[nodiscard]] channel::ConfigItem fetch(const channel::ConfigKey& key) const;

  const Values& values_;
  Channel& channel_;
  bool answered_ = false;
};

/// `values` must live as long as the gateway.
ChannelService serve_fetches(const Values& values);

}  // namespace microvisor::cloud
