// An update of Microvisor itself over the link: what the kernel does of it, up to the request that the
// upgrader finds; and each refusal with its code, the connection going on.
#include <gtest/gtest.h>

#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/layout.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/upgrader/update_record.hpp"
#include "firmware/vault/boot_record.hpp"
#include "firmware/vault/layer_keys.hpp"
#include "protocol/bundle/layer_encryption.hpp"
#include "protocol/bundle/manifest.hpp"
#include "protocol/transfer/encoder.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

namespace fw = firmware;
using fw::manifest::testing::Message;
using fw::update::UpdateError;
using Strings = std::vector<std::string>;

constexpr std::uint32_t kKernel = 1, kGates = 2, kBoot = 3, kUpgrader = 4;

/// Begins like an image linked for `address` (stack at the end of our RAM, entry inside).
protocol::Bytes image(std::uint32_t address, std::size_t size, std::uint8_t fill) {
  protocol::Bytes bytes(size, fill);
  fw::storage::put32(bytes, 0, fw::kMicrovisorRam + fw::kMicrovisorRamSize);
  fw::storage::put32(bytes, 4, address + 9);
  return bytes;
}

protocol::Bytes both(fw::Pages a, fw::Pages b, std::size_t half, std::uint8_t fill) {
  protocol::Bytes layer = image(a.address(), half, fill);
  const protocol::Bytes second = image(b.address(), half, fill);
  layer.insert(layer.end(), second.begin(), second.end());
  return layer;
}

struct Release {
  std::vector<std::pair<std::uint32_t, protocol::Bytes>> layers{
      {kKernel, image(fw::kKernel.address(), 60'000, 1)},
      {kBoot, both(fw::kBootromA, fw::kBootromB, 8'000, 2)},
      {kUpgrader, both(fw::kUpgraderA, fw::kUpgraderB, 12'000, 3)}};
  std::uint32_t ratchet = 0;
  std::uint32_t device_type = fw::manifest::kDeviceType;
  const protocol::SigningKey* layer_key = nullptr;  // layers are encrypted to it
  std::size_t cut = 0;                              // bytes that are missing at the ends of the ciphertexts
  bool becomes_another = false;                     // the manifest has other hashes than those of the layers
};

class LinkKernelUpdate : public ::testing::Test {
 protected:
  LinkKernelUpdate() : device(line, gateway, owner.public_key()) { device.vendor = vendor.public_key(); }

  protocol::Hash deploy(const Release& release, const protocol::SigningKey& signer) {
    Message body;
    for (const auto& [region, layer] : release.layers) {
      if (!release.layer_key || layer.empty()) {
        body.message(1, Message().number(1, region).bytes(3, protocol::sha256(layer)));
        gateway.add_object(layer);
        continue;
      }
      protocol::Bytes sealed = protocol::encrypt_layer(layer, release.layer_key->public_key());
      sealed.resize(sealed.size() - release.cut);
      body.message(1,
                   Message()
                       .number(1, region)
                       .number(2, protocol::layer_key_id(release.layer_key->public_key()))
                       .bytes(3, protocol::sha256(sealed))
                       .bytes(1000, protocol::sha256(release.becomes_another ? protocol::Bytes{1} : layer)));
      gateway.add_object(sealed);
    }
    body.message(2, Message().number(1, release.ratchet).number(2, release.device_type).number(4, 7));
    const protocol::Bytes manifest = protocol::sign_envelope(body.data(), signer);
    gateway.add_object(manifest);
    gateway.set_kernel_target(protocol::sha256(manifest));
    return protocol::sha256(manifest);
  }
  void give_layer_key(const protocol::SigningKey& key) {
    fw::vault::LayerKeys keys;
    fw::vault::LayerKey each{protocol::layer_key_id(key.public_key()), {}};
    std::ranges::copy(key.private_scalar(), each.secret.begin());
    ASSERT_TRUE(keys.add(each));
    ASSERT_TRUE(fw::vault::write_layer_keys(device.store(), {}, device.anchors().sequence, keys));
  }
  [[nodiscard]] Strings reports() { return gateway.seen().kernel_reports; }
  [[nodiscard]] bool reported(const std::string& text) {
    const Strings seen = reports();
    return std::find(seen.begin(), seen.end(), text) != seen.end();
  }
  [[nodiscard]] fw::upgrader::UpdateRecord record() { return fw::upgrader::load_update(device.store()); }
  /// The release is refused with this code, nothing is asked of the upgrader, and the connection goes on.
  void expect_refused(const Release& release, const protocol::SigningKey& signer, UpdateError error) {
    deploy(release, signer);
    const std::string failed = "FAILED " + std::to_string(static_cast<int>(error));
    ASSERT_TRUE(device.run_until([&] { return reported(failed); })) << failed;
    EXPECT_EQ(device.installs, 0U);
    EXPECT_EQ(record().phase, fw::upgrader::Phase::Idle);
    EXPECT_FALSE(fw::vault::read_boot_record(device.flash()).run_upgrader);
    EXPECT_EQ(gateway.seen().sessions, 1U) << gateway.seen().ends.back();
    device.log.push_back("still here");
    EXPECT_TRUE(device.run_until([&] { return !gateway.seen().log.empty(); }));
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  protocol::SigningKey vendor = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
};

TEST_F(LinkKernelUpdate, IsFetchedCheckedAndAskedFor) {
  const auto hash = deploy({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1 && reported("INSTALLING_APP"); }));
  EXPECT_EQ(reports(), (Strings{"FETCHING", "INSTALLING_APP"}));
  EXPECT_EQ(record().phase, fw::upgrader::Phase::Requested);
  EXPECT_EQ(record().target, hash);
  EXPECT_TRUE(fw::vault::read_boot_record(device.flash()).run_upgrader);
  EXPECT_TRUE(gateway.seen().reports.empty()) << "the application has no part in it";
}

/// The device has the key that the release's layers are encrypted to.
class LinkEncryptedKernelUpdate : public LinkKernelUpdate {
 protected:
  LinkEncryptedKernelUpdate() {
    give_layer_key(layer_key);
    release.layer_key = &layer_key;
  }
  protocol::SigningKey layer_key = protocol::SigningKey::generate();
  Release release;
};

TEST_F(LinkEncryptedKernelUpdate, LayersAreDecryptedBeforeTheUpgraderIsAsked) {
  const auto hash = deploy(release, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1 && reported("INSTALLING_APP"); }));
  EXPECT_EQ(record().target, hash);
  for (const auto& [region, layer] : release.layers) {
    fw::crypto::Digest plain{};
    std::ranges::copy(protocol::sha256(layer), plain.begin());
    EXPECT_TRUE(device.updater().staging().is_complete(plain)) << "what the upgrader will look for";
  }
}

TEST_F(LinkKernelUpdate, RefusesLayersToWhichItHasNoKey) {
  const auto key = protocol::SigningKey::generate();
  Release release;
  release.layer_key = &key;
  expect_refused(release, vendor, UpdateError::NoLayerKey);
}

TEST_F(LinkEncryptedKernelUpdate, RefusesALayerThatWasCut) {
  release.cut = 1;
  expect_refused(release, vendor, UpdateError::Decryption);
}

TEST_F(LinkEncryptedKernelUpdate, RefusesALayerThatBecomesAnother) {
  release.becomes_another = true;
  expect_refused(release, vendor, UpdateError::Measurement);
}

/// A device that runs `running`, which the gateway knows, and is to run `later`.
class LinkKernelDifference : public LinkKernelUpdate {
 protected:
  LinkKernelDifference() {
    device.install_kernel(running);
    device.reset();
    release.layers[0].second = later;
    gateway.encode_against(running, fw::kKernel.address());
  }
  void expect_staged(const Release& wanted) {
    for (const auto& [region, layer] : wanted.layers) {
      fw::crypto::Digest name{};
      std::ranges::copy(protocol::sha256(layer), name.begin());
      EXPECT_TRUE(device.updater().staging().is_complete(name)) << "region " << region;
    }
  }
  void expect_update(const Strings& encodings) {
    deploy(release, vendor);
    ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }, 300));
    EXPECT_EQ(gateway.seen().encodings, encodings);
    EXPECT_FALSE(reported("FAILED 2"));
    EXPECT_EQ(record().phase, fw::upgrader::Phase::Requested);
    expect_staged(release);
  }
  [[nodiscard]] std::uint64_t travelled() { return gateway.seen().object_bytes; }

  /// Numbers that do not compress.
  static protocol::Bytes numbers(std::size_t size, std::uint32_t seed) {
    protocol::Bytes bytes = image(fw::kKernel.address(), size, 0);
    for (std::size_t i = 8; i < size; ++i)
      bytes[i] = static_cast<std::uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
    return bytes;
  }
  const protocol::Bytes running = numbers(90'000, 1);
  const protocol::Bytes later = [this] {
    protocol::Bytes changed = running;
    for (std::size_t i = 100; i < changed.size(); i += 2'000) changed[i] ^= 0x55;
    changed.resize(95'000, 0x77);
    return changed;
  }();
  Release release;
};

TEST_F(LinkKernelDifference, TheKernelTravelsAsADifferenceAndTheStagesCompressed) {
  expect_update({"difference", "compressed", "compressed"});
  EXPECT_LT(travelled(), later.size() / 20) << "the stages are made of one byte each";
}

TEST_F(LinkKernelDifference, AKernelThatTheGatewayDoesNotKnowCostsBytesOnly) {
  protocol::Bytes other = running;
  for (std::size_t i = 0; i < other.size(); i += 500) other[i] ^= 1;
  gateway.encode_against(other, fw::kKernel.address());
  expect_update({"difference", "compressed", "compressed"});
  EXPECT_GT(travelled(), later.size()) << "and then it came as it is";
}

TEST_F(LinkKernelDifference, SoDoesOneOfAnotherSize) {
  gateway.encode_against(numbers(50'000, 1), fw::kKernel.address());
  expect_update({"difference", "compressed", "compressed"});
  EXPECT_GT(travelled(), later.size());
}

TEST_F(LinkKernelDifference, ADeviceThatDoesNotKnowWhatItRunsOffersNoBase) {
  device.install_kernel({});
  device.reset();
  expect_update({"compressed", "compressed", "compressed"});
}

TEST_F(LinkKernelDifference, GoesOnAtASegmentWhereTheConnectionBroke) {
  release.layers[0].second = numbers(90'000, 2);  // nothing in common, but for what follows
  std::fill(release.layers[0].second.begin() + 45'000, release.layers[0].second.end(), std::uint8_t{3});
  const auto encoding =
      protocol::transfer::encode(release.layers[0].second, {running, fw::kKernel.address()});
  gateway.cut_after(40'000);
  expect_update({"difference", "difference", "compressed", "compressed"});
  EXPECT_GE(gateway.seen().sessions, 2U);
  EXPECT_LT(travelled(), encoding.size() + 2 * protocol::transfer::kSegmentBytes + 4'000)
      << "a segment twice, manifest and stages";
}

TEST_F(LinkKernelDifference, EncryptedLayersTravelAsTheyAre) {
  const auto key = protocol::SigningKey::generate();
  give_layer_key(key);
  release.layer_key = &key;
  expect_update({});
}

TEST_F(LinkKernelUpdate, AnotherTargetTakesTheRequestBack) {
  deploy({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }));
  Release other;
  other.layers[0].second[100] ^= 1;
  const auto hash = deploy(other, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 2; }));
  EXPECT_EQ(device.withdrawals, 1U);
  EXPECT_EQ(record().target, hash);
}

TEST_F(LinkKernelUpdate, ARequestCutOffBetweenItsTwoRecordsIsMadeAgain) {
  const auto hash = deploy({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }));
  ASSERT_TRUE(fw::vault::write_boot_record(device.flash(), {}));  // as it was before
  device.reset();
  EXPECT_EQ(record().phase, fw::upgrader::Phase::Idle);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 2; }));
  EXPECT_EQ(record().phase, fw::upgrader::Phase::Requested);
  EXPECT_EQ(record().target, hash);
  EXPECT_TRUE(fw::vault::read_boot_record(device.flash()).run_upgrader);
  EXPECT_FALSE(reported("FAILED 26"));
}

TEST_F(LinkKernelUpdate, GoesOnWhereTheConnectionBroke) {
  gateway.cut_after(40'000);
  deploy({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }, 300));
  EXPECT_GE(gateway.seen().sessions, 2U);
}

TEST_F(LinkKernelUpdate, TheKernelGoesFirstAndTheApplicationFollows) {
  const protocol::Bytes application(30'000, 9);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(application, {}), owner);
  gateway.offer(application, *manifest);
  deploy({}, vendor);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 2; }));
  EXPECT_EQ(device.updater().phase(), fw::update::Phase::Ready);
  EXPECT_EQ(device.kernel_updater().phase(), fw::update::Phase::Ready);
}

TEST_F(LinkKernelUpdate, TheKernelThatRunsIsNotFetched) {
  device.running_kernel = deploy({}, vendor);
  device.reset();
  device.log.push_back("settled");
  ASSERT_TRUE(device.run_until([&] { return !gateway.seen().log.empty(); }));
  EXPECT_TRUE(reports().empty());
  EXPECT_EQ(gateway.seen().kernel_hashes.back(), protocol::to_hex(device.running_kernel));
}

TEST_F(LinkKernelUpdate, AReturnIsReportedOnceAndNotTriedAgainUntilNamedAnew) {
  const auto hash = deploy({}, vendor);
  fw::upgrader::UpdateRecord returned;
  returned.phase = fw::upgrader::Phase::Returned;
  returned.error = UpdateError::TrialFailed;
  returned.target = hash;
  ASSERT_TRUE(fw::upgrader::save_update(device.store(), returned));
  device.reset();
  ASSERT_TRUE(device.run_until([&] { return reported("FAILED 27"); }));
  device.reset();
  device.log.push_back("settled");
  ASSERT_TRUE(device.run_until([&] { return !gateway.seen().log.empty(); }));
  EXPECT_TRUE(record().reported);
  EXPECT_EQ(reports().front(), "FAILED 27");
}

TEST_F(LinkKernelUpdate, RefusesAWrongSigner) { expect_refused({}, owner, UpdateError::KernelSigner); }

TEST_F(LinkKernelUpdate, RefusesAnotherDeviceType) {
  Release release;
  release.device_type = 2;
  expect_refused(release, vendor, UpdateError::WrongDevice);
}

TEST_F(LinkKernelUpdate, RefusesWhatIsBelowTheRatchet) {
  device.ratchet = 3;
  device.reset();
  Release release;
  release.ratchet = 2;
  expect_refused(release, vendor, UpdateError::Downgrade);
}

TEST_F(LinkKernelUpdate, RefusesGates) {
  Release release;
  release.layers.emplace_back(kGates, protocol::Bytes(64, 4));
  expect_refused(release, vendor, UpdateError::GateLayer);
}

TEST_F(LinkKernelUpdate, RefusesSwappedLayers) {
  Release release;
  std::swap(release.layers[1].second, release.layers[2].second);
  expect_refused(release, vendor, UpdateError::LayerContent);
}

TEST_F(LinkKernelUpdate, RefusesATruncatedLayer) {
  Release release;
  release.layers[1].second.pop_back();
  expect_refused(release, vendor, UpdateError::LayerSize);
}

TEST_F(LinkKernelUpdate, RefusesALayerThatIsTooLong) {
  Release release;
  release.layers[0].second.resize(fw::kKernelMaximumSize + 1);
  expect_refused(release, vendor, UpdateError::LayerSize);
}

TEST_F(LinkKernelUpdate, RefusesALayerThatIsNotWhatTheManifestSays) {
  Release release;
  const auto name = protocol::sha256(release.layers[0].second);
  deploy(release, vendor);
  protocol::Bytes other = release.layers[0].second;
  other.back() ^= 1;
  gateway.replace_object(name, other);
  ASSERT_TRUE(device.run_until([&] { return reported("FAILED 2"); }));
  EXPECT_EQ(device.installs, 0U);
}

}  // namespace
}  // namespace microvisor::test
