// See mqtt_load.hpp.
#include "tests/network/mqtt_load.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cloud/test/device_client.hpp"
#include "protocol/channel.pb.h"

namespace microvisor::test {
namespace {

using cloud::test::DeviceClient;

constexpr std::uint32_t kStream = 1, kCredit = 7168;
constexpr unsigned kUnderWay = 8;

/// One channel for MQTT, as a device's kernel has it.
class Publisher {
 public:
  Publisher(const cloud::test::DeviceIdentity& identity, unsigned number) : device_(identity) {
    device_.hello();
    link::Frame open = frame();
    open.mutable_open()->set_service(link::SERVICE_MQTT);
    open.mutable_open()->set_credit(kCredit);
    device_.send(open);
    channel::MqttConnect connect;
    connect.set_protocol_version(1);
    connect.set_host("broker.test");
    connect.set_port(1883);
    connect.set_keep_alive_seconds(60);
    connect.set_client_id("load-" + std::to_string(number));
    connect.set_clean_start(1);
    send(channel::KIND_MQTT_CONNECT, connect.SerializeAsString());
    if (await_item() != channel::KIND_MQTT_CONNECT_RESPONSE)
      throw std::runtime_error("no session with the broker");
  }

  /// How many have been answered when `stop` was seen.
  std::uint64_t publish_until(const std::atomic<bool>& stop) {
    std::uint64_t sent = 0, answered = 0;
    for (; !stop; ++answered) {
      for (; sent - answered < kUnderWay; ++sent) publish(static_cast<std::uint32_t>(sent));
      if (await_item() != channel::KIND_MQTT_PUBLISH_RESPONSE)
        throw std::runtime_error("not a publication's answer");
    }
    return answered;
  }

 private:
  static link::Frame frame() {
    link::Frame frame;
    frame.set_stream(kStream);
    return frame;
  }

  void publish(std::uint32_t number) {
    channel::MqttMessage message;
    message.set_correlation_id(number);
    message.set_topic("from/load");
    message.set_payload(std::to_string(number));
    message.set_qos(1);
    send(channel::KIND_MQTT_PUBLISH, message.SerializeAsString());
  }

  void send(channel::Kind kind, const std::string& message) {
    const auto header = static_cast<std::uint32_t>(message.size()) | static_cast<std::uint32_t>(kind) << 24U;
    std::string bytes;
    for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(header >> shift));
    link::Frame data = frame();
    data.set_data(bytes + message);
    device_.send(data);
  }

  /// The kind of the next message on the channel.
  channel::Kind await_item() {
    for (;;) {
      if (arrived_.size() >= 4) {
        const std::size_t length =
            static_cast<std::uint8_t>(arrived_[0]) | static_cast<std::uint8_t>(arrived_[1]) << 8U;
        const auto kind = static_cast<channel::Kind>(static_cast<std::uint8_t>(arrived_[3]));
        if (arrived_.size() >= 4 + length) {
          arrived_.erase(0, 4 + length);
          return kind;
        }
      }
      take_data();
    }
  }

  void take_data() {
    const auto received = device_.receive(link::Frame::kData);
    if (!received) throw std::runtime_error("the connection has ended");
    arrived_ += received->data();
    taken_ += static_cast<std::uint32_t>(received->data().size());
    if (taken_ < kCredit / 2) return;
    link::Frame credit = frame();
    credit.mutable_credit()->set_bytes(taken_);
    device_.send(credit);
    taken_ = 0;
  }

  DeviceClient device_;
  std::string arrived_;
  std::uint32_t taken_ = 0;
};

}  // namespace

double publications_per_second(const cloud::Server& server, unsigned devices, double seconds) {
  const cloud::test::HttpClient client(server.api_port(), server.credentials().account_sid,
                                       server.credentials().auth_token);
  std::vector<std::unique_ptr<Publisher>> publishers;
  for (unsigned number = 0; number < devices; ++number)
    publishers.push_back(std::make_unique<Publisher>(cloud::test::provision(client), number));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> answered{0};
  std::vector<std::thread> threads;
  for (const auto& publisher : publishers)
    threads.emplace_back([&stop, &answered, &publisher] { answered += publisher->publish_until(stop); });
  const auto begun = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));  // what is measured is a time
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(answered) /
         std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

}  // namespace microvisor::test
