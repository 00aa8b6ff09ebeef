// Whatever an application does, the update that replaces it arrives and is installed: the shipped images on
// the board, with their gateway, while guests/hostile.c does its worst.
//
// The bound is of board time, from the moment when the gateway names the update to the new version's first
// line, for an image of 60 KB. It holds fetching, staging, the reset, installation, boot and, for an
// application that crashes, the pause before its restart.
#include <gtest/gtest.h>

#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

/// Seconds. The politeness that the bundle allows is added.
constexpr double kBound = 20;

// What guests/hostile.c does.
enum Behaviour : std::uint32_t {
  kNothing = 0,
  kCrash = 1,
  kHang = 2,
  kMask = 4,
  kFill = 8,
  kFlood = 16,
  kRestless = 32
};

struct Application {
  const char* name;
  std::uint32_t behaviour;
  std::uint32_t politeness = 0;  // seconds that its bundle lets it put an update off; it never consents
};

std::uint32_t version(unsigned number, std::uint32_t behaviour) { return number << 8 | behaviour; }

class HostileUpdate : public ::testing::TestWithParam<Application> {
 protected:
  [[nodiscard]] bool installed(std::size_t updates) {
    // FETCHING, INSTALLING_APP, STARTING_NEW_APP, COMPLETE (protocol/LINK.md)
    const auto reports = machine.gateway.seen().reports;
    return reports.size() >= 4 * updates && reports.back() == "COMPLETE";
  }

  /// It runs, and does what it is to do.
  void run_hostile_version() {
    const std::uint32_t behaviour = GetParam().behaviour;
    protocol::BundleOptions options;
    options.maximum_politeness_seconds = GetParam().politeness;
    machine.deploy("hostile", options, version(1, behaviour));
    ASSERT_EQ(machine.await_line("version", 60), "version 1") << machine.describe();
    if ((behaviour & kCrash) != 0) {
      for (int i = 0; i < 3; ++i)
        ASSERT_FALSE(machine.await_line("start 8", 20).empty()) << "it crashes again and again\n"
                                                                << machine.describe();
    } else if ((behaviour & kHang) == 0) {
      ASSERT_EQ(machine.await_line("at work", 20), "at work") << machine.describe();
    }
    if ((behaviour & kFlood) != 0) {
      ASSERT_TRUE(machine.run_until([&] { return machine.gateway.seen().log.size() > 20; }, 60))
          << machine.describe();
    }
    ASSERT_TRUE(machine.run_until([&] { return installed(1); }, 60)) << machine.describe();
  }

  LifeMachine machine;
};

TEST_P(HostileUpdate, ArrivesAndIsInstalled) {
  run_hostile_version();
  const double bound = kBound + GetParam().politeness;
  const double deployed = machine.now();
  machine.deploy("hostile", {}, version(2, kNothing));
  EXPECT_FALSE(machine.await_line("version 2", bound).empty()) << machine.describe();
  const double took = machine.now() - deployed;
  EXPECT_GE(took, GetParam().politeness);
  EXPECT_TRUE(machine.run_until([&] { return installed(2); }, kBound)) << machine.describe();
  std::printf("%s: the new version runs after %.2f s\n", GetParam().name, took);
  const auto lines = machine.lines_with("version");
  EXPECT_FALSE(machine.run_until([&] { return machine.lines_with("version") != lines; }, 2)) << "it stays";
}

INSTANTIATE_TEST_SUITE_P(Applications, HostileUpdate,
                         testing::Values(Application{"crashes", kCrash}, Application{"hangs", kHang},
                                         Application{"masks_interrupts", kMask},
                                         Application{"fills_the_flash", kFill},
                                         Application{"floods_the_log", kFlood},
                                         Application{"masks_and_floods", kMask | kFlood},
                                         Application{"masks_fills_and_floods", kMask | kFill | kFlood},
                                         Application{"hangs_masked", kMask | kHang},
                                         Application{"asks_for_the_network_and_lets_go", kRestless},
                                         Application{"never_consents", kFlood | kMask, 10}),
                         [](const auto& made) { return std::string(made.param.name); });

}  // namespace
}  // namespace microvisor::test
