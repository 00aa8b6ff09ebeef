// The same path with nothing modelled twice: the kernel image, booted by its boot chain on the virtual board,
// over LPUART1, modem, PPP and TLS to a gateway on the host; then an application comes over the air, and its
// first log line back.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

#include "board/board.hpp"
#include "board/modem/at_modem.hpp"
#include "board/modem/slirp_network.hpp"
#include "cli/factory.hpp"
#include "cli/virtual_device.hpp"
#include "firmware/image/image.hpp"
#include "firmware/layout.hpp"
#include "firmware/vault/boot_record.hpp"
#include "protocol/bundle/elf.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/device_identity.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::test {
namespace {

constexpr std::uint32_t kLpuart1 = 0x4600'2400;
constexpr const char* kSid = "UV00112233445566778899aabbccddeeff";

protocol::Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A provisioned board with its modem, run in slices on this thread.
class LinkOnBoard : public ::testing::Test {
 protected:
  LinkOnBoard() {
    auto memories = std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1)));
    cli::program(memories.flash(),
                 firmware::image::build_flash_image(identity_for(gateway, kSid, "10.0.2.2", owner)));
    board::BoardOptions options;
    options.report = [this](std::string_view line) { reports.emplace_back(line); };
    auto created = board::Board::create(std::move(memories), options);
    if (!created) throw std::runtime_error(created.error().message);
    device = std::move(*created);
    network = std::make_unique<board::SlirpNetwork>(device->scheduler());
    device->set_host(network.get());
    modem = std::make_unique<board::AtModem>(device->scheduler(), *network);
    modem->attach(*device->serial(kLpuart1));
    device->include("modem", [this](board::Archive& archive) { modem->serialise(archive); });
  }

  /// Runs until `done`, looked at every millisecond of board time, or for `seconds`.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, double seconds) {
    const auto end = device->scheduler().now() + static_cast<board::Time>(seconds * board::kTicksPerSecond);
    while (device->scheduler().now() < end) {
      if (done()) return true;
      device->run({.until = device->scheduler().now() + board::kTicksPerSecond / 1000});
    }
    return done();
  }

  void deploy(const std::string& elf) {
    const auto image = protocol::elf_to_image(read_file(elf));
    ASSERT_TRUE(image.has_value()) << elf;
    const auto manifest = protocol::sign_manifest(protocol::make_manifest(*image, {}), owner);
    ASSERT_TRUE(manifest.has_value());
    gateway.offer(*image, *manifest);
  }

  std::string describe() {
    std::array<std::uint8_t, 32> status{};
    for (std::uint32_t index = 0; index < 8; ++index) {
      std::uint32_t value = 0;
      (void)device->bus().peek(firmware::kBootStatus + 4 * index, 4, value);
      std::memcpy(status.data() + 4 * index, &value, 4);
    }
    const auto seen = gateway.seen();
    std::string text = firmware::image::describe_boot_status(status) + "; " +
                       std::to_string(device->statistics().virtual_seconds) + " s, " +
                       std::to_string(device->statistics().instructions) + " instructions, packets " +
                       std::to_string(modem->packets_sent()) + "/" +
                       std::to_string(modem->packets_received()) + ", connections " +
                       std::to_string(seen.connections) + ", sessions " + std::to_string(seen.sessions);
    for (const auto& report : seen.reports) text += ", " + report;
    for (const auto& end : seen.ends) text += "; ended: " + end;
    for (const auto& line : reports) text += "\n[board] " + line;
    return text;
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kSid};
  std::vector<std::string> reports;
  std::unique_ptr<board::Board> device;
  std::unique_ptr<board::SlirpNetwork> network;
  std::unique_ptr<board::AtModem> modem;
};

TEST_F(LinkOnBoard, ADeviceWithoutApplicationConnects) {
  ASSERT_TRUE(run_until([&] { return modem->in_call(); }, 20)) << describe();
  std::printf("in call: %s\n", describe().c_str());
  ASSERT_TRUE(run_until([&] { return gateway.seen().connections == 1; }, 20)) << describe();
  std::printf("TCP: %s\n", describe().c_str());
  ASSERT_TRUE(run_until([&] { return gateway.seen().handshakes == 1; }, 20)) << describe();
  std::printf("TLS: %s\n", describe().c_str());
  ASSERT_TRUE(run_until([&] { return gateway.seen().sessions == 1; }, 20)) << describe();
  EXPECT_EQ(device->resets(), 0U);
  RecordProperty("instructions", std::to_string(device->statistics().instructions));
  std::printf("connected: %s\n", describe().c_str());
}

TEST_F(LinkOnBoard, AKernelOnTrialIsProvenByReachingTheGateway) {
  // As the upgrader leaves it, behind the factory's record.
  firmware::vault::BootRecord record;
  record.sequence = 2;
  record.on_trial = true;
  record.starts_left = 4;
  const auto offset = firmware::kVaultBootRecord.address() - firmware::kMicrovisorFlash;
  device->memories().flash().load(board::kFlashBankSize + offset + firmware::storage::kRowSize,
                                  firmware::vault::encode_boot_record(record));
  const auto on_trial = [this] {
    const auto bank2 =
        device->memories().flash().array().subspan(board::kFlashBankSize, board::kFlashBankSize);
    return firmware::image::read_update_journal(bank2).on_trial;
  };
  ASSERT_TRUE(on_trial());
  ASSERT_TRUE(run_until([&] { return gateway.seen().connections == 1; }, 20)) << describe();
  EXPECT_TRUE(on_trial()) << "a connection alone proves nothing";
  ASSERT_TRUE(run_until([&] { return gateway.seen().sessions == 1; }, 20)) << describe();
  EXPECT_TRUE(run_until([&] { return !on_trial(); }, 5)) << describe();
  EXPECT_EQ(device->resets(), 0U);
}

TEST_F(LinkOnBoard, AnApplicationComesOverTheAirAndLogs) {
  deploy(MICROVISOR_LOG_EXAMPLE);
  ASSERT_TRUE(run_until([&] { return !gateway.seen().log.empty(); }, 60)) << describe();
  EXPECT_TRUE(run_until([&] { return gateway.seen().reports.size() == 4; }, 20)) << describe();
  const std::vector<std::string> expected{"FETCHING", "INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE"};
  EXPECT_EQ(gateway.seen().reports, expected);
  EXPECT_EQ(gateway.seen().resumed, 1U) << "the second connection, after the reset, is a resumed one";
  std::printf("first log line: %s\n%s\n", gateway.seen().log[0].c_str(), describe().c_str());
}

TEST_F(LinkOnBoard, ComesBackWhenTheConnectionIsCut) {
  ASSERT_TRUE(run_until([&] { return gateway.seen().sessions == 1; }, 20)) << describe();
  gateway.cut_now();
  ASSERT_TRUE(run_until([&] { return gateway.seen().sessions == 2; }, 20)) << describe();
  EXPECT_EQ(gateway.seen().resumed, 1U);
}

TEST_F(LinkOnBoard, ComesBackWhenItGoesOnFromASnapshot) {
  ASSERT_TRUE(run_until([&] { return gateway.seen().sessions == 1; }, 20)) << describe();
  const auto snapshot = *device->snapshot();
  ASSERT_TRUE(modem->in_call());
  modem.reset();
  device.reset();  // and with it the socket behind the connection that the snapshot has

  auto memories = *board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1));
  cli::VirtualDeviceOptions options;
  options.fast = true;
  options.snapshot = snapshot;
  cli::VirtualDevice again(std::move(memories), options);
  board::Board& board = again.board();
  EXPECT_EQ(board.core().retired, snapshot->contents().instructions);
  EXPECT_EQ(again.status().modem, "dialling") << "PPP is being terminated";
  const auto run_while = [&](const std::function<bool()>& holds) {
    const auto end = board.scheduler().now() + 30 * board::kTicksPerSecond;
    while (holds() && board.scheduler().now() < end) {
      board.run({.until = board.scheduler().now() + board::kTicksPerSecond / 1000});
    }
  };
  run_while([&] { return again.status().modem != "registered"; });
  EXPECT_EQ(again.status().modem, "registered") << "the call is over";
  run_while([&] { return gateway.seen().sessions == 1; });
  EXPECT_EQ(gateway.seen().sessions, 2U);
  EXPECT_EQ(gateway.seen().resumed, 1U) << "the TLS session was in the snapshot";
  EXPECT_EQ(board.resets(), 0U);
}

}  // namespace
}  // namespace microvisor::test
