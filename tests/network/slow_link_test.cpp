// A device behind a slow and lossy link does everything at once: 300 ms there and back, 5 % of the packets
// lost by a fixed seed, 10 kbit/s each way. Times are the board's: of a line of the log from the moment
// before the application's call to its arrival at a reader of the device's log stream.
//
// How fast the host is decides which packets a seed hits: so there are three runs, and each has to hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/network/field.hpp"

namespace microvisor::test {
namespace {

constexpr unsigned kLines = 200;
constexpr double kLoss = 0.05;
constexpr std::size_t kUpdate = 32 * 1024;

board::RadioConditions slow_and_lossy() {
  board::RadioConditions conditions;
  conditions.delay = 150 * 1000 * board::kTicksPerMicrosecond;
  conditions.loss = kLoss;
  conditions.bits_per_second = 10'000;
  return conditions;
}

/// Seconds from each line's call to its arrival, sorted.
std::vector<double> delays(const Field& field) {
  std::map<unsigned, std::uint64_t> called;
  for (const Said& one : field.said) {
    if (one.line.starts_with("line ")) called[std::stoul(one.line.substr(5))] = one.microseconds;
  }
  std::vector<double> delays;
  for (const Arrival& one : field.arrived()) {
    const auto number = one.message.find("number ");
    if (one.type != "app_logging" || number == std::string::npos) continue;
    const auto call = called.at(std::stoul(one.message.substr(number + 7)));
    delays.push_back(static_cast<double>(one.microseconds - call) / 1e6);
  }
  std::sort(delays.begin(), delays.end());
  return delays;
}

/// That are complete, as the cloud has told.
std::ptrdiff_t updates(const Field& field) {
  const auto records = field.arrived();
  return std::count_if(records.begin(), records.end(), [](const Arrival& one) {
    return one.type == "ota_update" && one.message == "COMPLETE";
  });
}

/// Within which so many of a hundred are.
double share(const std::vector<double>& sorted, std::size_t percent) {
  return sorted[sorted.size() * percent / 100 - 1];
}

void run(std::uint64_t seed) {
  Field field({.seed = seed});
  field.deploy(Field::image(MICROVISOR_BUSY), 600);
  ASSERT_TRUE(field.run_until([&] { return field.has_said("ready"); }, 60)) << field.story();
  board::RadioLink& radio = *field.device->radio();
  const auto packets = [&] { return radio.from_board().packets + radio.to_board().packets; };
  const std::uint64_t before = packets();
  radio.set(slow_and_lossy());
  const std::uint64_t begun = field.now();
  field.deploy(Field::image(MICROVISOR_BUSY, 1, kUpdate));
  bool sent = false;
  field.peer->subscribe("from/#", 1);
  ASSERT_TRUE(field.run_until(
      [&] {
        if (!sent && field.peer->messages.size() == 3) {
          field.peer->publish("to/busy", "a command", 1);
          sent = true;
        }
        return field.has_said("done");
      },
      300))
      << field.story();
  const std::uint64_t done = field.now();
  EXPECT_TRUE(field.has_said("http 200") && field.has_said("body 600")) << field.story();
  EXPECT_TRUE(field.has_said("message 9") && field.has_said("disconnected")) << field.story();
  ASSERT_TRUE(field.run_until([&] { return delays(field).size() >= kLines; }, 60)) << field.story();
  ASSERT_TRUE(field.run_until([&] { return field.has_said("another"); }, 60)) << field.story();
  ASSERT_TRUE(field.run_until([&] { return updates(field) == 2; }, 120)) << field.story();

  const auto seconds = delays(field);
  ASSERT_EQ(seconds.size(), kLines);
  std::printf("done after %.1f s; a line: median %.2f s, 95 %% within %.2f s, all within %.2f s\n",
              static_cast<double>(done - begun) / 1e6, share(seconds, 50), share(seconds, 95),
              seconds.back());
  const auto carried = static_cast<double>(packets() - before);
  const double deviation = std::sqrt(kLoss * (1 - kLoss) / carried);
  EXPECT_NEAR(static_cast<double>(radio.lost()) / carried, kLoss, 4 * deviation);
  EXPECT_LE(share(seconds, 95), 5.0);
  EXPECT_LE(seconds.back(), 30.0);
}

class SlowLink : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SlowLink, ARequestAnMqttSessionAnUpdateAndTheLogAtOnce) { run(GetParam()); }

INSTANTIATE_TEST_SUITE_P(EachSeed, SlowLink, testing::Values(1, 2, 3));

}  // namespace
}  // namespace microvisor::test
