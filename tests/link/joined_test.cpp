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

TEST_F(LinkJoined, UpdatesAtTheSpeedOfTheLine) {
  protocol::Bytes image(200'000);
  for (std::size_t at = 0; at < image.size(); ++at) image[at] = static_cast<std::uint8_t>(at * 31 + at / 251);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), owner);
  ASSERT_TRUE(manifest.has_value());
  gateway.add_object(image);
  gateway.add_object(*manifest);
  gateway.set_target(protocol::sha256(*manifest));
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
  gateway.add_object(protocol::Bytes(30'000, 7));
  gateway.add_object(*manifest);
  gateway.set_target(protocol::sha256(*manifest));
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

TEST_F(LinkJoined, ANameThatIsNotKnownIsTriedAgain) {
  ASSERT_TRUE(device.identity_record.gateway_host.assign(
      std::span(reinterpret_cast<const std::uint8_t*>("nowhere.example"), 15)));
  EXPECT_FALSE(device.run_until([&] { return gateway.seen().sessions != 0; }, 60));
  EXPECT_EQ(device.engine().last_tls(), firmware::net::TlsResult::NotReached);
}

}  // namespace
}  // namespace microvisor::test
