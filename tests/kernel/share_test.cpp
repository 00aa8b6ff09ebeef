// What the application has of the processor while the kernel is busy with the link, measured by a guest that
// counts, against the same guest on a device without modem. `script/bench --only kernel.app_cpu_share`
// publishes what this prints.
#include <gtest/gtest.h>

#include <cstdio>

#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/gateway_bench.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kCounter = 0x2800'0000;

double rate(KernelMachine& machine, const std::function<bool()>& done, unsigned milliseconds) {
  const std::uint32_t counted = machine.word(kCounter);
  const double begun = machine.seconds();
  for (unsigned i = 0; i < milliseconds && !done(); ++i) machine.run(1);
  EXPECT_GT(machine.seconds(), begun);
  return (machine.word(kCounter) - counted) / (machine.seconds() - begun);
}

bool never() { return false; }

/// Counts a second with nobody to share with but the kernel's timer.
double rate_alone() {
  static const double alone = [] {
    KernelMachine machine("share");
    EXPECT_TRUE(machine.run_until_line("counting", 3000));
    machine.run(2'000);  // the worker has found that there is no modem
    return rate(machine, never, 200);
  }();
  return alone;
}

class Share : public testing::Test {
 protected:
  void SetUp() override {
    bench.connect(machine);
    ASSERT_TRUE(machine.run_until_line("counting", 5'000));
  }
  test::Seen seen() { return bench.gateway.seen(); }
  bool has_reported(const std::string& state) {
    const auto reports = seen().reports;
    return std::find(reports.begin(), reports.end(), state) != reports.end();
  }
  void run_until(const std::function<bool()>& done) {
    for (unsigned i = 0; i < 30'000 && !done(); ++i) machine.run(1);
    ASSERT_TRUE(done());
  }
  static double publish(const char* state, double share) {
    std::printf("app_cpu_share_%s: %.4f\n", state, share);
    return share;
  }

  GatewayBench bench;
  KernelMachine machine{KernelMachineSetup{.guest = "share", .identity = bench.identity()}};
};

// 160 MHz and four instructions a count: the bare chip would count 40 million a second.
TEST(ShareAlone, IsNearlyTheBareChip) { EXPECT_GT(rate_alone(), 0.99 * 40e6); }

TEST_F(Share, OfAHandshakeIsAtLeastHalf) {
  run_until([&] { return bench.connected(); });
  const double share = rate(
                           machine, [&] { return seen().sessions == 1; }, 10'000) /
                       rate_alone();
  ASSERT_EQ(seen().sessions, 1u);
  EXPECT_GE(publish("handshake", share), 0.5);
}

TEST_F(Share, WhileConnectedAndIdleIsNineTenths) {
  run_until([&] { return seen().sessions == 1; });
  machine.run(1'000);
  EXPECT_GE(publish("idle", rate(machine, never, 3'000) / rate_alone()), 0.9);
}

TEST_F(Share, OfADownloadIsAtLeastHalf) {
  run_until([&] { return seen().sessions == 1; });
  bench.offer(200'000);
  run_until([&] { return has_reported("FETCHING"); });
  const double share = rate(
                           machine, [&] { return has_reported("INSTALLING_APP"); }, 30'000) /
                       rate_alone();
  ASSERT_TRUE(has_reported("INSTALLING_APP"));
  EXPECT_GE(publish("download", share), 0.5);
}

}  // namespace
}  // namespace microvisor::tests
