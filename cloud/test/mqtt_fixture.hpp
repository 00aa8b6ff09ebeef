// The relay with real connections, run by the test itself: everything happens while it waits for something.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "cloud/relay/mqtt_line.hpp"
#include "cloud/relay/mqtt_relay.hpp"
#include "cloud/test/mqtt_device.hpp"

namespace microvisor::cloud::test {

struct MqttRelayTest : testing::Test {
  boost::asio::io_context io;
  std::optional<RelayPolicy> policy;
  std::optional<mqtt::Dialler> dialler;
  std::optional<mqtt::Relay> relay;
  std::vector<MqttDevice*> devices;
  std::vector<std::function<void()>> others;  ///< move on while the test waits

  ~MqttRelayTest() override {
    relay.reset();
    if (dialler) dialler->stop();
    io.restart();
    io.poll();
  }

  void start_relay(const RelayOptions& options, mqtt::Limits limits = {},
                   std::vector<std::string> allowed = {}, mqtt::Resolve resolve = mqtt::resolve_by_system) {
    auto made = RelayPolicy::make(options);
    ASSERT_TRUE(made) << made.error();
    policy.emplace(std::move(*made));
    dialler.emplace(
        io.get_executor(), *policy,
        [allowed = std::move(allowed)](const std::string&) { return AllowedHosts(allowed); },
        std::move(resolve));
    relay.emplace([this](const ChannelOwner& owner, const mqtt::BrokerAddress& address,
                         mqtt::BrokerEvents& events) { return dialler->dial(owner, address, events); },
                  limits);
  }
  std::unique_ptr<MqttDevice> device(std::size_t receive_buffer = 7168) {
    auto made = std::make_unique<MqttDevice>([this](Channel& channel) { return relay->serve(channel); },
                                             receive_buffer);
    devices.push_back(made.get());
    return made;
  }
  /// The device's link breaks, or its application closes the channel.
  void drop(std::unique_ptr<MqttDevice>& gone) {
    std::erase(devices, gone.get());
    gone.reset();
  }
  [[nodiscard]] testing::AssertionResult until(const std::function<bool()>& reached) {
    using namespace std::chrono_literals;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!reached()) {
      if (std::chrono::steady_clock::now() > deadline) return testing::AssertionFailure() << "never reached";
      io.restart();
      io.run_one_for(2ms);
      relay->tick();
      for (const auto& other : others) other();
      for (MqttDevice* one : devices)
        if (one->takes) one->take();
    }
    return testing::AssertionSuccess();
  }
  template <class Message>
  Message wait_for(MqttDevice& device, channel::Kind kind) {
    Message message;
    const auto reached = until([&] { return device.has(kind); });
    EXPECT_TRUE(reached) << "nothing of kind " << kind;
    if (reached) message.ParseFromString(device.next(kind)->bytes);
    return message;
  }
  channel::MqttResponse response(MqttDevice& device, channel::Kind kind) {
    return wait_for<channel::MqttResponse>(device, kind);
  }
  channel::MqttMessage message(MqttDevice& device) {
    return wait_for<channel::MqttMessage>(device, channel::KIND_MQTT_MESSAGE);
  }
  channel::MqttResponse connect(MqttDevice& device, const channel::MqttConnect& message) {
    device.send(channel::KIND_MQTT_CONNECT, message);
    return response(device, channel::KIND_MQTT_CONNECT_RESPONSE);
  }
  void expect_connected(MqttDevice& device, const channel::MqttConnect& message) {
    const auto answer = connect(device, message);
    EXPECT_EQ(answer.state(), 0U);
    EXPECT_EQ(answer.reason_codes(), std::string(1, '\0'));
  }
  void expect_state(const channel::MqttConnect& message, mqtt::RequestState state) {
    auto one = device();
    const auto answer = connect(*one, message);
    EXPECT_EQ(answer.state(), static_cast<std::uint32_t>(state));
    EXPECT_FALSE(one->closed());
    drop(one);
  }
};

}  // namespace microvisor::cloud::test
