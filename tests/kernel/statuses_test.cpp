// Every status that the interface documents for a call comes from the kernel image on the virtual board. What
// has to be provoked is the table the interface is generated from; a status nobody provokes fails the test.
#include "abi/statuses.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/gateway_bench.hpp"

namespace microvisor::tests {
namespace {

using abi::Status;

enum World : std::uint32_t { kUnconnected, kConnected, kFactory };  // as in guests/statuses.c

/// Documented, but nothing an application can do brings it about.
struct Unreachable {
  abi::Gate gate;
  Status status;
  const char* reason;
};
constexpr const char* kNothingLate = "the one structure is checked and written in one step";
constexpr Unreachable kUnreachable[] = {
    {abi::Gate::ReleaseNetwork, Status::UNSUPPORTEDSTRUCTUREVERSION,
     "the published list has it, but the call takes a handle and no structure"},
    {abi::Gate::MqttReadConnectResponse, Status::LATEFAULT, kNothingLate},
    {abi::Gate::MqttReadPublishResponse, Status::LATEFAULT, kNothingLate},
    {abi::Gate::MqttReadDisconnectResponse, Status::LATEFAULT, kNothingLate},
};

/// A response with everything in it, or a failure.
bool serve_http(cloud::Channel& channel, const test::HeardMessage& heard) {
  channel::HttpResponse response;
  if (heard.as<channel::HttpRequest>().url() == "https://refused.example") {
    response.set_result(static_cast<unsigned>(abi::HttpResult::REQUESTFAILED));
  } else {
    response.set_status_code(200);
    response.set_header_count(1);
    response.set_body("body");
    response.add_headers("Name: value");
  }
  channel.send(channel::KIND_HTTP_RESPONSE, response);
  return heard.kind == channel::KIND_HTTP_REQUEST;
}

/// The value of one key that is named so, or a failure.
bool serve_config(cloud::Channel& channel, const test::HeardMessage& heard) {
  channel::ConfigResponse response;
  if (heard.as<channel::ConfigRequest>().keys(0).key() == "key") {
    response.set_item_count(1);
    response.add_items()->set_value("value");
  } else {
    response.set_result(static_cast<unsigned>(abi::ConfigFetchResult::RESPONSETOOLARGE));
  }
  channel.send(channel::KIND_CONFIG_RESPONSE, response);
  return heard.kind == channel::KIND_CONFIG_REQUEST;
}

/// All that can be read, when the application has asked for everything; its last request is the
/// disconnection.
bool serve_mqtt(cloud::Channel& channel, const test::HeardMessage& heard) {
  if (heard.kind != channel::KIND_MQTT_DISCONNECT) return true;
  channel::MqttResponse response;
  response.set_reason_codes("12");
  channel::MqttMessage message;
  message.set_topic("topic");
  message.set_payload("payload");
  channel::MqttLostMessage lost;
  lost.set_topic("topic");
  channel.send(channel::KIND_MQTT_CONNECT_RESPONSE, response);
  channel.send(channel::KIND_MQTT_SUBSCRIBE_RESPONSE, response);
  channel.send(channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE, response);
  channel.send(channel::KIND_MQTT_PUBLISH_RESPONSE, response);
  channel.send(channel::KIND_MQTT_MESSAGE, message);
  channel.send(channel::KIND_MQTT_LOST_MESSAGE, lost);
  channel.send(channel::KIND_MQTT_DISCONNECT_RESPONSE, response);
  return true;
}

void serve_channels(test::ScriptedChannels& channels) {
  channels.serve(link::SERVICE_HTTP, serve_http);
  channels.serve(link::SERVICE_CONFIG, serve_config);
  channels.serve(link::SERVICE_MQTT, serve_mqtt);
}

class StatusesOnBoard : public testing::Test {
 protected:
  struct Answer {
    std::string call;
    unsigned wanted = 0, got = 0;
  };

  /// All that the guest says: answers to calls by name, and those to all slots from a handler.
  void read(const KernelMachine& machine) {
    for (const std::string& line : machine.lines()) {
      char name[64] = {};
      unsigned first = 0, second = 0;
      if (std::sscanf(line.c_str(), "%63s %u %u", name, &first, &second) != 3) continue;
      if (std::string_view(name) == "handler") {
        from_handlers[first] = second;
        continue;
      }
      EXPECT_EQ(second, first) << line;
      provoked.emplace(name, second);
    }
  }

  void unconnected() {
    KernelMachine machine({.guest = "statuses", .parameters = {kUnconnected, 0, 0}});
    EXPECT_TRUE(machine.run_until_line("done", 30'000));
    read(machine);
    EXPECT_EQ(machine.board().resets(), 0u);
  }

  void connected() {
    GatewayBench bench;
    KernelMachine machine(
        {.guest = "statuses", .parameters = {kConnected, 0, 0}, .identity = bench.identity()});
    bench.connect(machine);
    ASSERT_TRUE(machine.run_until_line("cut", 30'000));
    bench.gateway.set_logging(false);
    const protocol::Bytes image(500'000, 0x5A);
    const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), bench.owner);
    ASSERT_TRUE(manifest.has_value());
    bench.gateway.add_object(image);
    bench.gateway.add_object(*manifest);
    bench.gateway.set_target(protocol::sha256(*manifest));
    bench.cut();
    EXPECT_TRUE(machine.run_until_line("done", 60'000));
    read(machine);
  }

  /// Channels that carry messages, and who serves them (guests/messages.c).
  void messages() {
    GatewayBench bench;
    serve_channels(bench.gateway.channels());
    KernelMachine machine({.guest = "messages", .identity = bench.identity()});
    bench.connect(machine);
    ASSERT_TRUE(machine.run_until_line("cut", 60'000));
    bench.cut();
    EXPECT_TRUE(machine.run_until_line("done", 30'000));
    EXPECT_EQ(machine.value_of("opened"), 3u);
    EXPECT_EQ(machine.value_of("reason"), static_cast<unsigned>(abi::ClosureReason::NETWORKDISCONNECTED));
    read(machine);
    EXPECT_EQ(machine.board().resets(), 0u);
  }

  /// True: the testing code runs again after the next reset.
  bool factory(std::uint32_t verdict) {
    KernelMachine machine({.guest = "statuses", .parameters = {kFactory, 0, verdict}, .factory_test = true});
    EXPECT_TRUE(machine.run_until_line("done", 30'000));
    machine.run(2'000);
    EXPECT_EQ(machine.lines().back(), "done") << "the testing code goes on after mvTestingComplete";
    read(machine);
    EXPECT_TRUE(machine.board().power_cycle());
    machine.run(2'000);
    return machine.count("begin") == 2;
  }

  [[nodiscard]] bool was_provoked(const abi::DocumentedStatus& row) const {
    if (provoked.contains({row.call, static_cast<unsigned>(row.status)})) return true;
    const auto answer = from_handlers.find(static_cast<unsigned>(row.gate));
    return !abi::allowed_in_handlers(row.gate) && row.status == Status::UNAVAILABLE &&
           answer != from_handlers.end() && answer->second == static_cast<unsigned>(Status::UNAVAILABLE);
  }

  std::set<std::pair<std::string, unsigned>> provoked;
  std::map<unsigned, unsigned> from_handlers;
};

TEST_F(StatusesOnBoard, EachOneThatIsDocumentedIsProvoked) {
  unconnected();
  connected();
  messages();
  EXPECT_TRUE(factory(5)) << "what has not passed is tested again";
  unsigned shown = 0;
  for (const abi::DocumentedStatus& row : abi::kDocumentedStatuses) {
    const bool unreachable =
        std::any_of(std::begin(kUnreachable), std::end(kUnreachable),
                    [&](const Unreachable& u) { return u.gate == row.gate && u.status == row.status; });
    if (unreachable) continue;
    EXPECT_TRUE(was_provoked(row)) << row.call << " " << row.name;
    ++shown;
  }
  std::printf("statuses provoked: %u of %zu documented\n", shown, abi::kDocumentedStatuses.size());
}

TEST_F(StatusesOnBoard, ATestThatWasPassedIsNotRunAgain) { EXPECT_FALSE(factory(0)); }

TEST_F(StatusesOnBoard, HandlersMayMakeTheCallsOfTheList) {
  unconnected();
  ASSERT_EQ(from_handlers.size(), abi::kGateCount);
  for (const auto& [slot, status] : from_handlers) {
    if (abi::allowed_in_handlers(static_cast<abi::Gate>(slot))) continue;
    EXPECT_EQ(status, static_cast<unsigned>(Status::UNAVAILABLE)) << "slot " << slot;
  }
  // With null pointers and zeros these have something else to say.
  const auto answer = [&](abi::Gate gate) {
    return static_cast<Status>(from_handlers[static_cast<unsigned>(gate)]);
  };
  EXPECT_EQ(answer(abi::Gate::NoOp), Status::OKAY);
  EXPECT_EQ(answer(abi::Gate::ServerLog), Status::OKAY);
  EXPECT_EQ(answer(abi::Gate::GetMicroseconds), Status::PARAMETERFAULT);
  EXPECT_EQ(answer(abi::Gate::GetNetworkStatus), Status::INVALIDHANDLE);
  EXPECT_EQ(answer(abi::Gate::PeriphPeek32), Status::PERIPHERALACCESSFAULT);
}

}  // namespace
}  // namespace microvisor::tests
