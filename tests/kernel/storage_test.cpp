// The application's external flash and Wi-Fi settings on the kernel image: what is kept, and that an update
// that comes meanwhile is not disturbed.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/gateway_bench.hpp"

namespace microvisor::tests {
namespace {

TEST(StorageOnBoard, ContentsOutliveTheApplicationAndTheSupply) {
  KernelMachine machine("storage");
  ASSERT_TRUE(machine.run_until_line("stored", 10'000));
  const std::vector<std::string> first{"start 0", "open 0",        "wifi 0",       "erase 0",
                                       "write 0", "differences 0", "both 3030303", "stored"};
  EXPECT_EQ(machine.lines(), first);
  const std::vector<std::string> later{"open 0", "differences 0", "ssid workshop encrypted 1", "done"};
  ASSERT_TRUE(machine.run_until_line("done", 10'000));
  ASSERT_EQ(machine.lines().size(), 13u);
  EXPECT_EQ(machine.lines()[8], "start 2");
  EXPECT_TRUE(std::equal(later.begin(), later.end(), machine.lines().begin() + 9));
  ASSERT_TRUE(machine.board().power_cycle());
  ASSERT_TRUE(machine.run_until_line("done", 10'000));
  ASSERT_EQ(machine.lines().size(), 18u);
  EXPECT_EQ(machine.lines()[13], "start 0");
  EXPECT_TRUE(std::equal(later.begin(), later.end(), machine.lines().begin() + 14));
}

TEST(StorageOnBoard, TheVaultShowsNothingOfTheWifiSettings) {
  KernelMachine machine("storage");
  ASSERT_TRUE(machine.run_until_line("stored", 10'000));
  const auto vault = machine.board().memories().flash().array().subspan(board::kFlashBankSize);
  for (const std::string_view secret : {"secret-9", "workshop"}) {  // tests/kernel/guests/storage.c
    EXPECT_EQ(std::search(vault.begin(), vault.end(), secret.begin(), secret.end()), vault.end()) << secret;
  }
}

TEST(StorageOnBoard, AnUpdateAndTheApplicationTakeTurns) {
  GatewayBench bench;
  KernelMachine machine({.guest = "storage", .parameters = {1, 0, 0}, .identity = bench.identity()});
  bench.connect(machine);
  ASSERT_TRUE(machine.run_until_line("round", 20'000));
  bench.offer(50'000);
  const unsigned before = machine.count("round");
  const auto reported = [&](const std::string& state) {
    const auto reports = bench.gateway.seen().reports;
    return std::find(reports.begin(), reports.end(), state) != reports.end();
  };
  for (int second = 0; second < 120 && !reported("INSTALLING_APP"); ++second) machine.run(1'000);
  EXPECT_TRUE(reported("INSTALLING_APP")) << "the update was staged and verified";
  EXPECT_GT(machine.count("round"), before + 2) << "the application went on meanwhile";
  EXPECT_EQ(machine.count("errors"), 0u);
}

}  // namespace
}  // namespace microvisor::tests
