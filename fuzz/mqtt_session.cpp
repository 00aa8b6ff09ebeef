// An MQTT session between a device and a broker of which neither can be believed: messages and packets of any
// bytes, in any order, cut anywhere, with the end of either at any moment. What waits stays within its
// limits.
#include <algorithm>
#include <string>

#include "cloud/relay/mqtt_relay.hpp"
#include "fuzz/input.hpp"

namespace mqtt = microvisor::cloud::mqtt;
namespace cloud = microvisor::cloud;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;

namespace {

constexpr std::size_t kReceiveBuffer = 512;

/// The connection of the moment, if there is one.
struct Wire {
  mqtt::BrokerEvents* events = nullptr;
  std::size_t queued = 0;
};

class FuzzLine final : public mqtt::BrokerLine {
 public:
  explicit FuzzLine(Wire& wire) : wire_(wire) {}
  ~FuzzLine() override { wire_ = Wire(); }
  FuzzLine(const FuzzLine&) = delete;
  FuzzLine& operator=(const FuzzLine&) = delete;
  void send(std::string bytes) override { wire_.queued += bytes.size(); }
  [[nodiscard]] std::size_t queued() const override { return wire_.queued; }
  void finish() override {}

 private:
  Wire& wire_;
};

class World {
 public:
  explicit World(Input& input) : input_(input), rest_(input.rest()) { open(); }
  void step() {
    // Most of the time bytes of one of the two.
    switch (input_.choose(12)) {
      case 0: return end_channel();
      case 1:
        return line_event(
            [](mqtt::BrokerEvents& events) { events.line_ended(mqtt::RequestState::SocketError); });
      case 2: return line_event([](mqtt::BrokerEvents& events) { events.line_open(); });
      case 3: wire_.queued = 0; return line_event([](mqtt::BrokerEvents& events) { events.line_drained(); });
      case 4: now_ += std::chrono::seconds(input_.choose(40)); return relay_.tick();
      case 5: (void)channel_->take_for_device(input_.choose(256)); break;
      case 6:
      case 7:
      case 8: from_device(); break;
      default: {
        const auto bytes = take();
        line_event([&](mqtt::BrokerEvents& events) { events.line_received(bytes); });
      }
    }
    require(channel_->queued() <= kReceiveBuffer + 64 * 64);
  }

 private:
  void open() {
    channel_ = std::make_unique<cloud::Channel>(cloud::ChannelOwner{"AC", "UV"}, kReceiveBuffer, [] {});
    channel_->serve(relay_.serve(*channel_));
  }
  void end_channel() {
    channel_.reset();
    open();
  }
  template <class Event>
  void line_event(Event event) {
    if (wire_.events != nullptr) event(*wire_.events);
    relay_.tick();
  }
  std::span<const std::uint8_t> take() {
    const auto taken = rest_.first(std::min<std::size_t>(rest_.size(), input_.choose(256)));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// With a header that is right, so that it is the message that is looked at.
  void from_device() {
    const auto message = take();
    const std::uint32_t kind = microvisor::channel::KIND_MQTT_CONNECT + input_.choose(7);
    const std::uint8_t header[] = {static_cast<std::uint8_t>(message.size()), 0, 0,
                                   static_cast<std::uint8_t>(kind)};
    channel_->from_device(header);
    channel_->from_device(message);
  }

  Input& input_;
  std::span<const std::uint8_t> rest_;
  Wire wire_;
  mqtt::Moment now_{};
  mqtt::Relay relay_{
      [this](const cloud::ChannelOwner&, const mqtt::BrokerAddress&, mqtt::BrokerEvents& events)
          -> tl::expected<std::unique_ptr<mqtt::BrokerLine>, mqtt::RequestState> {
        // One at a time is enough here: an earlier one ends.
        if (wire_.events != nullptr) return tl::unexpected(mqtt::RequestState::SocketError);
        wire_.events = &events;
        return std::make_unique<FuzzLine>(wire_);
      },
      {},
      [this] { return now_; },
      [] { return 0U; }};
  std::unique_ptr<cloud::Channel> channel_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input);
  for (int i = 0; i < 200 && !input.rest().empty(); ++i) world.step();
  return 0;
}
