// A device for tests of updates of Microvisor itself: its memories, which lose power, and what preboot,
// upgrader, bootrom and kernel make of them at a start, by their own code. Two releases for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/preboot/choice.hpp"
#include "firmware/preboot/requests.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/update/testing/memories.hpp"
#include "firmware/upgrader/trial.hpp"
#include "firmware/upgrader/upgrade.hpp"

namespace microvisor::firmware::upgrader::testing {

using manifest::testing::Bytes;
using manifest::testing::Message;
using manifest::testing::SigningKey;
using storage::testing::PowerCut;
using update::testing::Memories;
using update::testing::OpenedStaging;
using vault::Copy;

inline constexpr std::uint32_t kRegionKernel = 1, kRegionGates = 2, kRegionBoot = 3, kRegionUpgrader = 4;

inline const SigningKey& vendor() {
  static const SigningKey key(0x33);
  return key;
}

/// Contents that depend on `seed`, beginning like an image linked for `address`.
inline Bytes image(std::uint32_t address, std::size_t size, std::uint32_t seed) {
  Bytes bytes = update::testing::varied_bytes(size, seed);
  storage::put32(bytes, 0, kMicrovisorRam + kMicrovisorRamSize);
  storage::put32(bytes, 4, address + 9);
  return bytes;
}

/// Both copies of a stage, as its layer holds them.
inline Bytes stage_layer(const StagePlaces& places, std::size_t half, std::uint32_t seed) {
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

inline Release release(std::uint32_t seed, std::size_t size) {
  Release value;
  value.kernel = image(kKernel.address(), size, seed);
  value.bootrom = stage_layer(kBootromPlaces, 2048 + 16 * seed, seed + 1);
  value.upgrader = stage_layer(kUpgraderPlaces, 3072 + 16 * seed, seed + 2);
  return value;
}

inline const Release& old_release() {
  static const Release value = release(1, 9'008);
  return value;
}
inline const Release& new_release() {
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

struct Device : Memories {
  Device() : Memories(kStagingSize) { manifest::testing::initialise_crypto(); }
  Device(const Device& other) : Memories(other), burnt(other.burnt), newest(other.newest) {}
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
    OpenedStaging opened(*this);
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
    OpenedStaging opened(*this);
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
  std::uint32_t burnt = 2;
  manifest::KernelManifest newest;  // of the kernel that was entered last
  bool broken_bootroms[2] = {false, false};
  bool broken_upgraders[2] = {false, false};
};

/// Runs the old release and has nothing else; made once.
inline const Device& factory_new() {
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
inline const Device& asked() {
  static const std::unique_ptr<Device> device = [] {
    auto value = std::make_unique<Device>(factory_new());
    value->stage(new_release());
    return value;
  }();
  return *device;
}

/// And runs the new one, on trial.
inline const Device& on_trial() {
  static const std::unique_ptr<Device> device = [] {
    auto value = std::make_unique<Device>(asked());
    EXPECT_TRUE(value->boot().on_trial);
    return value;
  }();
  return *device;
}

inline bool all_new(Device& device) {
  const vault::BootRecord record = device.boot_record();
  return device.holds_stage(kBootromPlaces, record.bootrom, new_release().bootrom) &&
         device.holds_stage(kUpgraderPlaces, record.upgrader, new_release().upgrader);
}

/// Runs a kernel with ratchet 4, which has just proven itself.
inline const Device& with_newer_ratchet() {
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

}  // namespace microvisor::firmware::upgrader::testing
