// Two bearers under one link: the firmware's engine over models of both modules, with a gateway inside the
// process behind them. Each test takes one thing away and asks that the log arrives all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "board/modem/joined_network.hpp"
#include "protocol/bundle/crypto.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

using firmware::link::NetworkStatus;
using firmware::net::Bearer;
using firmware::net::Bearers;
using firmware::net::DialResult;
using firmware::net::kSeconds;

constexpr const char* kName = "workshop";
constexpr const char* kPassword = "quite, \"secret\"\\";

class LinkBearers : public ::testing::Test {
 protected:
  explicit LinkBearers(const board::ModemSettings& modem = {})
      : line([this](board::Scheduler& scheduler) { return make_network(scheduler); }, modem),
        device(line, gateway, owner.public_key()) {
    const std::string_view name = "gateway.example";
    EXPECT_TRUE(device.identity_record.gateway_host.assign(
        {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}));
  }

  /// Packets of one bearer can be held up, and the gateway can be away.
  class Filter final : public board::Network {
   public:
    Filter(std::unique_ptr<board::Network> behind) : behind_(std::move(behind)) {}
    void send(std::span<const std::uint8_t> packet) override {
      const bool wifi = packet.size() >= 20 && packet[15] == (board::kWifiAddress & 0xFF);
      ++(wifi ? over_wifi : over_cellular);
      if (!(wifi ? wifi_is_dead : cellular_is_dead)) behind_->send(packet);
    }
    void on_receive(Receiver receiver) override { behind_->on_receive(std::move(receiver)); }
    bool poll(std::chrono::microseconds timeout) override { return behind_->poll(timeout); }
    [[nodiscard]] bool awaiting() const override { return behind_->awaiting(); }
    void wake() override { behind_->wake(); }

    bool wifi_is_dead = false, cellular_is_dead = false;
    std::uint64_t over_wifi = 0, over_cellular = 0;

   private:
    std::unique_ptr<board::Network> behind_;
  };

  std::unique_ptr<board::Network> make_network(board::Scheduler& scheduler) {
    board::JoinedOptions options;
    options.names = {{"gateway.example", board::kGatewayAddress}};
    auto network = std::make_unique<board::JoinedNetwork>(
        scheduler,
        [this](board::JoinedConnection& connection, std::uint32_t, std::uint16_t port) {
          return port == gateway.port() ? gateway.join(connection) : nullptr;
        },
        options);
    auto filter = std::make_unique<Filter>(std::move(network));
    air = filter.get();
    return filter;
  }

  void fit(const char* password = kPassword) {
    board::WifiSettings settings;
    settings.ssid = kName;
    settings.password = kPassword;
    line.fit_wifi(settings);
    device.set_wifi(kName, password);
  }

  /// A record each second for so long.
  void talk() {
    const std::uint64_t second = line.now() / kSeconds;
    if (second == talked_) return;
    talked_ = second;
    device.log.push_back("second " + std::to_string(second));
    said.push_back(device.log.back());
  }
  /// What was said has arrived, in order and once, but for what was on the way when a bearer was lost: until
  /// the device notices, it sends into the void.
  [[nodiscard]] bool all_arrived(std::uint64_t lost = 0, std::uint64_t noticed = 0) {
    const auto log = gateway.seen().log;
    std::size_t at = 0;
    for (const std::string& record : said) {
      const std::uint64_t second = std::stoull(record.substr(7));
      if (at < log.size() && log[at] == record) {
        ++at;
      } else if (second + 1 < lost / kSeconds || second > noticed / kSeconds) {
        return false;
      }
    }
    return !said.empty() && at == log.size();
  }
  [[nodiscard]] bool on(Bearer bearer) {
    const bool in_call = bearer == Bearer::Wifi ? line.wifi().in_call() : line.modem().in_call();
    return device.engine().status() == NetworkStatus::Connected && in_call;
  }
  [[nodiscard]] bool run_until_on(Bearer bearer, unsigned seconds = 60) {
    return device.run_until([this, bearer] { return on(bearer); }, seconds);
  }

  [[nodiscard]] link::Hello last_hello() {
    const auto hellos = gateway.seen().hellos;
    return hellos.empty() ? link::Hello() : hellos.back();
  }

  Filter* air = nullptr;
  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
  std::vector<std::string> said;

 private:
  std::uint64_t talked_ = 0;
};

TEST_F(LinkBearers, WifiGoesFirst) {
  fit();
  device.log = {"over the air"};
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 1; }, 20));
  EXPECT_EQ(line.selected(), Bearer::Wifi);
  EXPECT_EQ(air->over_cellular, 0U);
  EXPECT_FALSE(line.modem().in_call());
}

TEST_F(LinkBearers, ADeviceWithWifiAloneConnects) {
  fit();
  line.modem().set_coverage(board::Coverage::None);
  ASSERT_TRUE(run_until_on(Bearer::Wifi, 20));
}

TEST_F(LinkBearers, AWrongPasswordLeadsToTheOtherBearer) {
  fit("not the password");
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  EXPECT_EQ(device.engine().last_dial(Bearer::Wifi), DialResult::WrongPassword);
  EXPECT_EQ(air->over_wifi, 0U);
}

TEST_F(LinkBearers, ANameThatNobodyHasLeadsToTheOtherBearer) {
  fit();
  device.set_wifi("somebody else's", kPassword);
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  EXPECT_EQ(device.engine().last_dial(Bearer::Wifi), DialResult::NoAccessPoint);
}

TEST_F(LinkBearers, AnAccessPointThatGivesNoAddressLeadsToTheOtherBearer) {
  board::WifiSettings settings;
  settings.ssid = kName;
  settings.password = kPassword;
  settings.has_address = false;
  line.fit_wifi(settings);
  device.set_wifi(kName, kPassword);
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  EXPECT_EQ(device.engine().last_dial(Bearer::Wifi), DialResult::NotJoined);
}

TEST_F(LinkBearers, WithoutAModuleTheOtherBearerIsUsed) {
  device.set_wifi(kName, kPassword);
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  EXPECT_EQ(device.engine().last_dial(Bearer::Wifi), DialResult::NoModem);
  EXPECT_LT(line.now(), 30 * kSeconds);
}

/// The access point goes in the middle of a session and is back later; all the time there is a line a second.
TEST_F(LinkBearers, AnAccessPointThatGoesAndComesBackCostsNoLine) {
  fit();
  enum class Step { Wifi, Cellular, Back, Done } step = Step::Wifi;
  std::uint64_t lost = 0, switched = 0, back = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (step != Step::Done) talk();
        if (step == Step::Wifi && on(Bearer::Wifi) && line.now() > 20 * kSeconds) {
          line.wifi().set_access_point(false);
          lost = line.now();
          step = Step::Cellular;
        } else if (step == Step::Cellular && on(Bearer::Cellular)) {
          switched = line.now();
          line.wifi().set_access_point(true);
          step = Step::Back;
        } else if (step == Step::Back && on(Bearer::Wifi)) {
          back = line.now();
          step = Step::Done;
        }
        return step == Step::Done && all_arrived(lost, lost + 2 * kSeconds);
      },
      300));
  EXPECT_LT(switched - lost, 15 * kSeconds) << "the module says that the carrier is gone";
  EXPECT_GE(back - switched, Bearers::kShortest / 2 - 5 * kSeconds);
  EXPECT_LT(back - switched, Bearers::kShortest + 30 * kSeconds);
  EXPECT_GE(gateway.seen().resumed, 2U) << "the TLS session goes with the device";
}

/// Joined, an address, a call, and nothing behind it.
TEST_F(LinkBearers, ABearerThatCarriesNothingIsLeftWithinAMinute) {
  fit();
  air->wifi_is_dead = true;
  ASSERT_TRUE(run_until_on(Bearer::Cellular, 120));
  EXPECT_LT(line.now(), 75 * kSeconds);
  EXPECT_GT(air->over_wifi, 0U);
  EXPECT_EQ(device.engine().last_dial(Bearer::Wifi), DialResult::NoGateway);
  EXPECT_EQ(last_hello().other_failed(), link::BEARER_FAILURE_NO_GATEWAY);
}

TEST_F(LinkBearers, ABearerThatBeginsToCarryNothingIsLeft) {
  fit();
  std::uint64_t died = 0, noticed = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!noticed || line.now() < noticed + 30 * kSeconds) talk();
        if (!died && on(Bearer::Wifi) && line.now() > 10 * kSeconds) {
          air->wifi_is_dead = true;
          died = line.now();
        }
        if (died && !noticed && !on(Bearer::Wifi)) noticed = line.now();
        return noticed && on(Bearer::Cellular) && line.now() > noticed + 60 * kSeconds &&
               all_arrived(died, noticed);
      },
      600));
  EXPECT_LT(noticed - died, 125 * kSeconds) << "twice the keep-alive time";
}

/// A gateway that is away for both is no reason to avoid Wi-Fi.
TEST_F(LinkBearers, AGatewayThatIsAwayIsNotTheBearersFault) {
  fit();
  air->wifi_is_dead = air->cellular_is_dead = true;
  ASSERT_FALSE(run_until_on(Bearer::Wifi, 150));
  EXPECT_GT(air->over_cellular, 0U);
  air->wifi_is_dead = air->cellular_is_dead = false;
  ASSERT_TRUE(device.run_until([&] { return device.engine().status() == NetworkStatus::Connected; }, 150));
  EXPECT_EQ(line.selected(), Bearer::Wifi);
}

TEST_F(LinkBearers, AnOpenChannelIsNotInterruptedForTheCheaperBearer) {
  fit();
  line.wifi().set_access_point(false);
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  device.channel_id = 7;
  std::uint64_t closed = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        line.wifi().set_access_point(true);
        if (closed == 0 && line.now() > 200 * kSeconds) {
          EXPECT_TRUE(on(Bearer::Cellular));
          EXPECT_FALSE(device.channel_end);
          closed = line.now();
          device.channel_id = 0;
        }
        return closed != 0 && on(Bearer::Wifi);
      },
      400));
  EXPECT_LT(line.now() - closed, 60 * kSeconds);
}

TEST_F(LinkBearers, CredentialsThatAreSetTakeEffectAtOnce) {
  fit();
  device.set_wifi("", "");
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  bool set = false;
  const std::uint64_t start = line.now();
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!set && on(Bearer::Cellular)) {
          device.set_wifi(kName, kPassword);
          set = true;
        }
        return set && on(Bearer::Wifi);
      },
      60));
  EXPECT_LT(line.now() - start, 20 * kSeconds);
}

TEST_F(LinkBearers, CredentialsThatAreClearedAreLeftAtOnce) {
  fit();
  bool cleared = false;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!cleared && on(Bearer::Wifi)) {
          device.set_wifi("", "");
          cleared = true;
        }
        return cleared && on(Bearer::Cellular);
      },
      60));
  EXPECT_EQ(line.wifi().state_text(), "not joined");
}

TEST_F(LinkBearers, ACableNeedsNoCredentials) {
  board::WifiSettings settings;
  settings.cable = true;
  line.fit_wifi(settings);
  ASSERT_TRUE(run_until_on(Bearer::Wifi, 60));
  EXPECT_EQ(line.wifi().state_text(), "online");
}

TEST_F(LinkBearers, ACableThatIsPulledLeadsToTheOtherBearer) {
  fit();
  line.wifi().set_access_point(false);
  line.wifi().set_cable(true);
  bool pulled = false;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!pulled && on(Bearer::Wifi)) {
          pulled = true;
          line.wifi().set_cable(false);
        }
        return pulled && on(Bearer::Cellular);
      },
      60));
}

TEST_F(LinkBearers, WhoRingsOnTheModemsLineIsCalled) {
  fit();
  bool rung = false;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!rung && on(Bearer::Wifi) && line.now() > 10 * kSeconds) {
          line.say_on_the_modems_line("\r\nRING\r\n");
          rung = true;
        }
        return rung && on(Bearer::Cellular);
      },
      60));
}

/// It has nothing to connect with, and time passes all the same.
TEST_F(LinkBearers, ADeviceWithoutAnIdentityWaitsBetweenItsAttempts) {
  device.identity_record = {};
  EXPECT_FALSE(run_until_on(Bearer::Cellular, 60));
  EXPECT_GE(line.now(), 60 * kSeconds);
}

/// A machine in the modem's place: it answers the call with CONNECT WIFI, and the device tells, takes and
/// forgets what Wi-Fi is joined with.
class WifiSettingsOnTheLine : public LinkBearers {
 protected:
  WifiSettingsOnTheLine() {
    line.damage_to_chip = [this](std::uint8_t& byte) {
      if (answered_) return speaking_;  // the module is not there any more, nor what it would say now
      heard_ += static_cast<char>(byte);
      answered_ = heard_.ends_with("CONNECT");
      return true;
    };
    line.damage_from_chip = [this](std::uint8_t& byte) {
      if (answered_) told += static_cast<char>(byte);
      return !answered_;
    };
  }
  /// What the device says to these lines, sent as soon as it has called.
  std::string talk_to(const std::string& lines) {
    EXPECT_TRUE(device.run_until(
        [&] {
          if (answered_ && told.empty() && !std::exchange(speaking_, true))
            line.say_on_the_modems_line(" WIFI\r" + lines);
          return std::count(told.begin(), told.end(), '\n') >= expected;
        },
        60));
    return told;
  }
  std::string told;
  int expected = 1;

 private:
  std::string heard_;
  bool answered_ = false;
  bool speaking_ = false;
};

TEST_F(WifiSettingsOnTheLine, AreToldWithoutThePassword) {
  device.set_wifi("ab", "password");
  line.fit_wifi({});
  expected = 2;
  EXPECT_EQ(talk_to("G\r"), "6162 1\r\nOK\r\n");
}

TEST_F(WifiSettingsOnTheLine, AreTakenAsTheyMayBeAndNotOtherwise) {
  expected = 8;
  EXPECT_EQ(talk_to("S 6162\rS - -\rS 61 61626364\rS 616 -\rS 6g -\rX\r" + ("S " + std::string(66, '6')) +
                    " -\rS c3a9 6162636465666768\r"),
            "ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nOK\r\n");
  EXPECT_EQ(device.wifi_credentials().name(), "\xC3\xA9");
  EXPECT_EQ(device.wifi_credentials().key(), "abcdefgh");
}

TEST_F(WifiSettingsOnTheLine, SoIsTheAccessPointOfTheModemsNetwork) {
  expected = 8;
  EXPECT_EQ(talk_to("A\rA fleet.example\rA\rA -\rA\r"),
            "\r\nOK\r\nOK\r\nfleet.example\r\nOK\r\nOK\r\n\r\nOK\r\n");
  EXPECT_EQ(device.access_point_name().name(), "");
}

TEST_F(WifiSettingsOnTheLine, AnAccessPointThatIsNoneIsRefused) {
  expected = 6;
  EXPECT_EQ(talk_to("A " + std::string(100, 'a') + "\rA a b\rA a\"\rA .a\rA " + std::string(101, 'b') +
                    "\rA " + std::string(300, 'c') + "\r"),
            "OK\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n");
  EXPECT_EQ(device.access_point_name().name(), std::string(100, 'a'));
}

TEST_F(WifiSettingsOnTheLine, AreForgotten) {
  line.fit_wifi({});
  device.set_wifi("ab", "password");
  EXPECT_EQ(talk_to("C\r"), "OK\r\n");
  EXPECT_FALSE(device.wifi_credentials().known());
}

// --- what the cloud is told of it
// -----------------------------------------------------------------------------------------

/// The modem's model says 23 if nobody says otherwise: -113 dBm and 23 steps of 2.
TEST_F(LinkBearers, TheCloudIsToldWhatCarriesTheSession) {
  fit("not the password");
  line.modem().set_coverage(board::Coverage::Roaming);
  ASSERT_TRUE(run_until_on(Bearer::Cellular));
  EXPECT_EQ(last_hello().bearer(), link::BEARER_CELLULAR);
  EXPECT_EQ(last_hello().signal_dbm(), -67);
  EXPECT_TRUE(last_hello().roaming());
  EXPECT_EQ(last_hello().other_failed(), link::BEARER_FAILURE_WRONG_PASSWORD);
}

TEST_F(LinkBearers, TheCloudIsToldOfTheAccessPointsSignal) {
  fit();
  ASSERT_TRUE(run_until_on(Bearer::Wifi, 20));
  EXPECT_EQ(last_hello().bearer(), link::BEARER_WIFI);
  EXPECT_EQ(last_hello().signal_dbm(), -57);
  EXPECT_FALSE(last_hello().roaming());
  EXPECT_EQ(last_hello().other_failed(), link::BEARER_FAILURE_NONE);
}

TEST_F(LinkBearers, TheCloudIsToldOfACable) {
  board::WifiSettings settings;
  settings.cable = true;
  line.fit_wifi(settings);
  line.modem().set_coverage(board::Coverage::Denied);
  ASSERT_TRUE(run_until_on(Bearer::Wifi, 60));
  EXPECT_EQ(last_hello().bearer(), link::BEARER_CABLE);
  EXPECT_EQ(last_hello().signal_dbm(), 0) << "it has none";
}

/// What was tried beside a session is told with the next one.
TEST_F(LinkBearers, TheCloudIsToldWhyTheOtherBearerWasLeft) {
  fit();
  bool gone = false;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!gone && on(Bearer::Wifi)) {
          line.wifi().set_access_point(false);
          gone = true;
        }
        return gone && on(Bearer::Cellular);
      },
      120));
  EXPECT_EQ(last_hello().other_failed(), link::BEARER_FAILURE_NO_ACCESS_POINT);
}

// --- access points of the modem's network
// ---------------------------------------------------------------------------------

/// Notes the names that the device dials with.
class LinkAccessPoint : public LinkBearers {
 protected:
  explicit LinkAccessPoint(const board::ModemSettings& modem = {.apn = "fleet.example"})
      : LinkBearers(modem) {
    line.damage_from_chip = [this](std::uint8_t& byte) {
      constexpr std::string_view kDefinition = "AT+CGDCONT=1,\"IP\",\"";
      if (byte != '\r') said_ += static_cast<char>(byte);
      if (byte == '\r' && said_.starts_with(kDefinition))
        names.push_back(said_.substr(kDefinition.size(), said_.size() - kDefinition.size() - 1));
      if (byte == '\r') said_.clear();
      return true;
    };
  }
  using Names = std::vector<std::string>;
  Names names;

 private:
  std::string said_;
};

class LinkOnlyAccessPoint : public LinkAccessPoint {
 protected:
  LinkOnlyAccessPoint() : LinkAccessPoint({.apn = "fleet.example", .subscription_has_apn = false}) {}
};

TEST_F(LinkOnlyAccessPoint, IsDialledIfItIsSet) {
  device.set_apn("fleet.example");
  ASSERT_TRUE(run_until_on(Bearer::Cellular, 20));
  EXPECT_EQ(names, Names{"fleet.example"});
}

TEST_F(LinkOnlyAccessPoint, IsTriedByTurnsWithTheSubscriptionsOwn) {
  device.set_apn("wrong.example");
  EXPECT_FALSE(device.run_until([&] { return names.size() == 6; }, 120) && on(Bearer::Cellular));
  EXPECT_EQ(names, (Names{"wrong.example", "", "wrong.example", "", "wrong.example", ""}));
  EXPECT_EQ(device.engine().last_dial(Bearer::Cellular), DialResult::Refused);
}

TEST_F(LinkOnlyAccessPoint, IsDialledAtOnceWhenItIsSetInTheEnd) {
  device.set_apn("wrong.example");
  ASSERT_TRUE(device.run_until([&] { return names.size() == 4; }, 120));
  device.set_apn("fleet.example");
  ASSERT_TRUE(run_until_on(Bearer::Cellular, 60));
  EXPECT_EQ(names.back(), "fleet.example");
}

TEST_F(LinkAccessPoint, ThatIsRefusedDoesNotStrandTheDevice) {
  device.set_apn("wrong.example");
  ASSERT_TRUE(run_until_on(Bearer::Cellular, 30));
  EXPECT_EQ(names, (Names{"wrong.example", ""}));
}

/// Each session is begun with the one that is set.
TEST_F(LinkAccessPoint, HasTheFirstTurnAgainAfterASession) {
  device.set_apn("wrong.example");
  bool lost = false;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (!lost && on(Bearer::Cellular)) {
          line.modem().lose_carrier();
          lost = true;
        }
        return names.size() == 4 && on(Bearer::Cellular);
      },
      60));
  EXPECT_EQ(names, (Names{"wrong.example", "", "wrong.example", ""}));
}

class LinkAnyAccessPoint : public LinkAccessPoint {
 protected:
  LinkAnyAccessPoint() : LinkAccessPoint({}) {}
};

/// One that the network knows, and that leads nowhere.
TEST_F(LinkAnyAccessPoint, ThatReachesNoGatewayIsLeft) {
  device.set_apn("walled.example");
  ASSERT_TRUE(device.run_until(
      [&] {
        air->cellular_is_dead = !names.empty() && names.back() == "walled.example";
        return on(Bearer::Cellular);
      },
      600));
  EXPECT_EQ(names.back(), "");
}

// --- cellular
// -------------------------------------------------------------------------------------------------------

TEST_F(LinkBearers, ALostCarrierIsDialledAgain) {
  bool lost = false;
  std::uint64_t at = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        talk();
        if (!lost && on(Bearer::Cellular) && line.now() > 10 * kSeconds) {
          line.modem().lose_carrier();
          at = line.now();
          lost = true;
        }
        return lost && gateway.seen().sessions == 2 && line.now() > at + 8 * kSeconds &&
               all_arrived(at, at + 2 * kSeconds);
      },
      120));
  EXPECT_LT(line.now() - at, 12 * kSeconds) << "the device has heard NO CARRIER";
}

TEST_F(LinkBearers, CoverageThatIsAwayForAWhileCostsNoLine) {
  enum class Step { There, Away, Back } step = Step::There;
  std::uint64_t lost = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (step != Step::Back) talk();
        if (step == Step::There && on(Bearer::Cellular) && line.now() > 10 * kSeconds) {
          line.modem().set_away(true);
          lost = line.now();
          step = Step::Away;
        } else if (step == Step::Away && line.now() > 60 * kSeconds) {
          line.modem().set_away(false);
          step = Step::Back;
        }
        return step == Step::Back && all_arrived(lost, lost + 2 * kSeconds);
      },
      200));
}

TEST_F(LinkBearers, ASubscriptionThatIsDeniedIsToldFromNoNetwork) {
  line.modem().set_coverage(board::Coverage::Denied);
  EXPECT_FALSE(run_until_on(Bearer::Cellular, 60));
  EXPECT_EQ(device.engine().last_dial(Bearer::Cellular), DialResult::Denied);
  line.modem().set_coverage(board::Coverage::Roaming);
  EXPECT_TRUE(run_until_on(Bearer::Cellular, 90));
}

}  // namespace
}  // namespace microvisor::test
