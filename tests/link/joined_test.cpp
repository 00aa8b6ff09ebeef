// The device link with the gateway inside the process: no sockets, no waiting for the host, names from a
// table.
#include <gtest/gtest.h>

#include "board/modem/joined_network.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

class LinkJoined : public ::testing::Test {
 protected:
  LinkJoined()
      : line([this](board::Scheduler& scheduler) {
          board::JoinedOptions options;
          options.names = {{"gateway.example", board::kGatewayAddress}};
          return std::make_unique<board::JoinedNetwork>(
              scheduler,
              [this](board::JoinedConnection& connection, std::uint32_t, std::uint16_t port) {
                return port == gateway.port() ? gateway.join(connection) : nullptr;
              },
              options);
        }),
        device(line, gateway, owner.public_key()) {
    const std::string_view name = "gateway.example";
    EXPECT_TRUE(device.identity_record.gateway_host.assign(
        {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}));
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
};

TEST_F(LinkJoined, ResolvesConnectsAndLogs) {
  device.log = {"first", "second"};
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 2; }, 10));
  EXPECT_EQ(gateway.seen().connections, 0U) << "no socket was involved";
  EXPECT_LT(line.now(), 3 * firmware::net::kSeconds);
}

/// Long before it has been silent for twice the keep-alive time of 180 s.
TEST_F(LinkJoined, APingWithoutAnAnswerEndsTheConnection) {
  std::uint64_t silent_since = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (silent_since == 0 && device.engine().status() == firmware::link::NetworkStatus::Connected) {
          silent_since = line.now();
          line.network().on_receive({});
        }
        return device.engine().last_end() == firmware::link::SessionEnd::Silent;
      },
      300));
  EXPECT_GE(line.now() - silent_since, 115 * firmware::net::kSeconds);  // 90 s, and 30 s for an answer
  EXPECT_LT(line.now() - silent_since, 125 * firmware::net::kSeconds);
}

/// Alone each would take a packet of its own.
TEST_F(LinkJoined, LinesThatWaitTravelTogether) {
  std::uint64_t before = 0;
  std::vector<std::string> said;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (before == 0 && gateway.seen().sessions == 1) {
          before = line.modem().packets_sent();
          for (int number = 0; number < 100; ++number) said.push_back("line " + std::to_string(number));
          device.log.assign(said.begin(), said.end());
        }
        return gateway.seen().log.size() == 100;
      },
      20));
  EXPECT_EQ(gateway.seen().log, said);
  EXPECT_LE(line.modem().packets_sent() - before, 20U);
}

TEST_F(LinkJoined, UpdatesAtTheSpeedOfTheLine) {
  protocol::Bytes image(200'000);
  for (std::size_t at = 0; at < image.size(); ++at) image[at] = static_cast<std::uint8_t>(at * 31 + at / 251);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), owner);
  ASSERT_TRUE(manifest.has_value());
  gateway.offer(image, *manifest);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }, 60));
  // 921,600 baud carry 92 kB a second; headers, records and the pauses of a 20 ms round trip cost something.
  EXPECT_GT(line.now(), 2 * firmware::net::kSeconds);
  EXPECT_LT(line.now(), 6 * firmware::net::kSeconds);
}

using firmware::link::NetworkStatus;
using firmware::net::kSeconds;

TEST_F(LinkJoined, ReleasedItStaysForTheGraceTimeAndGoesOffline) {
  device.policy.emplace();
  device.policy->configure(5, 3600);
  std::uint64_t released = 0;
  ASSERT_TRUE(device.run_until([&] {
    if (released == 0 && gateway.seen().sessions == 1) {
      released = line.now();
      device.wanted = false;
      device.log = {"last words"};
    }
    return !device.statuses.empty() && device.statuses.back() == NetworkStatus::DeliberatelyOffline;
  }));
  EXPECT_GE(line.now(), released + 5 * kSeconds);
  EXPECT_LT(line.now(), released + 8 * kSeconds) << "the modem takes a moment to hang up";
  EXPECT_EQ(gateway.seen().log, std::vector<std::string>{"last words"});
  EXPECT_EQ(gateway.seen().sessions, 1U);
}

TEST_F(LinkJoined, ChecksInWhenItIsTimeDeliversAndGoesOfflineAgain) {
  device.policy.emplace();
  device.policy->configure(0, 600);
  device.wanted = false;  // from the start: only the first contact and the check-ins connect
  const auto offline = [&] {
    return !device.statuses.empty() && device.statuses.back() == NetworkStatus::DeliberatelyOffline;
  };
  ASSERT_TRUE(device.run_until(offline));
  EXPECT_EQ(gateway.seen().sessions, 1U);
  const std::uint64_t since = line.now();
  device.log = {"kept", "for the next contact"};
  std::uint64_t online = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (online == 0 && !offline()) online = line.now();
        return online != 0 && offline();
      },
      1200));
  EXPECT_NEAR(static_cast<double>(online - since), 600.0 * kSeconds, 5.0 * kSeconds);
  EXPECT_LT(line.now(), online + 20 * kSeconds);
  EXPECT_EQ(gateway.seen().sessions, 2U);
  EXPECT_EQ(gateway.seen().log.size(), 2U);
}

TEST_F(LinkJoined, AnUpdateFoundAtACheckInIsFetchedBeforeGoingOffline) {
  device.policy.emplace();
  device.policy->configure(0, 600);
  device.wanted = false;
  const auto offline = [&] {
    return !device.statuses.empty() && device.statuses.back() == NetworkStatus::DeliberatelyOffline;
  };
  ASSERT_TRUE(device.run_until(offline));
  const auto manifest =
      protocol::sign_manifest(protocol::make_manifest(protocol::Bytes(30'000, 7), {}), owner);
  ASSERT_TRUE(manifest.has_value());
  gateway.offer(protocol::Bytes(30'000, 7), *manifest);
  bool online = false;
  ASSERT_TRUE(device.run_until([&] { return (online |= !offline()) && offline(); }, 1200));
  EXPECT_EQ(device.installs, 1U);
  EXPECT_EQ(gateway.seen().sessions, 2U);
}

TEST_F(LinkJoined, CrashReportsAreSentWholeAndForgottenWhenTheyAreStored) {
  const protocol::Bytes first(7'900, 1);
  const protocol::Bytes second(1, 2);
  device.crashes = {first, second};
  ASSERT_TRUE(device.run_until([&] { return device.crashes.empty(); }, 20));
  EXPECT_EQ(gateway.seen().crashes, (std::vector<protocol::Bytes>{first, second}));
}

TEST_F(LinkJoined, ACrashReportThatTheDeviceHasNotWrittenIsForgottenAndNotSent) {
  device.crashes = {protocol::Bytes(500, 3), protocol::Bytes(600, 4)};
  device.crashes_tampered = true;
  ASSERT_TRUE(device.run_until([&] { return device.crashes.empty(); }, 20));
  EXPECT_TRUE(gateway.seen().crashes.empty());
}

TEST_F(LinkJoined, ACrashReportThatIsNotStoredIsKeptForTheNextConnection) {
  gateway.refuse_crashes(true);
  device.crashes = {protocol::Bytes(500, 3)};
  device.log = {"goes on"};
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 1; }, 20));
  EXPECT_FALSE(device.run_until([&] { return device.crashes.empty(); }, 100));
  gateway.refuse_crashes(false);
  ASSERT_TRUE(device.run_until([&] { return device.crashes.empty(); }, 20));
  EXPECT_EQ(gateway.seen().crashes.size(), 1U);
}

// --- channels that carry messages

std::string framed(channel::Kind kind, const std::string& content) {
  std::string wire;
  const auto header = static_cast<std::uint32_t>(content.size()) | static_cast<std::uint32_t>(kind) << 24;
  for (unsigned shift = 0; shift < 32; shift += 8) wire += static_cast<char>(header >> shift);
  return wire + content;
}

struct MessageService {
  link::Service service;
  channel::Kind request;
};
constexpr MessageService kServices[] = {{link::SERVICE_HTTP, channel::KIND_HTTP_REQUEST},
                                        {link::SERVICE_CONFIG, channel::KIND_CONFIG_REQUEST},
                                        {link::SERVICE_MQTT, channel::KIND_MQTT_PUBLISH}};

class LinkJoinedChannel : public LinkJoined, public ::testing::WithParamInterface<MessageService> {
 protected:
  static constexpr std::size_t kBuffer = 1024;

  void open(std::uint32_t id) {
    device.channel_end.reset();
    device.channel_service = static_cast<microvisor_link_Service>(GetParam().service);
    device.channel_buffer = kBuffer;
    device.channel_input.clear();
    device.channel_id = id;
  }
};

INSTANTIATE_TEST_SUITE_P(EachType, LinkJoinedChannel, ::testing::ValuesIn(kServices));

/// Longer than any credit: 8 KiB of the device, and the buffer of the application, which reads it by pieces.
TEST_P(LinkJoinedChannel, CarriesMessagesLargerThanTheCreditBothWays) {
  const std::string request(20'000, 'q'), answer(5'000, 'a');
  gateway.channels().serve(GetParam().service, [&](cloud::Channel& channel, const HeardMessage& heard) {
    channel::MqttMessage message;
    message.set_payload(answer);
    channel.send(channel::KIND_MQTT_MESSAGE, message);
    return heard.kind == GetParam().request;
  });
  open(7);
  device.channel_output = framed(GetParam().request, request);
  std::string arrived;
  ASSERT_TRUE(device.run_until([&] {
    EXPECT_LE(device.channel_input.size(), kBuffer);
    if (device.channel_input.size() >= kBuffer / 2 ||
        arrived.size() + device.channel_input.size() > answer.size()) {
      arrived += device.channel_input;
      device.channel_input.clear();
    }
    return arrived.size() > answer.size();
  }));
  const auto opened = gateway.channels().opened();
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].service, GetParam().service);
  EXPECT_EQ(opened[0].receive_buffer, kBuffer);
  ASSERT_EQ(gateway.channels().heard().size(), 1U);
  EXPECT_EQ(gateway.channels().heard()[0].bytes, request);
  EXPECT_EQ(arrived.substr(arrived.size() - answer.size()), answer);
}

TEST_P(LinkJoinedChannel, IsEndedByEitherSide) {
  gateway.channels().serve(GetParam().service, [](cloud::Channel& channel, const HeardMessage&) {
    channel.close(link::STREAM_ERROR_NONE);
    return true;
  });
  open(7);
  device.channel_output = framed(GetParam().request, "");
  ASSERT_TRUE(device.run_until([&] {
    if (device.channel_end) device.channel_closing = true;
    return device.channels_released == 1;
  }));
  EXPECT_EQ(device.channel_end, firmware::link::ChannelEnd::ClosedByServer);
  open(8);
  device.channel_closing = true;
  ASSERT_TRUE(
      device.run_until([&] { return device.channels_released == 2 && gateway.channels().standing() == 0; }));
  EXPECT_FALSE(device.channel_end.has_value());
}

/// At moments drawn by a seed; the channel is opened anew each time.
TEST_P(LinkJoinedChannel, EndsWithTheLinkAndLeavesNothingBehind) {
  constexpr std::uint32_t kCuts = 200;
  gateway.channels().serve(GetParam().service, [](cloud::Channel&, const HeardMessage&) { return true; });
  std::uint32_t cuts = 0, random = 12345;
  std::uint64_t next = 0;
  open(1);
  line.meanwhile = [&] {
    if (device.channel_end) {
      EXPECT_EQ(device.channel_end, firmware::link::ChannelEnd::NetworkDisconnected);
      ++cuts;
      open(cuts + 1);
      next = 0;
    }
    if (gateway.channels().standing() == 0) return;
    EXPECT_EQ(gateway.channels().standing(), 1U);
    if (device.channel_output.empty())
      device.channel_output = framed(GetParam().request, std::string(700, 'x'));
    random = random * 1'664'525 + 1'013'904'223;
    if (next == 0) next = line.now() + random % 200'000;
    if (line.now() >= next) gateway.cut_joined();
  };
  EXPECT_TRUE(device.run_until([&] { return cuts == kCuts; }, 20'000));
}

TEST_F(LinkJoined, ANameThatIsNotKnownIsTriedAgain) {
  ASSERT_TRUE(device.identity_record.gateway_host.assign(
      std::span(reinterpret_cast<const std::uint8_t*>("nowhere.example"), 15)));
  EXPECT_FALSE(device.run_until([&] { return gateway.seen().sessions != 0; }, 60));
  EXPECT_EQ(device.engine().last_tls(), firmware::net::TlsResult::NotReached);
}

}  // namespace
}  // namespace microvisor::test
