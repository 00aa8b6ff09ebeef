// The Wi-Fi module's firmware is updated through the device, from a signed release to a session that the new
// one has carried. Each test takes one thing away, and asks what runs, what is told, and that the cloud is
// still reached.
#include <gtest/gtest.h>

#include <algorithm>

#include "board/modem/joined_network.hpp"
#include "firmware/layout.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

using firmware::manifest::testing::Message;
using firmware::net::kSeconds;
using firmware::update::UpdateError;
using Strings = std::vector<std::string>;

constexpr std::size_t kPiece = 512;

struct Release {
  std::string module = "MV-WIFI1";
  std::uint32_t version = 2;
  protocol::Bytes image = protocol::Bytes(5 * kPiece + 100, 0x5A);
  bool may_replace_newer = false;
  bool lies = false;  // about its hash
};

class LinkModuleFirmware : public ::testing::Test {
 protected:
  LinkModuleFirmware()
      : line([this](board::Scheduler& scheduler) { return make_network(scheduler); }),
        device(line, gateway, owner.public_key()) {
    device.vendor = vendor.public_key();
    const std::string_view name = "gateway.example";
    EXPECT_TRUE(device.identity_record.gateway_host.assign(
        {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}));
  }

  std::unique_ptr<board::Network> make_network(board::Scheduler& scheduler) {
    board::JoinedOptions options;
    options.names = {{"gateway.example", board::kGatewayAddress}};
    return std::make_unique<board::JoinedNetwork>(
        scheduler,
        [this](board::JoinedConnection& connection, std::uint32_t, std::uint16_t port) {
          return port == gateway.port() ? gateway.join(connection) : nullptr;
        },
        options);
  }

  void fit(board::FirmwareFault fault = board::FirmwareFault::None, std::uint32_t version = 1) {
    board::WifiSettings settings;
    settings.ssid = "workshop";
    settings.firmware_fault = fault;
    settings.firmware_version = version;
    line.fit_wifi(settings);
    device.set_wifi("workshop", "");
  }

  void offer(const Release& release, const protocol::SigningKey& signer) {
    const protocol::Hash hash = protocol::sha256(release.lies ? protocol::Bytes{1} : release.image);
    Message body;
    body.bytes(20, protocol::Bytes(release.module.begin(), release.module.end()))
        .number(21, release.version)
        .number(22, static_cast<std::uint32_t>(release.image.size()))
        .bytes(23, hash);
    if (release.may_replace_newer) body.number(24, 1);
    const protocol::Bytes manifest = protocol::sign_envelope(body.data(), signer);
    gateway.add_object(manifest);
    gateway.add_object(release.image);
    if (release.lies) gateway.replace_object(hash, release.image);
    gateway.set_kernel_target(protocol::sha256(manifest));
  }

  [[nodiscard]] bool reported(const std::string& text) {
    const Strings seen = gateway.seen().kernel_reports;
    return std::find(seen.begin(), seen.end(), text) != seen.end();
  }
  [[nodiscard]] bool failed(UpdateError error) {
    return reported("FAILED " + std::to_string(static_cast<int>(error)));
  }
  [[nodiscard]] bool runs(std::uint32_t version) {
    return line.wifi().firmware().version() == version && !line.wifi().firmware().on_trial();
  }
  /// It is refused with this, and the session goes on; the module never hears of an image.
  void expect_refused(const Release& release, const protocol::SigningKey& signer, UpdateError error) {
    offer(release, signer);
    ASSERT_TRUE(device.run_until([&] { return failed(error); }, 300));
    EXPECT_TRUE(runs(1));
    EXPECT_EQ(line.wifi().firmware().state_text(), "+MVFW:MV-WIFI1,1,0,0");
    EXPECT_EQ(device.installs, 0U);
  }
  struct PowerCut {};
  /// The chip loses its power in the moment when `done` says so, whatever it is at; and starts again.
  [[nodiscard]] bool cut_when(const std::function<bool()>& done) {
    line.meanwhile = [&] {
      if (done()) throw PowerCut{};
    };
    bool cut = false;
    try {
      static_cast<void>(device.run_until([] { return false; }, 300));
    } catch (const PowerCut&) {
      cut = true;
    }
    line.meanwhile = {};
    device.reset();
    return cut;
  }
  void expect_connected() {
    device.log.push_back("still here");
    EXPECT_TRUE(device.run_until([&] { return !gateway.seen().log.empty(); }, 300));
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  protocol::SigningKey vendor = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
};

TEST_F(LinkModuleFirmware, IsGivenTriedAndKept) {
  fit();
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 120));
  EXPECT_TRUE(runs(2));
  EXPECT_EQ(device.installs, 0U) << "it costs no reset";
  const auto hellos = gateway.seen().hellos;
  EXPECT_EQ(hellos.front().module(), "MV-WIFI1");
  EXPECT_EQ(hellos.front().module_version(), 1U);
  EXPECT_EQ(hellos.back().module_version(), 2U);
  expect_connected();
}

TEST_F(LinkModuleFirmware, AModuleThatRestartsInTheMiddleGoesOn) {
  fit(board::FirmwareFault::Cut);
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 120));
  EXPECT_TRUE(runs(2));
}

TEST_F(LinkModuleFirmware, AModuleThatRestartsWithoutAnAnswerIsTried) {
  fit(board::FirmwareFault::Abrupt);
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 120));
  EXPECT_TRUE(runs(2));
}

/// Behind each piece, when the next one has been announced.
TEST_F(LinkModuleFirmware, IsResumedAfterAPowerCutAtEachPiece) {
  fit();
  offer({}, vendor);
  std::uint64_t fetched_before = 0;
  for (std::size_t pieces = 0; pieces <= 5; ++pieces) {
    const std::string stored = "," + std::to_string(pieces * kPiece);
    ASSERT_TRUE(cut_when([&] {
      const board::ModuleFirmware& firmware = line.wifi().firmware();
      return firmware.takes_bytes() && firmware.state_text().ends_with(",1" + stored);
    })) << pieces;
    const std::uint64_t fetched = gateway.seen().object_bytes;
    ASSERT_TRUE(line.wifi().firmware().state_text().ends_with(",1" + stored)) << "nothing of it is lost";
    EXPECT_EQ(fetched, pieces == 0 ? fetched : fetched_before) << "what is staged is not fetched again";
    fetched_before = fetched;
  }
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 300));
  EXPECT_TRUE(runs(2));
}

TEST_F(LinkModuleFirmware, IsKeptAlthoughTheDeviceIsResetDuringTheTrial) {
  fit();
  offer({}, vendor);
  ASSERT_TRUE(cut_when([&] { return line.wifi().firmware().on_trial(); }));
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 120));
  EXPECT_TRUE(runs(2));
}

TEST_F(LinkModuleFirmware, FirmwareThatDoesNotAnswerGivesWayToTheOld) {
  fit(board::FirmwareFault::Mute);
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return failed(UpdateError::ModuleFailed); }, 300));
  EXPECT_TRUE(line.modem().in_call()) << "over the other bearer";
  ASSERT_TRUE(device.run_until([&] { return runs(1); }, 700)) << "the module's own watch";
  ASSERT_TRUE(device.run_until([&] { return line.wifi().in_call(); }, 3600)) << "and it is used again";
}

TEST_F(LinkModuleFirmware, FirmwareThatDoesNotJoinIsSentBack) {
  fit(board::FirmwareFault::NoJoin);
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return failed(UpdateError::ModuleFailed); }, 300));
  EXPECT_TRUE(runs(1));
  ASSERT_TRUE(device.run_until([&] { return line.wifi().in_call(); }, 600));
  const auto reports = gateway.seen().kernel_reports;
  EXPECT_EQ(std::count(reports.begin(), reports.end(), "INSTALLING_APP"), 1) << "and not tried again";
}

TEST_F(LinkModuleFirmware, WithoutAModemItIsSentBackToo) {
  fit(board::FirmwareFault::NoJoin);
  line.modem().set_coverage(board::Coverage::None);
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return failed(UpdateError::ModuleFailed); }, 900));
  EXPECT_TRUE(runs(1));
}

TEST_F(LinkModuleFirmware, AModuleThatRefusesIsLeftAlone) {
  fit(board::FirmwareFault::Bad);
  offer({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return failed(UpdateError::ModuleRefused); }, 300));
  EXPECT_TRUE(runs(1));
  expect_connected();
}

TEST_F(LinkModuleFirmware, RefusesAnotherSigner) {
  fit();
  expect_refused({}, owner, UpdateError::KernelSigner);
  expect_connected();
}

TEST_F(LinkModuleFirmware, RefusesAnImageThatIsNotTheManifests) {
  fit();
  Release release;
  release.lies = true;
  expect_refused(release, vendor, UpdateError::Hash);
}

TEST_F(LinkModuleFirmware, RefusesAnotherKind) {
  fit();
  Release release;
  release.module = "MV-WIFI2";
  expect_refused(release, vendor, UpdateError::WrongModule);
  expect_connected();
}

TEST_F(LinkModuleFirmware, AnOlderOneIsInstalledOnlyIfItSaysSo) {
  fit(board::FirmwareFault::None, 3);
  Release release;
  offer(release, vendor);
  ASSERT_TRUE(device.run_until([&] { return failed(UpdateError::ModuleOlder); }, 300));
  EXPECT_TRUE(runs(3));
  release.may_replace_newer = true;
  offer(release, vendor);
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 300));
  EXPECT_TRUE(runs(2));
}

/// Between the check of what is staged and the transfer.
TEST_F(LinkModuleFirmware, AnImageThatDecaysInTheNorIsGivenUpAndFetchedAnew) {
  fit();
  device.channel_id = 7;
  Release release;
  release.image.resize(10'000, 0xA5);  // of which the device has the last sector in its memory
  offer(release, vendor);
  ASSERT_TRUE(device.run_until([&] { return reported("INSTALLING_APP"); }, 120));
  device.damage_nor(firmware::kStaging + firmware::storage::kNorSectorSize + 2'000);
  device.channel_id = 0;
  ASSERT_TRUE(device.run_until([&] { return failed(UpdateError::Storage); }, 120));
  EXPECT_TRUE(runs(1));
  offer(release, vendor);
  ASSERT_TRUE(device.run_until([&] { return reported("COMPLETE"); }, 120));
  EXPECT_TRUE(runs(2));
}

TEST_F(LinkModuleFirmware, WaitsWhileAChannelIsOpen) {
  fit();
  device.channel_id = 7;
  offer({}, vendor);
  std::uint64_t ready = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (ready == 0 && reported("INSTALLING_APP")) ready = line.now();
        if (ready != 0 && line.now() > ready + 60 * kSeconds && device.channel_id != 0) {
          EXPECT_FALSE(device.channel_end);
          EXPECT_TRUE(runs(1));
          device.channel_id = 0;
        }
        return reported("COMPLETE");
      },
      200));
  EXPECT_NE(ready, 0U);
}

}  // namespace
}  // namespace microvisor::test
