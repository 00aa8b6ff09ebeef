// The bundle's connectivity policy on the board: who decides, what mvGetNetworkReasons says at each stage,
// and that a device which may be offline is, but for its check-ins.
#include <gtest/gtest.h>

#include "abi/interface.hpp"
#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

std::uint32_t bits(std::initializer_list<abi::NetworkReason> reasons) {
  std::uint32_t result = 0;
  for (const auto reason : reasons) result |= static_cast<std::uint32_t>(reason);
  return result;
}

std::string reasons_line(std::initializer_list<abi::NetworkReason> reasons) {
  char text[32];
  std::snprintf(text, sizeof text, "reasons %x", bits(reasons));
  return text;
}

using enum abi::NetworkReason;

TEST(ConnectivityOnBoard, TheApplicationsRequestsGovernAndTheDeviceChecksInByItself) {
  LifeMachine machine;
  protocol::BundleOptions options;
  options.connection_grace_seconds = 5;
  options.minimum_check_in_seconds = 60;
  machine.deploy("connect", options);
  const auto await = [&](const std::string& line, double seconds) {
    const std::string found = machine.await_line(line, seconds);
    EXPECT_EQ(found, line) << machine.describe();
    return machine.line_times.empty() ? 0 : machine.line_times.back();
  };
  await("start 9", 60);
  // Nothing has been asked for: Microvisor connects by itself, and learns the time.
  await(reasons_line({NEVERUSEDNETWORKAPI, RTCNOTSET, COLDBOOTCONNECTION}), 1);
  await(reasons_line({NEVERUSEDNETWORKAPI}), 10);
  await("request 0", 15);
  await("status 1", 1);
  await(reasons_line({USINGNETWORK}), 1);
  // Released: kept for the grace time, then given up.
  const double released = await("release 0", 5);
  await(reasons_line({}), 1);
  const double offline = await("offline after 1", 20);
  EXPECT_GT(offline, released + 5);
  EXPECT_LT(offline, released + 10);
  const unsigned sessions = machine.gateway.seen().sessions;
  EXPECT_TRUE(machine.gateway.seen().log.empty());
  // The check-in: after a minute offline it connects, delivers, and is gone again.
  const double due = await(reasons_line({MINIMUMCHECKINEXPIRED}), 70);
  EXPECT_NEAR(due, offline + 60, 5);  // hanging up takes some seconds, the contact has ended before
  await(reasons_line({}), 20);
  await("checked in", 20);
  EXPECT_EQ(machine.gateway.seen().log, std::vector<std::string>{"said offline"});
  EXPECT_EQ(machine.gateway.seen().sessions, sessions + 1);
  // A new request brings it back at once.
  await("request 0", 1);
  await("status 1", 20);
  await("connected again", 1);
  EXPECT_EQ(machine.gateway.seen().sessions, sessions + 2);
}

TEST(ConnectivityOnBoard, WithoutACheckInTimeItStaysConnected) {
  LifeMachine machine;
  machine.deploy("connect", {});
  ASSERT_FALSE(machine.await_line("release 0", 60).empty()) << machine.describe();
  const unsigned sessions = machine.gateway.seen().sessions;
  ASSERT_FALSE(machine.await_line(reasons_line({MINIMUMCHECKINEXPIRED}), 1).empty()) << machine.describe();
  EXPECT_FALSE(machine.run_until([&] { return machine.lines_with("offline") != 0; }, 90));
  EXPECT_EQ(machine.gateway.seen().sessions, sessions);
}

}  // namespace
}  // namespace microvisor::test
