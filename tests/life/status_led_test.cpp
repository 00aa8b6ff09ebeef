// The status LED as somebody sees it who stands before the device: PH7, active low. The patterns are those of
// docs/life-cycle.md.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

class StatusLedOnBoard : public ::testing::Test {
 protected:
  void SetUp() override {
    machine.board().pins().on_output_change([this](board::PinId pin, bool level) {
      if (pin == kLed) changes.push_back({machine.now(), !level});
    });
  }
  [[nodiscard]] bool lit() const { return !changes.empty() && changes.back().lit; }
  /// The LED has stayed as it is for so many seconds.
  [[nodiscard]] bool steady(double seconds) const {
    return !changes.empty() && machine.now() - changes.back().at > seconds;
  }
  /// The last changes were so many seconds apart.
  [[nodiscard]] bool shows(const std::vector<double>& pattern) const {
    if (changes.size() <= pattern.size()) return false;
    const std::size_t first = changes.size() - pattern.size() - 1;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      const double length = changes[first + i + 1].at - changes[first + i].at;
      if (std::abs(length - pattern[i]) > 0.01 || changes[first + i].lit != (i % 2 == 0)) return false;
    }
    return true;
  }
  [[nodiscard]] bool until(const std::function<bool()>& done, double seconds) {
    const bool came = machine.run_until(done, seconds);
    for (const Change& change : changes) {
      if (!came) std::fprintf(stderr, "%.3f %s\n", change.at, change.lit ? "lit" : "dark");
    }
    return came;
  }

  static constexpr board::PinId kLed{7, 7};
  struct Change {
    double at = 0;
    bool lit = false;
  };
  LifeMachine machine;
  std::vector<Change> changes;
};

TEST_F(StatusLedOnBoard, ShowsTheConnectionWhileThereIsNoApplication) {
  machine.reachable = false;
  EXPECT_TRUE(until([&] { return shows({0.1, 0.2, 0.1, 1.6}); }, 60)) << "waits for the next attempt";
  machine.reachable = true;
  EXPECT_TRUE(until([&] { return lit() && steady(3); }, 100)) << "connected";
  const protocol::Bytes image(500'000, 0x5A);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), machine.owner);
  ASSERT_TRUE(manifest.has_value());
  machine.gateway.add_object(image);
  machine.gateway.add_object(*manifest);
  machine.gateway.set_target(protocol::sha256(*manifest));
  EXPECT_TRUE(until([&] { return shows({0.1, 0.1, 0.1, 0.1}); }, 20)) << "fetches an update";
}

TEST_F(StatusLedOnBoard, IsTheApplicationsToSwitch) {
  protocol::BundleOptions options;
  options.connection_grace_seconds = 5;
  options.minimum_check_in_seconds = 60;
  machine.deploy("connect", options, 1);
  ASSERT_FALSE(machine.await_line("start 9", 60).empty()) << machine.describe();
  EXPECT_TRUE(until([&] { return lit() && steady(3); }, 20)) << "connected";
  ASSERT_FALSE(machine.await_line("offline after", 60).empty()) << machine.describe();
  EXPECT_TRUE(until([&] { return !lit() && steady(3); }, 10)) << "offline";
  machine.deploy("connect", options, 0);
  ASSERT_FALSE(machine.await_line("start 9", 100).empty()) << machine.describe();
  changes.clear();
  ASSERT_FALSE(machine.await_line("status 1", 60).empty()) << machine.describe();
  EXPECT_TRUE(changes.empty()) << "dark, whatever the connection does";
}

}  // namespace
}  // namespace microvisor::test
