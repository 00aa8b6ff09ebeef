// How long an update takes and how long the application is away, in board time, over a line of 100 kbit/s.
// `script/bench --only update.` publishes what this prints.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "protocol/bundle/elf.hpp"
#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

/// An application of 270 KB (examples/applications/demo), and its next version: one byte in a thousand
/// differs.
protocol::Bytes application() {
  std::ifstream file(MICROVISOR_DEMO, std::ios::binary);
  return *protocol::elf_to_image(protocol::Bytes{std::istreambuf_iterator<char>(file), {}});
}
protocol::Bytes next_version() {
  protocol::Bytes image = application();
  for (std::size_t i = image.size() / 2; i < image.size() - 1024; i += 500) image[i] ^= 0x5A;
  return image;
}

class UpdateFigures : public testing::Test {
 protected:
  struct Times {
    double deploy = 0;  ///< seconds, from the target's name to the new application's first instruction
    double outage = 0;  ///< seconds, from the old one's last instruction to the new one's first
    double boot = 0;    ///< seconds, from a reset to the application's first instruction
  };

  UpdateFigures() {
    machine_.board().on_reset([this](board::ResetCause) { reset_at_ = machine_.now(); });
    machine_.board().core().on_first_nonsecure = [this] { started_at_ = machine_.now(); };
  }
  void await_completion(unsigned count) {
    const bool done = machine_.run_until(
        [&] {
          const auto reports = machine_.gateway.seen().reports;
          return std::count(reports.begin(), reports.end(), "COMPLETE") == count;
        },
        120);
    ASSERT_TRUE(done) << machine_.describe();
  }
  /// One update from the application to its next version.
  Times measure(bool encoded) {
    machine_.deploy_image(application());
    await_completion(1);
    if (encoded) machine_.gateway.encode_against(application());
    const double named_at = machine_.now();
    machine_.deploy_image(next_version());
    await_completion(2);
    Times times{started_at_ - named_at, started_at_ - reset_at_, 0};
    const double before = reset_at_;
    machine_.board().reset_pin();
    EXPECT_TRUE(machine_.run_until([&] { return reset_at_ > before && started_at_ > reset_at_; }, 10));
    times.boot = started_at_ - reset_at_;
    return times;
  }

  LifeMachine machine_{0, 100'000};
  double reset_at_ = 0;
  double started_at_ = 0;
};

TEST_F(UpdateFigures, Whole) {
  const Times times = measure(false);
  std::printf("whole: deploy %.3f s, outage %.1f ms, boot %.1f ms\n", times.deploy, 1000 * times.outage,
              1000 * times.boot);
  EXPECT_GT(times.deploy, 8.0 * static_cast<double>(application().size()) / 100'000);
  EXPECT_GT(times.outage, times.boot);
}

TEST_F(UpdateFigures, AsADifference) {
  const Times times = measure(true);
  std::printf("difference: deploy %.3f s, outage %.1f ms, boot %.1f ms\n", times.deploy, 1000 * times.outage,
              1000 * times.boot);
  EXPECT_LT(times.deploy, 4.0 * static_cast<double>(application().size()) / 100'000)
      << "half of the line's time";
}

}  // namespace
}  // namespace microvisor::test
