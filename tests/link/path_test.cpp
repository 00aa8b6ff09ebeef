// From the firmware's link to a gateway on the host, through the modelled modem, PPP and the host's network:
// connection, log, settings, channel, and everything that can go wrong on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "protocol/bundle/crypto.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

using firmware::link::NetworkStatus;
using firmware::net::TlsResult;

class LinkPath : public ::testing::Test {
 protected:
  LinkPath() : device(line, gateway, owner.public_key()) {}

  [[nodiscard]] bool connected() { return device.engine().status() == NetworkStatus::Connected; }
  [[nodiscard]] bool run_until_connected(unsigned seconds = 60) {
    return device.run_until([this] { return connected(); }, seconds);
  }

  /// For what the gateway does in its own time, when the device has done its part.
  [[nodiscard]] static bool eventually(const std::function<bool()>& done) {
    for (int tries = 0; tries < 10'000 && !done(); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return done();
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
};

TEST_F(LinkPath, ConnectsAndLearnsTheTime) {
  const auto before = static_cast<std::uint64_t>(cloud::SystemClock().now());
  ASSERT_TRUE(run_until_connected());
  const auto after = static_cast<std::uint64_t>(cloud::SystemClock().now());
  EXPECT_GE(device.wall_time, before);
  EXPECT_LE(device.wall_time, after + 5'000'000);
  EXPECT_EQ(device.logging, true);
  EXPECT_EQ(gateway.seen().hello_kernels, std::vector<std::string>{"0.1.0-test"});
  ASSERT_GE(device.statuses.size(), 2U);
  EXPECT_EQ(device.statuses[0], NetworkStatus::Connecting);
  EXPECT_EQ(device.statuses[1], NetworkStatus::Connected);
}

TEST_F(LinkPath, LogLinesArriveInOrderAndOnce) {
  std::vector<std::string> expected;
  for (int number = 0; number < 200; ++number) {
    expected.push_back("line " + std::to_string(number) +
                       std::string(static_cast<std::size_t>(number) * 5, 'x'));
    device.log.push_back(expected.back());
  }
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() >= expected.size(); }));
  EXPECT_EQ(gateway.seen().log, expected);
}

TEST_F(LinkPath, RecordsStayWithinTheDevicesBuffers) {
  device.log.push_back(std::string(1024, 'y'));
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 1; }));
  gateway.cut_now();
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().sessions == 2; }));
  const auto seen = gateway.seen();
  EXPECT_GT(seen.largest_record, 0U);
  EXPECT_LE(seen.largest_record,
            2048U + 256U);  // RFC 6066 section 4; RFC 5246 section 6.2.3 allows expansion
}

TEST_F(LinkPath, ASecondConnectionResumesTheSession) {
  ASSERT_TRUE(run_until_connected());
  EXPECT_FALSE(device.engine().tls().resumed());
  gateway.cut_now();
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().sessions == 2 && connected(); }));
  EXPECT_TRUE(device.engine().tls().resumed());
  const auto seen = gateway.seen();
  EXPECT_EQ(seen.resumed, seen.handshakes - 1);
}

TEST_F(LinkPath, ReconnectsAfterAResetOfTheChipInTheMiddleOfACall) {
  ASSERT_TRUE(run_until_connected());
  ASSERT_TRUE(line.modem().in_call());
  device.reset();
  const std::uint64_t start = line.now();
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().sessions == 2 && connected(); }));
  EXPECT_LT(line.now() - start, 3 * firmware::net::kSeconds);
}

TEST_F(LinkPath, TheSessionOutlivesAReset) {
  ASSERT_TRUE(run_until_connected());
  device.reset();
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().sessions == 2; }));
  EXPECT_EQ(gateway.seen().resumed, 1U);
  device.retained()[100] ^= 1;  // decay
  device.reset();
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().sessions == 3; }));
  EXPECT_EQ(gateway.seen().resumed, 1U);
}

TEST_F(LinkPath, ReconnectsAfterTheModemLostPower) {
  ASSERT_TRUE(run_until_connected());
  line.modem().power_cycle();
  device.log.push_back("after the power cut");
  EXPECT_TRUE(
      device.run_until([&] { return !gateway.seen().log.empty() || gateway.seen().sessions == 2; }, 300));
  EXPECT_EQ(gateway.seen().sessions, 2U);
}

TEST_F(LinkPath, ReconnectsAfterTheNetworkDroppedTheCall) {
  ASSERT_TRUE(run_until_connected());
  line.modem().drop_call();
  EXPECT_TRUE(device.run_until([&] { return gateway.seen().sessions == 2 && connected(); }));
}

/// A network that says CONNECT DEBUG gets no debug session by that, and the next call is one like any other.
TEST_F(LinkPath, ANetworkThatClaimsToBeADebuggerCostsADelay) {
  constexpr std::string_view kConnect = "CONNECT";
  constexpr std::string_view kDebug = " DEBUG\r";  // in the place of the line's end and of PPP's first bytes
  std::string said;
  std::size_t changed = 0;
  line.damage_to_chip = [&](std::uint8_t& byte) {
    if (changed != kDebug.size() && said.ends_with(kConnect)) {
      byte = static_cast<std::uint8_t>(kDebug[changed++]);
    } else {
      said += static_cast<char>(byte);
    }
    return true;
  };
  ASSERT_TRUE(run_until_connected());
  EXPECT_EQ(changed, kDebug.size());
  EXPECT_EQ(device.engine().last_direct_end(), firmware::link::DirectEnd::Protocol);
  EXPECT_LT(line.now(), 30 * firmware::net::kSeconds);
}

TEST_F(LinkPath, RefusesAGatewayWithAnotherName) {
  ASSERT_TRUE(device.identity_record.gateway_server_name.assign(
      std::span(reinterpret_cast<const std::uint8_t*>("other.example"), 13)));
  EXPECT_FALSE(run_until_connected(20));
  EXPECT_EQ(device.engine().last_tls(), TlsResult::WrongServer);
  EXPECT_EQ(gateway.seen().sessions, 0U);
}

TEST_F(LinkPath, RefusesAGatewayOfAnotherAuthority) {
  const Authority other("Somebody else's CA");
  ASSERT_TRUE(device.identity_record.gateway_ca.assign(other.certificate.der()));
  EXPECT_FALSE(run_until_connected(20));
  EXPECT_EQ(device.engine().last_tls(), TlsResult::WrongServer);
  EXPECT_EQ(gateway.seen().sessions, 0U);
}

TEST_F(LinkPath, IsRefusedWithACertificateTheGatewayDoesNotKnow) {
  const Authority other("Somebody else's device CA");
  const Key key = Key::generate();
  ASSERT_TRUE(device.identity_record.device_certificate.assign(other.leaf(key, kDeviceSid).der()));
  const auto scalar = key.scalar();
  std::copy(scalar.begin(), scalar.end(), device.identity_record.device_private_key.begin());
  EXPECT_FALSE(run_until_connected(20));
  EXPECT_EQ(device.engine().last_tls(), TlsResult::Refused);
  EXPECT_EQ(gateway.seen().handshakes, 0U);
}

TEST_F(LinkPath, SurvivesALineThatLosesBytes) {
  unsigned count = 0;
  line.damage_to_chip = [&](std::uint8_t&) { return ++count % 5003 != 0; };
  line.damage_from_chip = [&](std::uint8_t& byte) {
    if (++count % 4001 == 0) byte ^= 0x10;
    return true;
  };
  for (int number = 0; number < 60; ++number)
    device.log.push_back("line " + std::to_string(number) + std::string(200, 'z'));
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() >= 60; }, 600));
  const auto log = gateway.seen().log;
  EXPECT_EQ(log.back().substr(0, 7), "line 59");
}

TEST_F(LinkPath, NoticesAGatewayThatHasGoneSilent) {
  gateway.set_keep_alive(4);
  std::uint64_t silent_since = 0;
  line.meanwhile = [&] {
    if (silent_since != 0 || !connected()) return;
    silent_since = line.now();
    line.network().on_receive({});  // nothing comes back any more
  };
  ASSERT_TRUE(
      device.run_until([&] { return device.engine().last_end() == firmware::link::SessionEnd::Silent; }, 60));
  EXPECT_GE(line.now() - silent_since, 4 * firmware::net::kSeconds);  // twice 4 s after it was last heard
  EXPECT_LT(line.now() - silent_since, 12 * firmware::net::kSeconds);
}

TEST_F(LinkPath, StaysAwayForAsLongAsItIsAsked) {
  gateway.ask_for_calm(40);
  std::uint64_t sent_away = 0;
  line.meanwhile = [&] {
    if (sent_away == 0 && device.engine().backing_off()) sent_away = line.now();
  };
  ASSERT_TRUE(run_until_connected(120));
  EXPECT_EQ(gateway.seen().sessions, 2U);
  ASSERT_NE(sent_away, 0U);
  EXPECT_GE(line.now() - sent_away, 40 * firmware::net::kSeconds);
  EXPECT_LT(line.now() - sent_away, 60 * firmware::net::kSeconds);  // up to a quarter more, and the way
}

TEST_F(LinkPath, SettingsAndRestartReachTheKernel) {
  bool asked = false;
  EXPECT_TRUE(device.run_until([&] {
    if (!asked && gateway.seen().sessions == 1) {  // and it stands as long as this goes on
      gateway.set_logging(false);
      gateway.restart_app();
      asked = true;
    }
    return device.logging == false && device.restarts == 1;
  }));
}

TEST_F(LinkPath, EventsReachTheGateway) {
  device.events = {"hard fault at 0x08000123"};
  EXPECT_TRUE(device.run_until([&] { return gateway.seen().events.size() == 1; }));
  EXPECT_EQ(gateway.seen().events[0], "hard fault at 0x08000123");
}

TEST_F(LinkPath, OpaqueChannelCarriesLinesAndEndsAfterTheLast) {
  device.channel_id = 7;
  for (int number = 0; number < 300; ++number)
    device.channel_output += "row " + std::to_string(number) + "\n";
  bool closed = false;
  line.meanwhile = [&] {
    if (closed || !device.channel_output.empty()) return;
    closed = true;
    device.channel_output = "last\n";
    device.channel_closing = true;
  };
  ASSERT_TRUE(device.run_until(
      [&] { return device.channels_released == 1 && gateway.seen().channel.size() == 301; }));
  EXPECT_EQ(gateway.seen().channel[299], "row 299");
  EXPECT_EQ(gateway.seen().channel[300], "last");
}

TEST_F(LinkPath, ChannelLearnsThatTheConnectionIsGone) {
  device.channel_id = 9;
  device.channel_output = "x\n";
  bool cut = false;
  line.meanwhile = [&] {
    if (!cut && gateway.seen().channel.size() == 1) gateway.cut_now(), cut = true;
  };
  ASSERT_TRUE(device.run_until([&] { return device.channel_end.has_value(); }));
  EXPECT_EQ(device.channel_end, firmware::link::ChannelEnd::NetworkDisconnected);
}

TEST_F(LinkPath, GoesOfflineWhenTheNetworkIsReleased) {
  line.meanwhile = [&] { device.wanted = device.wanted && !connected(); };
  ASSERT_TRUE(device.run_until([&] {
    return !device.statuses.empty() && device.statuses.back() == NetworkStatus::DeliberatelyOffline;
  }));
  EXPECT_FALSE(line.modem().in_call());
  EXPECT_TRUE(eventually([&] { return gateway.seen().goodbyes == 1; }));
  device.wanted = true;
  line.meanwhile = {};
  EXPECT_TRUE(device.run_until([&] { return gateway.seen().sessions == 2; }));
}

}  // namespace
}  // namespace microvisor::test
