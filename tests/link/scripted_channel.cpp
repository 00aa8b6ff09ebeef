// See scripted_channel.hpp.
#include "tests/link/scripted_channel.hpp"

#include <algorithm>

namespace microvisor::test {

class ScriptedChannels::Server final : public cloud::ChannelServer {
 public:
  Server(ScriptedChannels& all, cloud::Channel& channel, Script script)
      : all_(all), channel_(channel), script_(std::move(script)) {}
  ~Server() override {
    const std::lock_guard lock(all_.mutex_);
    std::erase_if(all_.standing_, [this](const auto& one) { return one.second == &channel_; });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  bool received(channel::Kind kind, protocol::ByteView message) override {
    const HeardMessage heard{kind, {message.begin(), message.end()}};
    {
      const std::lock_guard lock(all_.mutex_);
      all_.heard_.push_back(heard);
    }
    return script_(channel_, heard);
  }

 private:
  ScriptedChannels& all_;
  cloud::Channel& channel_;
  Script script_;
};

void ScriptedChannels::serve(link::Service service, Script script) {
  const std::lock_guard lock(mutex_);
  scripts_[service] = std::move(script);
}

std::unique_ptr<cloud::Channel> ScriptedChannels::open(link::Service service, const std::string& device_sid,
                                                       std::size_t receive_buffer) {
  const std::lock_guard lock(mutex_);
  const auto script = scripts_.find(service);
  opened_.push_back({service, receive_buffer});
  if (script == scripts_.end()) return nullptr;
  // A test's gateway asks for output by itself.
  auto channel = std::make_unique<cloud::Channel>(cloud::ChannelOwner{{}, device_sid}, receive_buffer, [] {});
  channel->serve(std::make_unique<Server>(*this, *channel, script->second));
  standing_.emplace_back(service, channel.get());
  return channel;
}

cloud::Channel* ScriptedChannels::latest(link::Service service) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(standing_.rbegin(), standing_.rend(),
                                  [&](const auto& one) { return one.first == service; });
  return found == standing_.rend() ? nullptr : found->second;
}

std::vector<OpenedChannel> ScriptedChannels::opened() {
  const std::lock_guard lock(mutex_);
  return opened_;
}

std::vector<HeardMessage> ScriptedChannels::heard() {
  const std::lock_guard lock(mutex_);
  return heard_;
}

std::size_t ScriptedChannels::standing() {
  const std::lock_guard lock(mutex_);
  return standing_.size();
}

}  // namespace microvisor::test
