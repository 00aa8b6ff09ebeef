// The cloud's relay of MQTT: the sessions of all channels, and what is remembered of them.
//
// A channel holds on to nothing here: when it goes, its session goes on alone for as long as it takes
// (Session), and is deleted in tick(). Owned by the server, lives on the service thread, and outlives the
// gateway.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <random>

#include "cloud/relay/mqtt_session.hpp"

namespace microvisor::cloud::mqtt {

/// How sessions reach their brokers. The error is the answer to the device's request.
using Dial = std::function<tl::expected<std::unique_ptr<BrokerLine>, RequestState>(
    const ChannelOwner& owner, const BrokerAddress& address, BrokerEvents& events)>;

class Relay final : public SessionHost {
 public:
  /// `seed`: where the numbers of messages begin (Memories).
  explicit Relay(
      Dial dial, Limits limits = {}, std::function<Moment()> now = std::chrono::steady_clock::now,
      std::function<std::uint32_t()> seed = [] { return std::random_device()(); });
  ~Relay() override;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// A ChannelService.
  std::unique_ptr<ChannelServer> serve(Channel& channel);
  /// To be called about four times a second.
  void tick();
  /// Ends all connections. To be called before what they run on is gone.
  void break_off();
  [[nodiscard]] bool quiet() const { return counters_.open == 0; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// Including those whose channel is gone.
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  tl::expected<std::unique_ptr<BrokerLine>, RequestState> dial(const ChannelOwner& owner,
                                                               const BrokerAddress& address,
                                                               BrokerEvents& events) override {
    return dial_(owner, address, events);
  }
  std::shared_ptr<Memory> remember(Session& session, const MemoryKey& key) override;
  [[nodiscard]] Moment now() const override { return now_(); }

  Dial dial_;
  Limits limits_;
  std::function<Moment()> now_;
  Counters counters_;
  Memories memories_;
  std::list<std::unique_ptr<Session>> sessions_;
};

}  // namespace microvisor::cloud::mqtt
