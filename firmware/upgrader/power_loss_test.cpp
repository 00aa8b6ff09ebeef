// Updates of Microvisor itself on memories that lose power: whatever happens, a kernel runs that is exactly
// the old or exactly the new one, and an update that was asked for is done.
//
// A failing case prints MICROVISOR_REPLAY=operation:seed, and with that variable set the same test repeats it
// alone.
#include <gtest/gtest.h>

#include <functional>

#include "firmware/upgrader/testing/device.hpp"

namespace microvisor::firmware::upgrader {
namespace {

using namespace testing;
using storage::testing::CutId;
using update::UpdateError;

/// Lets `device` lose its power at operation `id`, wherever in its starts that is; false if it came through.
bool boot_with_cut(Device& device, const CutId& id, const std::function<void(Device&)>& work) {
  device.power.cut(id);
  try {
    work(device);
  } catch (const PowerCut&) {
    return true;
  }
  device.power.never_cut();
  return false;
}

std::uint64_t operations_of(const Device& from, const std::function<void(Device&)>& work) {
  Device device(from);
  const std::uint64_t before = device.power.operations();
  work(device);
  return device.power.operations() - before;
}

/// One cut at every operation of `work`, then `check`; at every `second`th also a second one at some
/// operation of the recovery.
void cut_everywhere(const Device& from, const std::function<void(Device&)>& work,
                    const std::function<void(Device&)>& check, unsigned second) {
  const std::uint64_t operations = operations_of(from, work);
  ASSERT_GT(operations, 10u);
  const auto replay = storage::testing::replay_id();
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    const CutId id{operation, static_cast<std::uint32_t>(operation * 7 + 1)};
    if (replay && replay->operation != operation) continue;
    SCOPED_TRACE("MICROVISOR_REPLAY=" + id.text());
    Device device(from);
    ASSERT_TRUE(boot_with_cut(device, id, work));
    if (operation % second == 0) {
      const auto recovery = [](Device& d) { (void)d.boot(true); };
      const std::uint64_t more = operations_of(device, recovery);
      for (std::uint64_t part = 0; part < 3 && more != 0; ++part) {
        Device twice(device);
        const CutId again{1 + (operation * 31 + part * 1009) % more,
                          id.seed + static_cast<std::uint32_t>(part)};
        SCOPED_TRACE("and then " + again.text());
        (void)boot_with_cut(twice, again, recovery);
        twice.power.never_cut();
        check(twice);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
    device.power.never_cut();
    check(device);
    if (::testing::Test::HasFatalFailure()) return;
  }
  std::printf("%llu operations\n", static_cast<unsigned long long>(operations));
}

TEST(UpgradePowerLoss, AnUpdateIsDoneWhereverThePowerFails) {
  cut_everywhere(
      asked(), [](Device& device) { (void)device.boot(); },
      [](Device& device) {
        const Outcome outcome = device.boot(true);
        ASSERT_TRUE(outcome.runs);
        ASSERT_EQ(outcome.manifest, new_release().hash());
        ASSERT_TRUE(outcome.on_trial);
        ASSERT_TRUE(all_new(device));
        device.confirm();
        ASSERT_EQ(device.boot().manifest, new_release().hash());
      },
      5);
}

TEST(UpgradePowerLoss, AReturnIsDoneWhereverThePowerFails) {
  const auto until_proven = [](Device& device) {
    for (unsigned i = 0; i < 20 && device.boot().on_trial; ++i) {
    }
  };
  cut_everywhere(
      on_trial(), until_proven,
      [&](Device& device) {
        Outcome outcome = device.boot(true);
        for (unsigned i = 0; i < 20 && outcome.on_trial; ++i) outcome = device.boot();
        ASSERT_TRUE(outcome.runs);
        ASSERT_EQ(outcome.manifest, old_release().hash());
        ASSERT_EQ(device.boot_record().bootrom, Copy::A);
        ASSERT_EQ(device.update_record().error, UpdateError::TrialFailed);
        device.confirm();
        ASSERT_EQ(device.boot().manifest, old_release().hash());
      },
      5);
}

TEST(UpgradePowerLoss, TheRepairOfADecayedKernelIsDoneWhereverThePowerFails) {
  Device decayed(on_trial());
  decayed.confirm();
  decayed.flash.spoil(kKernel.address() + 64);
  cut_everywhere(
      decayed, [](Device& device) { (void)device.boot(); },
      [](Device& device) {
        const Outcome outcome = device.boot(true);
        ASSERT_TRUE(outcome.runs);
        ASSERT_EQ(outcome.manifest, old_release().hash());
      },
      5);
}

TEST(UpgradePowerLoss, TheRatchetIsRaisedWhereverThePowerFails) {
  cut_everywhere(
      with_newer_ratchet(), [](Device& device) { (void)device.boot(); },
      [](Device& device) {
        ASSERT_TRUE(device.boot(true).runs);
        ASSERT_EQ(device.burnt, 4u);
        device.flash.spoil(kKernel.address() + 4096);
        ASSERT_TRUE(device.boot().runs);
      },
      5);
}

TEST(UpgradePowerLoss, AConfirmationCutOffIsMadeAgain) {
  for (std::uint64_t operation = 1; operation <= 6; ++operation) {
    for (std::uint32_t seed = 0; seed < 50; ++seed) {
      const CutId id{operation, seed};
      SCOPED_TRACE("MICROVISOR_REPLAY=" + id.text());
      Device device(on_trial());
      (void)boot_with_cut(device, id, [](Device& d) { d.confirm(); });
      device.power.never_cut();
      ASSERT_EQ(device.boot(true).manifest, new_release().hash());
      device.confirm();
      ASSERT_FALSE(device.boot_record().on_trial);
      ASSERT_EQ(device.update_record().phase, Phase::Confirmed);
    }
  }
}

TEST(UpgradePowerLoss, AgainAndAgainNeverUsesAnythingUp) {
  // The power fails after ever longer times, more often than there are starts; in the end it stays.
  Device device(asked());
  for (std::uint64_t round = 0; round < 60; ++round) {
    (void)boot_with_cut(device, CutId{1 + round * 7, static_cast<std::uint32_t>(round)},
                        [](Device& d) { (void)d.boot(true); });
    device.power.never_cut();
    if (device.update_record().phase >= Phase::Trial) break;
  }
  const Outcome outcome = device.boot(true);
  ASSERT_TRUE(outcome.runs);
  EXPECT_TRUE(outcome.manifest == new_release().hash());
}

}  // namespace
}  // namespace microvisor::firmware::upgrader
