// What the kernel's network code needs of its fixed memories at most, over everything the link does, with the
// largest certificates a device may have. `script/bench --only kernel.` publishes what this prints.
#include <gtest/gtest.h>

#include <cstdio>

#include "firmware/limits.hpp"
#include "tests/kernel/stack_watermarks.hpp"
#include "tests/life/life_machine.hpp"
#include "tests/life/memory_watch.hpp"

namespace microvisor::test {
namespace {

class MemoryUse : public testing::Test {
 protected:
  void run_until(const std::function<bool()>& done, const char* what) {
    ASSERT_TRUE(machine.run_until(done, 90)) << what << '\n' << machine.describe();
  }
  [[nodiscard]] Seen seen() { return machine.gateway.seen(); }

  LifeMachine machine{firmware::kMaximumCertificateSize - 16};
  MemoryWatch watch{machine.board()};
};

TEST_F(MemoryUse, OfEverythingTheLinkDoes) {
  tests::fill_stacks(machine.board());
  // The application dies at some moment of each connection; its report is encrypted while the link goes on.
  const auto crash_key = protocol::SigningKey::generate();
  protocol::BundleOptions options;
  options.crash_key = crash_key.public_key();
  options.crash_stack_bytes = firmware::kMaximumCrashStack;
  machine.deploy("crash", options, 4);
  run_until([this] { return !seen().crashes.empty(); }, "an update, and the first crash of what came");
  for (int round = 0; round < 6; ++round) {
    const bool resumes = round % 2 != 0;
    const Seen before = seen();
    if (!resumes) machine.gateway.forget_sessions();
    machine.gateway.cut_joined();
    run_until([&] { return seen().sessions > before.sessions; }, "a connection");
    EXPECT_EQ(seen().resumed > before.resumed, resumes) << "with the longest ticket there is";
  }
  const std::size_t crashes = seen().crashes.size();
  run_until([&] { return seen().crashes.size() > crashes + 2; }, "further crashes");
  EXPECT_FALSE(seen().log.empty());
  machine.deploy("polite", options);
  run_until([this] { return machine.lines_with("version") != 0; }, "the next application");
  std::printf("arena: %u of %u bytes used\n", watch.arena.peak, watch.arena.size);
  std::printf("heap: %u of %u bytes used\n", watch.heap.peak, watch.heap.size);
  std::printf("packets: %u of %u buffers used\n", watch.packets.peak, watch.packets.size);
  // Pieces that lie badly cost more than their bytes; the heap may be full of what waits to be sent.
  EXPECT_LE(watch.arena.peak, watch.arena.size - watch.arena.size / 8);
  EXPECT_GT(watch.arena.peak, watch.arena.size / 2) << "it is larger than it needs to be";
  EXPECT_GT(watch.heap.peak, watch.heap.size / 2);
  EXPECT_LE(watch.packets.peak, watch.packets.size - watch.packets.size / 8);
  EXPECT_GT(watch.packets.peak, 1U);
  tests::expect_stacks_within_bounds(machine.board());
}

}  // namespace
}  // namespace microvisor::test
