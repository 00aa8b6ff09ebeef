// Updates of Microvisor itself on memories that lose power: whatever happens, a kernel runs that is exactly
// the old or exactly the new one, and an update that was asked for is done.
//
// A device here is its memories; a start is what preboot, upgrader and bootrom make of them, by their own
// code. A failing case prints MICROVISOR_REPLAY=operation:seed, and with that variable set the same test
// repeats it alone.
#include "firmware/upgrader/upgrade.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/preboot/choice.hpp"
#include "firmware/preboot/requests.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/storage/testing/flash_model.hpp"
#include "firmware/upgrader/trial.hpp"

namespace microvisor::firmware::upgrader {
namespace {

using manifest::testing::Bytes;
using manifest::testing::Message;
using manifest::testing::SigningKey;
using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::NorModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;
using update::UpdateError;
using vault::Copy;

constexpr std::uint32_t kRegionKernel = 1, kRegionGates = 2, kRegionBoot = 3, kRegionUpgrader = 4;

const SigningKey& vendor() {
  static const SigningKey key(0x33);
  return key;
}

/// Bytes that depend on `seed`, with blank stretches, beginning like an image linked for `address`.
Bytes image(std::uint32_t address, std::size_t size, std::uint32_t seed) {
  Bytes bytes(size);
  std::uint32_t state = seed * 2654435761u + 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes[i] = i / 64 % 5 == 3 ? std::uint8_t{0xFF} : static_cast<std::uint8_t>(state >> 24);
  }
  storage::put32(bytes, 0, kMicrovisorRam + kMicrovisorRamSize);
  storage::put32(bytes, 4, address + 9);
  return bytes;
}

/// Both copies of a stage, as its layer holds them.
Bytes stage_layer(const StagePlaces& places, std::size_t half, std::uint32_t seed) {
  Bytes layer = image(places.a.address(), half, seed);
  const Bytes second = image(places.b.address(), half, seed + 100);
  layer.insert(layer.end(), second.begin(), second.end());
  return layer;
}

/// A version of Microvisor as the cloud has it. Each part may be changed before it is signed.
struct Release {
  Bytes kernel;
  Bytes bootrom;   // empty: no such layer
  Bytes upgrader;  // likewise
  std::optional<Bytes> gates;
  std::uint32_t ratchet = 2;
  std::uint32_t device_type = manifest::kDeviceType;
  const SigningKey* key = &vendor();

  [[nodiscard]] Bytes envelope() const {
    Message body;
    const auto add = [&](std::uint32_t region, const Bytes& layer) {
      body.message(1, Message().number(1, region).bytes(3, crypto::sha256(layer)));
    };
    add(kRegionKernel, kernel);
    if (!bootrom.empty()) add(kRegionBoot, bootrom);
    if (!upgrader.empty()) add(kRegionUpgrader, upgrader);
    if (gates) add(kRegionGates, *gates);
    body.message(2, Message().number(1, ratchet).number(2, device_type).number(4, 7));
    // A signature is another each time: one for each body and key.
    static std::map<std::pair<std::uint64_t, Bytes>, Bytes> signed_bodies;
    Bytes& known = signed_bodies[{key->id(), body.data()}];
    if (known.empty()) known = manifest::testing::sign(*key, body);
    return known;
  }
  [[nodiscard]] crypto::Digest hash() const { return crypto::sha256(envelope()); }
};

Release release(std::uint32_t seed, std::size_t size) {
  Release value;
  value.kernel = image(kKernel.address(), size, seed);
  value.bootrom = stage_layer(kBootromPlaces, 2048 + 16 * seed, seed + 1);
  value.upgrader = stage_layer(kUpgraderPlaces, 3072 + 16 * seed, seed + 2);
  return value;
}

const Release& old_release() {
  static const Release value = release(1, 9'008);
  return value;
}
const Release& new_release() {
  static const Release value = release(2, 12'345);
  return value;
}

/// What comes out of starts in a row.
struct Outcome {
  bool runs = false;  // a kernel was entered
  crypto::Digest manifest{};
  bool on_trial = false;
  unsigned starts = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Vault and staging area as a start opens them.
struct Opened {
  Opened(FlashModel& flash, NorModel& nor) : store(flash), staging(nor, store, staging_key, nullptr) {
    store.seal_with(journal_key);
    EXPECT_EQ(store.mount(), vault::StoreStatus::Ok);
    staging.mount();
  }
  const crypto::SealingKey journal_key = crypto::device_key(crypto::KeyUse::Journal);
  const crypto::SealingKey staging_key = crypto::device_key(crypto::KeyUse::Staging);
  vault::Store store;
  update::Staging staging;
};

struct Device {
  Device() : flash(power), nor(power, kStagingSize) { manifest::testing::initialise_crypto(); }
  Device(const Device& other)
      : flash(other.flash, power), nor(other.nor, power), burnt(other.burnt), newest(other.newest) {}
  Device& operator=(const Device&) = delete;
  ~Device() {
    if (current == this) current = nullptr;
  }

  void write(std::uint32_t address, const Bytes& bytes) {
    std::array<std::uint8_t, 128> burst{};
    for (std::size_t at = 0; at < bytes.size(); at += burst.size()) {
      burst.fill(0xFF);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), std::min(burst.size(), bytes.size() - at),
                  burst.begin());
      ASSERT_EQ(flash.program_burst(address + static_cast<std::uint32_t>(at), burst),
                storage::FlashStatus::Ok);
    }
  }
  void write_kernel(Pages pages, const Release& from) {
    const Bytes envelope = from.envelope();
    Bytes trailer(sizeof(KernelTrailer));
    storage::put32(trailer, 0, kKernelTrailerMagic);
    storage::put32(trailer, 4, static_cast<std::uint32_t>(from.kernel.size()));
    storage::put32(trailer, 8, static_cast<std::uint32_t>(envelope.size()));
    trailer.insert(trailer.end(), envelope.begin(), envelope.end());
    write(pages.address(), from.kernel);
    write(pages.end() - kKernelTrailerSize, trailer);
  }
  void write_stage(const StagePlaces& places, const Bytes& layer) {
    const auto middle = layer.begin() + static_cast<std::ptrdiff_t>(layer.size() / 2);
    write(places.a.address(), Bytes(layer.begin(), middle));
    write(places.b.address(), Bytes(middle, layer.end()));
  }
  [[nodiscard]] bool holds(Pages pages, const Bytes& image) {
    const auto bytes = flash.bytes(pages.address(), pages.size());
    return std::equal(image.begin(), image.end(), bytes.begin()) &&
           std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(image.size()), bytes.end(),
                       [](std::uint8_t byte) { return byte == 0xFF; });
  }
  [[nodiscard]] bool holds_stage(const StagePlaces& places, Copy copy, const Bytes& layer) {
    const auto middle = layer.begin() + static_cast<std::ptrdiff_t>(layer.size() / 2);
    return holds(places.of(copy),
                 copy == Copy::A ? Bytes(layer.begin(), middle) : Bytes(middle, layer.end()));
  }

  /// What the kernel's half of an update leaves: everything staged, and the request.
  void stage(const Release& wanted) {
    Opened opened(flash, nor);
    update::Staging& staging = opened.staging;
    const Bytes envelope = wanted.envelope();
    std::vector<crypto::Digest> keep;
    for (const Bytes* object : {&envelope, &wanted.kernel, &wanted.bootrom, &wanted.upgrader}) {
      if (object->empty()) continue;
      keep.push_back(crypto::sha256(*object));
      std::uint32_t offset = 0;
      ASSERT_EQ(staging.open(keep.back(), static_cast<std::uint32_t>(object->size()), keep, offset),
                update::StagingStatus::Ok);
      ASSERT_EQ(staging.write(*object), update::StagingStatus::Ok);
      ASSERT_EQ(staging.finish(), update::StagingStatus::Ok);
    }
    UpdateRecord record;
    record.phase = Phase::Requested;
    record.target = crypto::sha256(envelope);
    ASSERT_TRUE(save_update(opened.store, record));
    ASSERT_TRUE(ask_for_upgrade(flash));
  }
  [[nodiscard]] UpdateRecord update_record() {
    vault::Store store(flash);
    EXPECT_EQ(store.mount(), vault::StoreStatus::Ok);
    return load_update(store);
  }
  [[nodiscard]] vault::BootRecord boot_record() { return vault::read_boot_record(flash); }
  /// What the kernel does once it has reached the cloud.
  void confirm() {
    vault::Store store(flash);
    ASSERT_EQ(store.mount(), vault::StoreStatus::Ok);
    Trial trial(flash, store);
    trial.begin(newest.security_ratchet > ratchet());
    trial.prove();
    ASSERT_FALSE(trial.running());
  }
  /// What it does when its time is over. True: it resets.
  bool give_up() {
    vault::Store store(flash);
    EXPECT_EQ(store.mount(), vault::StoreStatus::Ok);
    Trial trial(flash, store);
    trial.begin(false);
    return trial.running() && trial.give_up();
  }

  void run_upgrader(Copy copy) {
    Opened opened(flash, nor);
    current = this;
    const Machine machine{copy, vendor().point, ratchet, raise_ratchet, nullptr};
    Upgrade(flash, opened.store, opened.staging, machine).run();
  }
  /// One start: preboot, and what it chooses. True if a kernel was entered.
  bool start(Outcome& outcome, bool after_power_loss) {
    ++outcome.starts;
    const BootChoice choice = choose_stage(flash, vault::read_boot_record(flash), after_power_loss);
    if (choice.stage == BootStage::Upgrader) {
      if (!broken_upgraders[static_cast<unsigned>(choice.copy)]) run_upgrader(choice.copy);
      return false;
    }
    if (broken_bootroms[static_cast<unsigned>(choice.copy)]) return false;
    current = this;
    const KernelFinding found = check_kernel(flash, kKernel, vendor().point, ratchet);
    if (!accepted(found)) {
      if (!ask_for_previous_kernel(flash)) outcome.starts = kTooMany;  // it stops for good
      return false;
    }
    outcome.runs = true;
    outcome.manifest = found.manifest_hash;
    outcome.on_trial = choice.watched;
    newest = found.manifest;
    return true;
  }
  /// Starts until a kernel is entered.
  Outcome boot(bool after_power_loss = false) {
    Outcome outcome;
    while (outcome.starts < kTooMany && !start(outcome, after_power_loss)) after_power_loss = false;
    return outcome;
  }

  static constexpr unsigned kTooMany = 40;
  /// OTP of the device that runs; one at a time.
  static inline Device* current = nullptr;
  static std::uint32_t ratchet() { return current == nullptr ? 2 : current->burnt; }
  static bool raise_ratchet(storage::Flash&) {
    if (current->power.fails_now()) throw PowerCut{};
    return ++current->burnt <= kRatchetSteps;
  }
  PowerSupply power;
  FlashModel flash;
  NorModel nor;
  std::uint32_t burnt = 2;
  manifest::KernelManifest newest;  // of the kernel that was entered last
  bool broken_bootroms[2] = {false, false};
  bool broken_upgraders[2] = {false, false};
};

/// Runs the old release and has nothing else; made once.
const Device& factory_new() {
  static const std::unique_ptr<Device> device = [] {
    auto value = std::make_unique<Device>();
    value->write_kernel(kKernel, old_release());
    value->write_stage(kBootromPlaces, old_release().bootrom);
    value->write_stage(kUpgraderPlaces, old_release().upgrader);
    EXPECT_TRUE(vault::write_boot_record(value->flash, {}));
    return value;
  }();
  return *device;
}

/// And has been asked for the new one.
const Device& asked() {
  static const std::unique_ptr<Device> device = [] {
    auto value = std::make_unique<Device>(factory_new());
    value->stage(new_release());
    return value;
  }();
  return *device;
}

/// And runs the new one, on trial.
const Device& on_trial() {
  static const std::unique_ptr<Device> device = [] {
    auto value = std::make_unique<Device>(asked());
    EXPECT_TRUE(value->boot().on_trial);
    return value;
  }();
  return *device;
}

bool all_new(Device& device) {
  const vault::BootRecord record = device.boot_record();
  return device.holds_stage(kBootromPlaces, record.bootrom, new_release().bootrom) &&
         device.holds_stage(kUpgraderPlaces, record.upgrader, new_release().upgrader);
}

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

/// Runs a kernel with ratchet 4, which has just proven itself.
const Device& with_newer_ratchet() {
  static const std::unique_ptr<Device> device = [] {
    auto value = std::make_unique<Device>(factory_new());
    Release newer = new_release();
    newer.ratchet = 4;
    value->stage(newer);
    EXPECT_TRUE(value->boot().on_trial);
    value->confirm();
    return value;
  }();
  return *device;
}

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

TEST(Upgrade, RefusesWhatTheVendorDidNotMeanForThisDevice) {
  static const SigningKey stranger(0x34);
  const Refusal refusals[] = {
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
  for (const Refusal& refusal : refusals) {
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

// ---- Power loss

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
