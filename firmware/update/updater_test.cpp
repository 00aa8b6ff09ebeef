// The course of updates without power cuts: phases, errors, reports, and what is refused before anything is
// erased.
#include "firmware/update/updater.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "firmware/update/testing/device.hpp"

namespace microvisor::firmware::update {
namespace {

using testing::Application;
using testing::Bytes;
using testing::FlashModel;
using testing::Life;
using testing::Memories;
using testing::NorModel;

constexpr std::uint32_t kWholeBank = kApplicationFlashSize;

class UpdaterTest : public ::testing::Test {
 protected:
  void install_first() { ASSERT_TRUE(testing::install(device_, first_)); }
  /// What must still hold when an update was refused: the first application is there and runs.
  void expect_first_untouched() {
    EXPECT_TRUE(testing::bank_holds(device_.flash, first_));
    Life life(device_);
    EXPECT_EQ(life.updater.install_pending(), UpdateError::None);
    EXPECT_EQ(life.updater.check_application(), crypto::Verdict::Valid);
    ASSERT_TRUE(life.updater.installed());
    EXPECT_EQ(life.updater.installed()->manifest_hash, first_.hash);
  }

  [[nodiscard]] std::size_t last_written_sector() {
    std::size_t end = device_.nor.bytes().size();
    while (device_.nor.bytes()[end - 1] == 0xFF) --end;
    return (end - 1) / storage::kNorSectorSize * storage::kNorSectorSize;
  }
  [[nodiscard]] Bytes copy_of_nor() { return {device_.nor.bytes().begin(), device_.nor.bytes().end()}; }
  void put_back(const Bytes& copy) { std::copy(copy.begin(), copy.end(), device_.nor.bytes().begin()); }
  /// A copy of the NOR from a time when its sectors held something else under the device's own keys.
  [[nodiscard]] Bytes older_copy() {
    for (const Application* application : {&first_, &second_}) {
      Life life(device_);
      EXPECT_EQ(life.fetch(*application), UpdateError::None);
    }
    Bytes copy = copy_of_nor();
    // Fetched anew, each object is in its place again, under another generation.
    Life life(device_);
    Staging staging(device_.nor, life.store, life.staging_key, nullptr);
    staging.mount();
    for (const Application* application : {&first_, &second_}) {
      EXPECT_EQ(staging.drop(application->hash), StagingStatus::Ok);
      EXPECT_EQ(staging.drop(crypto::sha256(application->layers[0].data)), StagingStatus::Ok);
    }
    return copy;
  }

  Memories device_{kStagingSize};
  Application first_{{testing::layer(0, kWholeBank, 50'000, 1)}};
  Application second_{{testing::layer(0, kWholeBank, 30'001, 2)}};
};

TEST_F(UpdaterTest, InstallsTheFirstApplication) {
  {
    Life life(device_);
    EXPECT_EQ(life.updater.phase(), Phase::Idle);
    EXPECT_FALSE(life.updater.installed());
    EXPECT_EQ(life.updater.check_application(), crypto::Verdict::Invalid);
    ASSERT_EQ(life.fetch(first_), UpdateError::None);
    EXPECT_EQ(life.updater.phase(), Phase::Ready);
    EXPECT_FALSE(life.updater.next_object());
  }
  Life life(device_);
  ASSERT_EQ(life.updater.install_pending(), UpdateError::None);
  EXPECT_EQ(life.updater.phase(), Phase::Installed);
  EXPECT_FALSE(life.updater.reported());
  EXPECT_TRUE(testing::bank_holds(device_.flash, first_));
  EXPECT_EQ(life.updater.check_application(), crypto::Verdict::Valid);
  manifest::ApplicationManifest manifest;
  ASSERT_TRUE(life.updater.installed_manifest(manifest));
  EXPECT_EQ(manifest.layer_count, 1u);
  life.updater.set_reported();
  EXPECT_EQ(Life(device_).updater.phase(), Phase::Idle);
}

TEST_F(UpdaterTest, TheSameTargetAgainIsNothingToDo) {
  install_first();
  Life life(device_);
  EXPECT_FALSE(life.updater.begin(first_.hash, testing::owner_anchors()));
  EXPECT_EQ(life.updater.phase(), Phase::Installed) << "not yet reported";
}

TEST_F(UpdaterTest, ReplacesAnApplicationAndReusesStagedLayers) {
  const testing::LayerFields shared = testing::layer(0x8'0000, 0x1'0000, 20'000, 9);
  const Application old({testing::layer(0, 0x8'0000, 40'000, 1), shared});
  const Application fresh({testing::layer(0, 0x8'0000, 30'000, 2), shared});
  ASSERT_TRUE(testing::install(device_, old));
  {
    Life life(device_);
    ASSERT_EQ(life.fetch(fresh), UpdateError::None);
    EXPECT_EQ(life.fetched, fresh.manifest.size() + 30'000) << "the shared layer was there already";
    EXPECT_TRUE(testing::bank_holds(device_.flash, old)) << "nothing is installed while the application runs";
  }
  Life life(device_);
  ASSERT_EQ(life.updater.install_pending(), UpdateError::None);
  EXPECT_TRUE(testing::bank_holds(device_.flash, fresh));
}

TEST_F(UpdaterTest, LayersThatShareABurstWindowAreBothInstalled) {
  const Application application({testing::layer(0, 0x50, 0x50, 1), testing::layer(0x50, 0x1000, 0x456, 2)});
  ASSERT_TRUE(testing::install(device_, application));
  EXPECT_EQ(Life(device_).updater.check_application(), crypto::Verdict::Valid);
}

TEST_F(UpdaterTest, AnyChangeOfTheApplicationIsFoundAtStart) {
  install_first();
  const std::uint32_t end = 50'000;
  for (const std::uint32_t at : {0u, 777u, end - 1, end, end + 100, kWholeBank - 1}) {
    FlashModel copy(device_.flash, device_.power);
    copy.bytes(kApplicationFlash + at, 1)[0] ^= 4;
    EXPECT_EQ(Life(copy, device_.nor).updater.check_application(), crypto::Verdict::Invalid) << at;
  }
  FlashModel copy(device_.flash, device_.power);
  copy.spoil(kApplicationFlash + 160);
  EXPECT_EQ(Life(copy, device_.nor).updater.check_application(), crypto::Verdict::Invalid);
}

TEST_F(UpdaterTest, AForeignSignatureIsFinal) {
  install_first();
  Application foreign = second_;
  foreign.manifest = manifest::testing::application_manifest(testing::SigningKey(0x77), foreign.layers);
  foreign.hash = crypto::sha256(foreign.manifest);
  Life life(device_);
  EXPECT_EQ(life.fetch(foreign), UpdateError::UnknownSigner);
  EXPECT_EQ(life.updater.phase(), Phase::Failed);
  EXPECT_FALSE(life.updater.begin(foreign.hash, testing::owner_anchors())) << "not tried again by itself";
  expect_first_untouched();
}

TEST_F(UpdaterTest, AWrongMeasurementIsFoundBeforeAnythingIsErased) {
  install_first();
  testing::LayerFields lying = testing::layer(0, kWholeBank, 30'000, 2);
  lying.measurement_hash = Bytes(32, 0x5A);
  const Application application({lying});
  Life life(device_);
  EXPECT_EQ(life.fetch(application), UpdateError::Measurement);
  EXPECT_EQ(life.updater.error(), UpdateError::Measurement);
  expect_first_untouched();
}

TEST_F(UpdaterTest, AnObjectThatIsNotWhatItsHashSaysIsRefused) {
  install_first();
  Life life(device_);
  ASSERT_TRUE(life.updater.begin(second_.hash, testing::owner_anchors()));
  const std::optional<ObjectRequest> request = life.updater.next_object();
  ASSERT_TRUE(request && request->is_manifest);
  ASSERT_EQ(life.updater.open_object(*request), 0u);
  ASSERT_EQ(life.updater.write(first_.manifest), UpdateError::None);
  EXPECT_EQ(life.updater.close_object(), UpdateError::Hash);
  EXPECT_EQ(life.updater.phase(), Phase::Failed);
  expect_first_untouched();
}

TEST_F(UpdaterTest, ALayerLargerThanItsRegionIsRefused) {
  install_first();
  testing::LayerFields large = testing::layer(0, 0x1000, 0x1001, 2);
  const Application application({large});
  EXPECT_EQ(Life(device_).fetch(application), UpdateError::LayerExtended);
  expect_first_untouched();
}

TEST_F(UpdaterTest, WhatALayerHasBecomeIsSaid) {
  install_first();
  testing::LayerFields first = testing::layer(0, 0x8000, 10'000, 2);
  testing::LayerFields second = testing::layer(0x8000, 0x8000, 10'000, 3);
  for (testing::LayerFields* each : {&first, &second}) each->stated_size = 10'000;
  const Application application({first, second});
  const auto answered_with = [&](const Bytes& bytes) {
    Life life(device_);
    EXPECT_TRUE(life.updater.begin(application.hash, testing::owner_anchors(), true));
    while (life.updater.phase() != Phase::Failed) {
      const std::optional<ObjectRequest> request = life.updater.next_object();
      if (!request || !life.updater.open_object(*request)) break;
      const UpdateError error = life.updater.write(request->is_manifest ? application.manifest : bytes);
      if (error == UpdateError::None) (void)life.updater.close_object();
    }
    return life.updater.error();
  };
  Bytes truncated = first.data;
  truncated.pop_back();
  Bytes extended = first.data;
  extended.push_back(0xFF);
  Bytes changed = first.data;
  changed[77] ^= 1;
  EXPECT_EQ(answered_with(truncated), UpdateError::LayerTruncated);
  EXPECT_EQ(answered_with({}), UpdateError::LayerTruncated);
  EXPECT_EQ(answered_with(extended), UpdateError::LayerExtended);
  EXPECT_EQ(answered_with(second.data), UpdateError::LayersSwapped);
  EXPECT_EQ(answered_with(changed), UpdateError::Hash);
  expect_first_untouched();
}

TEST_F(UpdaterTest, ASignerThatHasBeenRemovedIsToldFromOneThatNeverWas) {
  install_first();
  vault::TrustAnchors anchors;
  anchors.remember_removed(testing::owner_key().id());
  Life life(device_);
  ASSERT_EQ(life.fetch(second_), UpdateError::None);
  life.updater.signers_changed(anchors);
  EXPECT_EQ(life.updater.error(), UpdateError::RemovedSigner);
  expect_first_untouched();
}

TEST_F(UpdaterTest, LayersOfOneSizeDoNotKeepTheRoomOfTheirRegions) {
  // Seven layers whose regions together have more than the staging area.
  std::vector<testing::LayerFields> layers = {testing::layer(0, kWholeBank, 10'000, 1)};
  for (std::uint32_t i = 0; i < 6; ++i)
    layers.push_back(testing::external_layer(i * 0x10'0000, 0x10'0000, 5'000, 10 + i));
  NorModel nor(device_.power, kApplicationNor);
  EXPECT_EQ(Life(device_.flash, nor).fetch(Application(layers)), UpdateError::None);
}

TEST_F(UpdaterTest, AFailedTargetIsTriedAgainWhenNamedAnew) {
  Life life(device_);
  ASSERT_TRUE(life.updater.begin(first_.hash, testing::owner_anchors()));
  life.updater.fail(UpdateError::Fetch);
  EXPECT_FALSE(life.updater.reported());
  life.updater.set_reported();
  EXPECT_EQ(Life(device_).updater.error(), UpdateError::Fetch);
  Life next(device_);
  EXPECT_TRUE(next.updater.reported());
  EXPECT_FALSE(next.updater.begin(first_.hash, testing::owner_anchors()));
  EXPECT_EQ(next.fetch(first_), UpdateError::None);
}

TEST_F(UpdaterTest, AnotherTargetReplacesAnUnfinishedOne) {
  install_first();
  Life life(device_);
  ASSERT_EQ(life.fetch(second_), UpdateError::None);
  const Application third({testing::layer(0, kWholeBank, 10'000, 3)});
  ASSERT_EQ(life.fetch(third), UpdateError::None);
  Life next(device_);
  ASSERT_EQ(next.updater.install_pending(), UpdateError::None);
  EXPECT_TRUE(testing::bank_holds(device_.flash, third));
}

TEST_F(UpdaterTest, BackToTheInstalledOneCancelsTheUpdate) {
  install_first();
  Life life(device_);
  ASSERT_EQ(life.fetch(second_), UpdateError::None);
  EXPECT_FALSE(life.updater.begin(first_.hash, testing::owner_anchors()));
  expect_first_untouched();
}

TEST_F(UpdaterTest, StagedDataThatDecaysBeforeInstallingIsFetchedAgain) {
  install_first();
  ASSERT_EQ(Life(device_).fetch(second_), UpdateError::None);
  // Flip a bit somewhere in the staged layer: what has changed in the NOR last is its last sector.
  const Bytes& data = second_.layers[0].data;
  device_.nor.bytes()[last_written_sector() + 2'000] ^= 1;
  {
    Life life(device_);
    EXPECT_EQ(life.updater.install_pending(), UpdateError::Storage);
    EXPECT_EQ(life.updater.phase(), Phase::Fetching);
    EXPECT_EQ(life.updater.check_application(), crypto::Verdict::Valid) << "the old one is untouched";
    ASSERT_EQ(life.fetch(second_), UpdateError::None);
    EXPECT_EQ(life.fetched, data.size());
  }
  Life life(device_);
  EXPECT_EQ(life.updater.install_pending(), UpdateError::None);
  EXPECT_TRUE(testing::bank_holds(device_.flash, second_));
}

TEST_F(UpdaterTest, AnOlderCopyOfTheNorFailsTheUpdateWithItsOwnErrorAndTheNextOneWorks) {
  const Bytes older = older_copy();
  install_first();
  ASSERT_EQ(Life(device_).fetch(second_), UpdateError::None);
  put_back(older);
  {
    Life life(device_);
    ASSERT_EQ(life.updater.phase(), Phase::Ready);
    EXPECT_EQ(life.updater.install_pending(), UpdateError::OldStaging);
    EXPECT_EQ(life.updater.phase(), Phase::Failed);
    EXPECT_EQ(life.updater.error(), UpdateError::OldStaging);
    EXPECT_FALSE(life.updater.reported());
    life.updater.set_reported();
    EXPECT_FALSE(life.updater.begin(second_.hash, testing::owner_anchors())) << "not tried again by itself";
  }
  expect_first_untouched();
  ASSERT_EQ(Life(device_).fetch(second_), UpdateError::None);  // deployed anew
  Life life(device_);
  EXPECT_EQ(life.updater.install_pending(), UpdateError::None);
  EXPECT_TRUE(testing::bank_holds(device_.flash, second_));
}

TEST_F(UpdaterTest, AnOlderCopyOfTheNorIsNoticedBeforeAnUpdateIsReady) {
  const Bytes older = older_copy();
  install_first();
  Life life(device_);
  ASSERT_EQ(life.fetch(second_), UpdateError::None);
  ASSERT_TRUE(life.updater.begin(first_.hash, testing::owner_anchors()) == false);
  put_back(older);
  // The layer is staged already: it is looked at before it counts.
  EXPECT_EQ(life.fetch(second_), UpdateError::OldStaging);
  EXPECT_EQ(life.updater.phase(), Phase::Failed);
  EXPECT_EQ(life.fetch(second_), UpdateError::None);
}

TEST_F(UpdaterTest, AnOlderCopyOfTheNorInTheMiddleOfAnInstallationIsFetchedAgain) {
  const Bytes older = older_copy();
  install_first();
  ASSERT_EQ(Life(device_).fetch(second_), UpdateError::None);
  device_.power.cut({20, 1});
  EXPECT_THROW((void)Life(device_).updater.install_pending(), storage::testing::PowerCut);
  device_.power.never_cut();
  put_back(older);
  {
    Life life(device_);
    ASSERT_GE(life.updater.phase(), Phase::Erasing);
    EXPECT_EQ(life.updater.install_pending(), UpdateError::OldStaging);
    EXPECT_EQ(life.updater.phase(), Phase::Fetching) << "there is no way back to the old application";
    EXPECT_EQ(life.updater.error(), UpdateError::OldStaging);
    EXPECT_FALSE(life.updater.reported());
    life.updater.set_reported();
    EXPECT_EQ(life.updater.phase(), Phase::Fetching);
    ASSERT_EQ(life.fetch(second_), UpdateError::None);
  }
  Life life(device_);
  EXPECT_EQ(life.updater.install_pending(), UpdateError::None);
  EXPECT_TRUE(testing::bank_holds(device_.flash, second_));
}

TEST_F(UpdaterTest, AfterARefusedVaultTheOwnerHasToDeployAnew) {
  {
    Life life(device_);
    life.updater.refuse_next(UpdateError::OldVault);
    EXPECT_TRUE(life.updater.reported()) << "nothing is said before the cloud names a target";
  }
  {
    Life life(device_);
    EXPECT_FALSE(life.updater.begin(first_.hash, testing::owner_anchors()));
    EXPECT_EQ(life.updater.phase(), Phase::Failed);
    EXPECT_EQ(life.updater.error(), UpdateError::OldVault);
    EXPECT_EQ(life.updater.target(), first_.hash);
    EXPECT_FALSE(life.updater.reported());
    life.updater.set_reported();
  }
  install_first();
}

TEST_F(UpdaterTest, WithoutExternalFlashTheApplicationStillRuns) {
  install_first();
  device_.nor.disconnect();
  Life life(device_);
  EXPECT_EQ(life.updater.check_application(), crypto::Verdict::Valid);
  EXPECT_EQ(life.fetch(second_), UpdateError::Storage);
  expect_first_untouched();
}

TEST_F(UpdaterTest, ErrorNumbersAreThoseOfTheLink) {
  // protocol/link.proto, enum UpdateError.
  EXPECT_EQ(static_cast<int>(UpdateError::Fetch), 1);
  EXPECT_EQ(static_cast<int>(UpdateError::Hash), 2);
  EXPECT_EQ(static_cast<int>(UpdateError::Signature), 3);
  EXPECT_EQ(static_cast<int>(UpdateError::Manifest), 4);
  EXPECT_EQ(static_cast<int>(UpdateError::KernelTooOld), 5);
  EXPECT_EQ(static_cast<int>(UpdateError::Storage), 6);
  EXPECT_EQ(static_cast<int>(UpdateError::Measurement), 7);
  EXPECT_EQ(static_cast<int>(UpdateError::Unsupported), 8);
  EXPECT_EQ(static_cast<int>(UpdateError::OldStaging), 9);
  EXPECT_EQ(static_cast<int>(UpdateError::OldVault), 10);
  EXPECT_EQ(static_cast<int>(UpdateError::UnknownSigner), 30);
  EXPECT_EQ(static_cast<int>(UpdateError::RemovedSigner), 31);
  EXPECT_EQ(static_cast<int>(UpdateError::OtherDevice), 32);
  EXPECT_EQ(static_cast<int>(UpdateError::LayersSwapped), 33);
  EXPECT_EQ(static_cast<int>(UpdateError::LayerTruncated), 34);
  EXPECT_EQ(static_cast<int>(UpdateError::LayerExtended), 35);
  EXPECT_EQ(static_cast<int>(UpdateError::NoLayerKey), 36);
  EXPECT_EQ(static_cast<int>(UpdateError::Decryption), 37);
}

// ---- Encrypted layers

class EncryptedLayers : public UpdaterTest {
 protected:
  EncryptedLayers() : large_nor_(device_.power, kApplicationNor + 0x1'0000) { set_key(true); }
  void set_key(bool there) {
    Life life(device_);
    testing::set_layer_key(life.store, there);
  }
  UpdateError fetch(const Application& application) { return Life(device_).fetch(application); }

  /// One that is encrypted, but whose ciphertext is as `spoil` makes it before it is signed.
  template <typename Spoil>
  static Application spoilt(Spoil spoil) {
    testing::LayerFields layer = testing::encrypted(testing::layer(0, kWholeBank, 9'000, 2));
    spoil(layer);
    return Application({layer});
  }

  NorModel large_nor_;  // with room for the application's files
};

TEST_F(EncryptedLayers, AreInstalledAsPlainOnes) {
  const Application application({testing::encrypted(testing::layer(0, 0x8'0000, 50'000, 2)),
                                 testing::layer(0x8'0000, 0x1'0000, 5'000, 3),
                                 testing::encrypted(testing::layer(0x9'0000, 0x1'0000, 4'064, 4)),
                                 testing::encrypted(testing::external_layer(0x1000, 0x4000, 9'000, 5))});
  ASSERT_TRUE(testing::install(device_.flash, large_nor_, application));
  Life life(device_.flash, large_nor_);
  EXPECT_EQ(life.updater.check_application(), crypto::Verdict::Valid);
  EXPECT_EQ(life.fetch(application), UpdateError::None) << "nothing to do";
}

TEST_F(EncryptedLayers, EncodingsAreForPlainOnesOnly) {
  install_first();
  Life life(device_);
  life.encode = testing::against(first_);
  ASSERT_EQ(life.fetch(Application({testing::encrypted(testing::later_version(first_.layers[0]))})),
            UpdateError::None);
  EXPECT_EQ(life.encodings, 0u);
}

TEST_F(EncryptedLayers, WithoutTheKeyNothingIsFetched) {
  set_key(false);
  install_first();
  const Application application = spoilt([](auto&) {});
  Life life(device_);
  EXPECT_EQ(life.fetch(application), UpdateError::NoLayerKey);
  EXPECT_EQ(life.fetched, application.manifest.size());
  expect_first_untouched();
  set_key(true);
  EXPECT_EQ(fetch(application), UpdateError::None) << "deployed anew";
}

TEST_F(EncryptedLayers, WhatIsReadyFallsWithItsKey) {
  install_first();
  const Application application = spoilt([](auto&) {});
  Life life(device_);
  ASSERT_EQ(life.fetch(application), UpdateError::None);
  testing::set_layer_key(life.store, false);
  life.updater.signers_changed(testing::owner_anchors());
  EXPECT_EQ(life.updater.error(), UpdateError::NoLayerKey);
  EXPECT_EQ(life.fetch(application), UpdateError::NoLayerKey) << "although its plain bytes are staged";
  expect_first_untouched();
}

TEST_F(EncryptedLayers, ChangedBeforeTheyWereSigned) {
  install_first();
  const auto with_byte = [](std::size_t from_end) {
    return spoilt([from_end](auto& layer) { layer.sealed[layer.sealed.size() - from_end] ^= 1; });
  };
  EXPECT_EQ(fetch(with_byte(81 + 9'000)), UpdateError::Decryption) << "the first byte of the ciphertext";
  EXPECT_EQ(fetch(with_byte(82)), UpdateError::Decryption) << "the last one";
  EXPECT_EQ(fetch(with_byte(81)), UpdateError::Decryption) << "the tag";
  EXPECT_EQ(fetch(with_byte(1)), UpdateError::Decryption) << "the encapsulated key";
  EXPECT_EQ(fetch(spoilt([](auto& layer) {
              layer.sealed = protocol::encrypt_layer(layer.data, testing::owner_key().point);
            })),
            UpdateError::Decryption)
      << "another key than it says";
  expect_first_untouched();
}

TEST_F(EncryptedLayers, ChangedOnTheWay) {
  install_first();
  Application application = spoilt([](auto&) {});
  Application sent = application;
  sent.layers[0].sealed[77] ^= 1;
  Life life(device_);
  ASSERT_TRUE(life.updater.begin(application.hash, testing::owner_anchors()));
  for (const Bytes* object : {&application.manifest, &sent.layers[0].sealed}) {
    const std::optional<ObjectRequest> request = life.updater.next_object();
    ASSERT_TRUE(request && life.updater.open_object(*request));
    ASSERT_EQ(life.updater.write(*object), UpdateError::None);
    const UpdateError expected = object == &application.manifest ? UpdateError::None : UpdateError::Hash;
    EXPECT_EQ(life.updater.close_object(), expected);
  }
  expect_first_untouched();
}

TEST_F(EncryptedLayers, CutOffOrTooLong) {
  install_first();
  EXPECT_EQ(fetch(spoilt([](auto& layer) {
              layer.sealed.resize(81);
              layer.stated_size = 81;
            })),
            UpdateError::LayerTruncated)
      << "nothing encrypted";
  EXPECT_EQ(fetch(spoilt([](auto& layer) {
              layer.sealed.erase(layer.sealed.begin());
              layer.stated_size = 0;
            })),
            UpdateError::Decryption);
  EXPECT_EQ(fetch(spoilt([](auto& layer) {
              layer.size = 8'999;
              layer.stated_size = 0;
            })),
            UpdateError::LayerExtended);
  expect_first_untouched();
}

TEST_F(EncryptedLayers, WhatTheyHoldIsMeasured) {
  install_first();
  EXPECT_EQ(fetch(spoilt([](auto& layer) { layer.measurement_hash = Bytes(32, 0x5A); })),
            UpdateError::Measurement);
  expect_first_untouched();
}

TEST_F(EncryptedLayers, TheCiphertextOfOneLayerIsThereAtATime) {
  // Four layers of which the staging area has room for the plain bytes and one ciphertext.
  std::vector<testing::LayerFields> layers = {testing::encrypted(testing::layer(0, kWholeBank, 800'000, 1))};
  for (std::uint32_t i = 0; i < 3; ++i)
    layers.push_back(testing::encrypted(testing::external_layer(i * 0x10'0000, 0x10'0000, 690'000, 10 + i)));
  NorModel nor(device_.power, kApplicationNor);
  EXPECT_EQ(Life(device_.flash, nor).fetch(Application(layers)), UpdateError::None);
}

TEST_F(EncryptedLayers, NothingPlainStandsInTheNor) {
  testing::LayerFields layer = testing::layer(0, kWholeBank, 9'000, 2);
  const std::string secret = "a secret that is nobody's business";
  std::copy(secret.begin(), secret.end(), layer.data.begin() + 5'000);
  ASSERT_EQ(fetch(Application({testing::encrypted(layer)})), UpdateError::None);
  const auto nor = device_.nor.bytes();
  EXPECT_EQ(std::search(nor.begin(), nor.end(), secret.begin(), secret.end()), nor.end());
}

}  // namespace
}  // namespace microvisor::firmware::update
