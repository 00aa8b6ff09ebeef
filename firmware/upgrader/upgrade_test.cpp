// Updates of Microvisor itself: what comes of one, of its trial, of the return, and of what is refused.
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "firmware/upgrader/testing/device.hpp"

namespace microvisor::firmware::upgrader {
namespace {

using namespace testing;
using update::UpdateError;

// ---- Without disturbance

TEST(Upgrade, ReplacesUpgraderBootromAndKernelAndKeepsThePrevious) {
  Device device(asked());
  const Outcome outcome = device.boot();
  ASSERT_TRUE(outcome.runs);
  EXPECT_TRUE(outcome.on_trial);
  EXPECT_EQ(outcome.manifest, new_release().hash());
  EXPECT_EQ(outcome.starts, 3u) << "old upgrader, new upgrader, new bootrom";
  EXPECT_TRUE(all_new(device));
  EXPECT_EQ(device.boot_record().bootrom, Copy::B);
  EXPECT_EQ(device.boot_record().upgrader, Copy::B);
  EXPECT_TRUE(device.holds_stage(kBootromPlaces, Copy::A, old_release().bootrom)) << "untouched";
  EXPECT_TRUE(device.holds_stage(kUpgraderPlaces, Copy::A, old_release().upgrader)) << "untouched";
  const KernelFinding previous = check_kernel(device.flash, kPreviousKernel, vendor().point, Device::ratchet);
  EXPECT_TRUE(accepted(previous));
  EXPECT_EQ(previous.manifest_hash, old_release().hash());
  device.confirm();
  EXPECT_EQ(device.update_record().phase, Phase::Confirmed);
  for (unsigned i = 0; i < 20; ++i) {
    const Outcome later = device.boot();
    ASSERT_EQ(later.manifest, new_release().hash());
    ASSERT_FALSE(later.on_trial);
    ASSERT_EQ(later.starts, 1u);
  }
}

TEST(Upgrade, WithoutBootStagesOnlyTheKernelIsReplaced) {
  Device device(factory_new());
  Release kernel_only = new_release();
  kernel_only.bootrom.clear();
  kernel_only.upgrader.clear();
  device.stage(kernel_only);
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.manifest, kernel_only.hash());
  EXPECT_EQ(outcome.starts, 2u);
  EXPECT_EQ(device.boot_record().bootrom, Copy::A);
}

TEST(Upgrade, AnUpdateAfterAnUpdateGoesBackToTheFirstCopies) {
  Device device(on_trial());
  device.confirm();
  const Release third = release(3, 10'000);
  device.stage(third);
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.manifest, third.hash());
  EXPECT_EQ(device.boot_record().bootrom, Copy::A);
  EXPECT_EQ(device.boot_record().upgrader, Copy::A);
  EXPECT_EQ(check_kernel(device.flash, kPreviousKernel, vendor().point, Device::ratchet).manifest_hash,
            new_release().hash());
}

TEST(Upgrade, AKernelThatDoesNotProveItselfGivesWay) {
  Device device(on_trial());
  Outcome outcome;
  unsigned boots = 0;
  do outcome = device.boot();
  while (outcome.on_trial && ++boots < 20);
  EXPECT_EQ(boots, kTrialStarts - 1u);
  EXPECT_EQ(outcome.manifest, old_release().hash());
  EXPECT_EQ(device.boot_record().bootrom, Copy::A) << "the bootrom returns with it";
  EXPECT_EQ(device.update_record().phase, Phase::Returned);
  EXPECT_EQ(device.update_record().error, UpdateError::TrialFailed);
  device.confirm();
  EXPECT_EQ(device.boot().manifest, old_release().hash());
  EXPECT_FALSE(device.boot_record().restore);
}

TEST(Upgrade, AKernelOnTrialThatGivesItselfUpGivesWayAtOnce) {
  Device device(on_trial());
  ASSERT_TRUE(device.give_up());
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.manifest, old_release().hash());
  EXPECT_EQ(outcome.starts, 2u);
  EXPECT_EQ(device.update_record().error, UpdateError::NotConnected);
  EXPECT_FALSE(device.give_up()) << "it is not on trial";
}

TEST(Upgrade, AProvenKernelWritesNothingWhenItConnects) {
  Device device(on_trial());
  device.confirm();
  vault::Store store(device.flash);
  ASSERT_EQ(store.mount(), vault::StoreStatus::Ok);
  Trial trial(device.flash, store);
  trial.begin(false);
  const std::uint64_t before = device.power.operations();
  for (unsigned i = 0; i < 10; ++i) trial.prove();
  EXPECT_EQ(device.power.operations(), before);
}

TEST(Upgrade, ABootromThatDoesNotGetToTheKernelGivesWay) {
  Device device(asked());
  device.broken_bootroms[1] = true;  // the new one
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.manifest, old_release().hash());
  EXPECT_EQ(device.boot_record().bootrom, Copy::A);
}

TEST(Upgrade, AnUpgraderThatGetsNowhereGivesWayAndTheUpdateIsRefused) {
  Device device(asked());
  device.broken_upgraders[1] = true;  // the new one
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.manifest, old_release().hash());
  EXPECT_FALSE(outcome.on_trial);
  EXPECT_EQ(device.update_record().phase, Phase::Refused);
  EXPECT_EQ(device.update_record().error, UpdateError::UpgraderFailed);
  EXPECT_EQ(device.boot_record().upgrader, Copy::A);
}

TEST(Upgrade, ADecayedKernelIsReplacedByThePrevious) {
  Device device(on_trial());
  device.confirm();
  device.flash.spoil(kKernel.address() + 4096);
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.manifest, old_release().hash());
  EXPECT_EQ(outcome.starts, 3u);
  EXPECT_EQ(device.boot_record().bootrom, Copy::B) << "a proven bootrom stays";
  // A second time there is nothing left to try before a kernel has proven itself.
  Device again(device);
  again.flash.spoil(kKernel.address() + 4096);
  EXPECT_FALSE(again.boot().runs);
  device.confirm();
  device.flash.spoil(kKernel.address() + 4096);
  EXPECT_EQ(device.boot().manifest, old_release().hash());
}

TEST(Upgrade, WithoutAPreviousKernelADecayedOneStopsTheDevice) {
  Device device(factory_new());
  device.flash.spoil(kKernel.address() + 4096);
  const Outcome outcome = device.boot();
  EXPECT_FALSE(outcome.runs);
  EXPECT_EQ(outcome.starts, Device::kTooMany);
  EXPECT_EQ(device.update_record().error, UpdateError::NoPreviousKernel);
}

TEST(Upgrade, ACallWithoutARequestChangesNothing) {
  Device device(factory_new());
  ASSERT_TRUE(ask_for_upgrade(device.flash));
  EXPECT_EQ(device.boot().manifest, old_release().hash());
  ASSERT_TRUE(ask_for_previous_kernel(device.flash));
  EXPECT_EQ(device.boot().manifest, old_release().hash());
}

// ---- The ratchet

TEST(Upgrade, TheRatchetFollowsAKernelThatHasProvenItselfAndNotBefore) {
  Device device(with_newer_ratchet());
  EXPECT_EQ(device.burnt, 2u) << "not before the next reset";
  const Outcome outcome = device.boot();
  EXPECT_EQ(outcome.starts, 2u);
  EXPECT_EQ(device.burnt, 4u);
  EXPECT_EQ(device.boot().starts, 1u);
  // The previous kernel is below it now; the kernel has become its own.
  device.flash.spoil(kKernel.address() + 4096);
  EXPECT_EQ(device.boot().manifest, outcome.manifest);
}

TEST(Upgrade, TheRatchetStaysWhereItIsIfTheKernelDoesNotProveItself) {
  Device device(factory_new());
  Release newer = new_release();
  newer.ratchet = 4;
  device.stage(newer);
  for (unsigned i = 0; i < 20 && device.boot().on_trial; ++i) {
  }
  EXPECT_EQ(device.burnt, 2u);
  EXPECT_EQ(device.boot().manifest, old_release().hash());
}

// ---- Refusals, each with its own error

struct Refusal {
  const char* name;
  UpdateError error;
  std::function<void(Release&)> change;
};

std::vector<Refusal> refusals() {
  static const SigningKey stranger(0x34);
  return {
      {"wrong signer", UpdateError::KernelSigner, [](Release& r) { r.key = &stranger; }},
      {"wrong device type", UpdateError::WrongDevice, [](Release& r) { r.device_type = 2; }},
      {"below the ratchet", UpdateError::Downgrade, [](Release& r) { r.ratchet = 1; }},
      {"gates", UpdateError::GateLayer, [](Release& r) { r.gates = Bytes(16, 1); }},
      {"bootrom and upgrader swapped", UpdateError::LayerContent,
       [](Release& r) { std::swap(r.bootrom, r.upgrader); }},
      {"kernel in the bootrom's place", UpdateError::LayerContent,
       [](Release& r) { r.bootrom = image(kKernel.address(), 4096, 5); }},
      {"bootrom in the kernel's place", UpdateError::LayerContent, [](Release& r) { r.kernel = r.bootrom; }},
      {"copies of the bootrom swapped", UpdateError::LayerContent,
       [](Release& r) {
         std::rotate(r.bootrom.begin(), r.bootrom.begin() + static_cast<std::ptrdiff_t>(r.bootrom.size() / 2),
                     r.bootrom.end());
       }},
      {"kernel cut short", UpdateError::LayerSize, [](Release& r) { r.kernel.resize(8); }},
      {"kernel too long", UpdateError::LayerSize,
       [](Release& r) { r.kernel.resize(kKernelMaximumSize + 1); }},
      {"bootrom cut short", UpdateError::LayerSize, [](Release& r) { r.bootrom.pop_back(); }},
      {"bootrom too long", UpdateError::LayerSize,
       [](Release& r) { r.bootrom.resize(2 * kBootromA.size() + 32); }},
  };
}

TEST(Upgrade, RefusesWhatTheVendorDidNotMeanForThisDevice) {
  for (const Refusal& refusal : refusals()) {
    SCOPED_TRACE(refusal.name);
    Device device(factory_new());
    Release changed = new_release();
    refusal.change(changed);
    device.stage(changed);
    const Outcome outcome = device.boot();
    EXPECT_EQ(outcome.manifest, old_release().hash());
    EXPECT_FALSE(outcome.on_trial);
    EXPECT_EQ(device.update_record().phase, Phase::Refused);
    EXPECT_EQ(device.update_record().error, refusal.error);
    for (const StagePlaces& places : {kBootromPlaces, kUpgraderPlaces}) {
      const Bytes& layer = places.a.first == kBootromA.first ? old_release().bootrom : old_release().upgrader;
      EXPECT_TRUE(device.holds_stage(places, Copy::A, layer));
      EXPECT_TRUE(device.holds_stage(places, Copy::B, layer));
    }
  }
}

TEST(Upgrade, RefusesWhatDoesNotHaveItsHashInTheNor) {
  // The attacker at the NOR's bus: one bit in each object, in its order there.
  std::uint32_t start = 0;
  const Bytes envelope = new_release().envelope();
  for (const Bytes* object :
       {&envelope, &new_release().kernel, &new_release().bootrom, &new_release().upgrader}) {
    Device device(asked());
    device.nor.bytes()[start + 9] ^= 1;
    EXPECT_EQ(device.boot().manifest, old_release().hash());
    EXPECT_EQ(device.update_record().error, UpdateError::Hash) << start;
    start += (static_cast<std::uint32_t>(object->size()) + 4095) / 4096 * 4096;
  }
}

TEST(Upgrade, ANorThatIsGoneLeavesTheOldKernel) {
  Device device(asked());
  device.nor.disconnect();
  EXPECT_EQ(device.boot().manifest, old_release().hash());
  EXPECT_EQ(device.update_record().error, UpdateError::Storage);
}

}  // namespace
}  // namespace microvisor::firmware::upgrader
