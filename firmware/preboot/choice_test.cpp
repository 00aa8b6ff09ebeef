// What preboot chooses, start by start, and that losing power while it counts changes nothing that matters.
#include "firmware/preboot/choice.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware {
namespace {

using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;
using vault::BootRecord;
using vault::Copy;

constexpr bool kReset = false, kPowerLoss = true;

BootRecord trial(std::uint8_t starts) {
  BootRecord record;
  record.bootrom = Copy::B;
  record.on_trial = true;
  record.starts_left = starts;
  return record;
}

BootRecord upgrade(std::uint8_t starts) {
  BootRecord record;
  record.run_upgrader = true;
  record.starts_left = starts;
  return record;
}

class BootChoiceTest : public ::testing::Test {
 protected:
  void put(const BootRecord& record) { ASSERT_TRUE(vault::write_boot_record(flash_, record)); }
  BootChoice start(bool after_power_loss) {
    return choose_stage(flash_, vault::read_boot_record(flash_), after_power_loss);
  }
  PowerSupply power_;
  FlashModel flash_{power_};
};

TEST_F(BootChoiceTest, AProvenKernelIsStartedWithoutWriting) {
  BootRecord record;
  record.bootrom = Copy::B;
  put(record);
  const std::uint64_t before = power_.operations();
  for (unsigned i = 0; i < 20; ++i)
    EXPECT_EQ(start(kReset), (BootChoice{BootStage::Bootrom, Copy::B, false}));
  EXPECT_EQ(power_.operations(), before);
}

TEST_F(BootChoiceTest, ATrialHasItsStartsAndThenThePreviousKernelIsAskedFor) {
  for (const bool cause : {kReset, kPowerLoss}) {
    put(trial(kTrialStarts));
    for (unsigned i = 0; i < kTrialStarts; ++i)
      ASSERT_EQ(start(cause), (BootChoice{BootStage::Bootrom, Copy::B, true})) << i;
    EXPECT_EQ(start(cause), (BootChoice{BootStage::Upgrader, Copy::A, true}));
    const BootRecord record = vault::read_boot_record(flash_);
    EXPECT_TRUE(record.restore);
    EXPECT_TRUE(record.run_upgrader);
  }
}

TEST_F(BootChoiceTest, AnUpgraderThatGetsNowhereGivesWayAndThenTheBootromDecides) {
  put(upgrade(kUpgraderStarts));
  for (const Copy copy : {Copy::A, Copy::B}) {
    const unsigned starts = kUpgraderStarts + (copy == Copy::B ? 1u : 0u);  // the one that brought it about
    for (unsigned i = 0; i < starts; ++i)
      ASSERT_EQ(start(kReset), (BootChoice{BootStage::Upgrader, copy, true})) << i;
  }
  EXPECT_EQ(start(kReset), (BootChoice{BootStage::Bootrom, Copy::A, false}));
  const BootRecord record = vault::read_boot_record(flash_);
  EXPECT_FALSE(record.run_upgrader);
  EXPECT_TRUE(record.restore) << "or the bootrom would call for it again, without end";
}

TEST_F(BootChoiceTest, PowerLossesNeverUseUpTheUpgrader) {
  put(upgrade(1));
  for (unsigned i = 0; i < 100; ++i)
    ASSERT_EQ(start(kPowerLoss), (BootChoice{BootStage::Upgrader, Copy::A, true})) << i;
}

/// What a loss of power in the first start of a trial with `starts` left may leave, and what comes of that.
void expect_counted_or_not(FlashModel& flash, std::uint8_t starts) {
  const BootRecord found = vault::read_boot_record(flash);
  ASSERT_EQ(found.bootrom, Copy::B);
  ASSERT_TRUE(found.on_trial);
  if (starts != 0) {
    ASSERT_TRUE(found.starts_left == starts || found.starts_left + 1 == starts);
  } else {
    ASSERT_TRUE(found.restore == found.run_upgrader);
  }
  // However it stands, the trial ends.
  BootChoice choice{};
  unsigned count = 0;
  do choice = choose_stage(flash, vault::read_boot_record(flash), kPowerLoss);
  while (choice.stage == BootStage::Bootrom && ++count < 10);
  ASSERT_EQ(choice.stage, BootStage::Upgrader);
  ASSERT_LE(count, starts);
}

TEST_F(BootChoiceTest, ALossOfPowerWhileCountingLeavesTheCountOrOneLess) {
  // From a page with so many rows used, so that the change of pages is among them.
  for (const unsigned used : {0u, 1u, 510u, 511u, 512u, 1023u}) {
    PowerSupply setup_power;
    FlashModel setup(setup_power);
    for (unsigned i = 0; i < used; ++i) ASSERT_TRUE(vault::write_boot_record(setup, BootRecord{}));
    for (const std::uint8_t starts : {std::uint8_t{3}, std::uint8_t{0}}) {
      PowerSupply base_power;
      FlashModel base(setup, base_power);
      ASSERT_TRUE(vault::write_boot_record(base, trial(starts)));
      for (std::uint64_t operation = 1; operation <= 2; ++operation) {
        for (std::uint32_t seed = 0; seed < 100; ++seed) {
          const CutId id{operation, seed};
          SCOPED_TRACE("used " + std::to_string(used) + ", MICROVISOR_REPLAY=" + id.text());
          PowerSupply power;
          FlashModel flash(base, power);
          power.cut(id);
          try {
            (void)choose_stage(flash, vault::read_boot_record(flash), kReset);
          } catch (const PowerCut&) {
          }
          power.never_cut();
          expect_counted_or_not(flash, starts);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware
