// A session is deleted here alone, when nobody is in the middle of a call to it.
#include "cloud/relay/mqtt_relay.hpp"

namespace microvisor::cloud::mqtt {
namespace {

/// A channel's end of a session.
class Server final : public ChannelServer {
 public:
  explicit Server(Session& session) : session_(session) {}
  ~Server() override { session_.channel_gone(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  bool received(channel::Kind kind, protocol::ByteView message) override {
    return session_.received(kind, message);
  }
  void drained() override { session_.drained(); }

 private:
  Session& session_;
};

}  // namespace

Relay::Relay(Dial dial, Limits limits, std::function<Moment()> now, std::function<std::uint32_t()> seed)
    : dial_(std::move(dial)), limits_(limits), now_(std::move(now)), memories_(std::move(seed)) {}

Relay::~Relay() = default;

std::unique_ptr<ChannelServer> Relay::serve(Channel& channel) {
  sessions_.push_back(std::make_unique<Session>(channel, *this, counters_, limits_));
  return std::make_unique<Server>(*sessions_.back());
}

std::shared_ptr<Memory> Relay::remember(Session& session, const MemoryKey& key) {
  auto memory = memories_.take(key, now_());
  for (const auto& other : sessions_) {
    if (other.get() != &session && other->memory() == memory) other->taken_over();
  }
  return memory;
}

void Relay::break_off() {
  for (const auto& session : sessions_) session->taken_over();
}

void Relay::tick() {
  for (const auto& session : sessions_) session->tick();
  std::erase_if(sessions_, [](const auto& session) { return session->over(); });
  memories_.tick(now_());
}

}  // namespace microvisor::cloud::mqtt
