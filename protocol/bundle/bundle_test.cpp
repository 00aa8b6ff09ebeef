// Bundles as wholes: what the writer makes the reader takes, and every way of being wrong is refused by name.
#include "protocol/bundle/bundle.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle/test_support.hpp"

namespace microvisor::protocol {
namespace {

using Body = bundle::AppManifest::AppBody;
using test::golden_rom;
using test::manifest_with;
using test::zip_of;

std::string entry_name(const Bytes& layer) { return to_hex(sha256(layer)); }

Refusal refusal_of(const Bytes& zip) {
  const auto bundle = read_bundle(zip);
  EXPECT_FALSE(bundle) << "accepted";
  return bundle ? Refusal::NotAnElf : bundle.error().refusal;
}

TEST(Bundle, RoundTrip) {
  const auto made = make_bundle(golden_rom(), {});
  ASSERT_TRUE(made);
  const Bytes zip = write_bundle(*made);
  const auto read = read_bundle(zip);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->manifest, made->manifest);
  ASSERT_EQ(read->layers.size(), 1U);
  EXPECT_EQ(read->layers[0].bytes, golden_rom());
}

TEST(Bundle, LayersComeFirstAndTheManifestLast) {
  const auto made = make_bundle(golden_rom(), {});
  const Bytes zip = write_bundle(*made);
  const auto reader = ZipReader::open(zip, kMaxEntries);
  ASSERT_TRUE(reader);
  ASSERT_EQ(reader->entries().size(), 2U);
  EXPECT_EQ(reader->entries()[0].name, entry_name(golden_rom()));
  EXPECT_EQ(reader->entries()[1].name, "manifest");
  EXPECT_EQ(write_bundle(*made), zip);
}

TEST(Bundle, OrderAndExtraEntriesDoNotMatter) {
  const Bytes zip = zip_of({{"manifest", make_manifest(golden_rom(), {})},
                            {"readme.txt", Bytes{'h', 'i'}},
                            {entry_name(golden_rom()), golden_rom()}});
  EXPECT_TRUE(read_bundle(zip));
}

TEST(Bundle, ImagesUpToOneByteBelowTheFlashAreBundled) {
  EXPECT_TRUE(make_bundle(Bytes(kFlashBytes - 1, 1), {}));
  const auto large = make_bundle(Bytes(kFlashBytes, 1), {});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().refusal, Refusal::ImageTooLarge);
  const auto empty = make_bundle({}, {});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().refusal, Refusal::ImageEmpty);
}

TEST(Bundle, SignedBundlesKeepTheirBody) {
  const SigningKey key = SigningKey::generate();
  const auto made = make_bundle(golden_rom(), {});
  const auto with_signature = sign_bundle(*made, key);
  ASSERT_TRUE(with_signature);
  const auto read = read_bundle(write_bundle(*with_signature));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->info.body, made->info.body);
  EXPECT_TRUE(is_signed_by(read->info, key.public_key()));
}

TEST(Bundle, SeveralLayersAreMeasuredByTheirOwnRegions) {
  const Bytes first(100, 1);
  const Bytes second(50, 2);
  const Bytes manifest = manifest_with(first, [&](Body& b) {
    auto* layer = b.mutable_layers(0);
    layer->mutable_target()->mutable_internal_flash()->set_size(0x2000);
    const Hash measured = sha256_padded(first, 0x2000);
    layer->set_measurement_hash(measured.data(), measured.size());
    auto* other = b.add_layers();
    other->mutable_target()->mutable_internal_flash()->set_start(0x2000);
    other->mutable_target()->mutable_internal_flash()->set_size(0x4000);
    const Hash fetch = sha256(second);
    other->set_fetch_hash(fetch.data(), fetch.size());
    const Hash other_measured = sha256_padded(second, 0x4000);
    other->set_measurement_hash(other_measured.data(), other_measured.size());
  });
  const auto read =
      read_bundle(zip_of({{entry_name(first), first}, {entry_name(second), second}, {"manifest", manifest}}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->layers.size(), 2U);
}

TEST(Bundle, TheExternalFlashIsCutIntoLayers) {
  Bytes files((256U << 10) + 5000);
  for (std::size_t i = 0; i < files.size(); ++i) files[i] = static_cast<std::uint8_t>(i / 4096 + i);
  const std::vector<ExternalImage> external = {{0x2000, files}, {0x10'0000, Bytes(4096, 1)}};
  const auto made = make_bundle(golden_rom(), {}, external);
  ASSERT_TRUE(made) << made.error().message;
  const auto read = read_bundle(write_bundle(*made));
  ASSERT_TRUE(read) << read.error().message;
  const auto& layers = read->info.layers;
  ASSERT_EQ(layers.size(), 4U);
  EXPECT_EQ(layers[0].kind, RegionKind::InternalFlash);
  EXPECT_EQ(layers[0].size, kFlashBytes);
  EXPECT_EQ(layers[0].layer_size, golden_rom().size());
  EXPECT_EQ(layers[1].kind, RegionKind::ExternalFlash);
  EXPECT_EQ(layers[1].start, 0x2000U);
  EXPECT_EQ(layers[1].size, 256U << 10);
  EXPECT_EQ(layers[2].start, 0x4'2000U);
  EXPECT_EQ(layers[2].size, 0x2000U) << "5000 bytes are two sectors";
  EXPECT_EQ(layers[2].layer_size, 5000U);
  EXPECT_EQ(layers[3].start, 0x10'0000U);
  Bytes joined = read->layers[1].bytes;
  joined.insert(joined.end(), read->layers[2].bytes.begin(), read->layers[2].bytes.end());
  EXPECT_EQ(joined, files);
}

TEST(Bundle, WhatADeviceCannotStageIsRefused) {
  Bytes files(kMaxLayerBytes - golden_rom().size());
  for (std::size_t i = 0; i < files.size(); ++i) files[i] = static_cast<std::uint8_t>(i >> 18);
  EXPECT_TRUE(make_bundle(golden_rom(), {}, std::vector<ExternalImage>{{0, files}}));
  files.push_back(0);
  const auto large = make_bundle(golden_rom(), {}, std::vector<ExternalImage>{{0, files}});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().refusal, Refusal::LayersTooLarge);
}

TEST(Bundle, EncryptedLayersAreNotMeasured) {
  const Bytes layer(64, 7);
  const Bytes manifest = manifest_with(layer, [](Body& b) {
    b.mutable_layers(0)->set_encrypted_with_key_id(99);
    b.mutable_layers(0)->set_measurement_hash(std::string(32, 'm'));
  });
  EXPECT_TRUE(read_bundle(zip_of({{entry_name(layer), layer}, {"manifest", manifest}})));
}

TEST(BundleRefusals, Container) {
  EXPECT_EQ(refusal_of(Bytes{1, 2, 3}), Refusal::NotAZip);
  EXPECT_EQ(refusal_of({}), Refusal::NotAZip);
  EXPECT_EQ(refusal_of(Bytes(kMaxBundleBytes + 1)), Refusal::UploadTooLarge);
  EXPECT_EQ(refusal_of(zip_of({{entry_name(golden_rom()), golden_rom()}})), Refusal::NoManifest);
}

TEST(BundleRefusals, Manifest) {
  EXPECT_EQ(refusal_of(zip_of({{"manifest", Bytes(kMaxManifestBytes + 1)}})), Refusal::ManifestTooLarge);
  EXPECT_EQ(refusal_of(zip_of({{"manifest", Bytes{0xFF}}})), Refusal::ManifestMalformed);
}

TEST(BundleRefusals, Layers) {
  const Bytes manifest = make_manifest(golden_rom(), {});
  EXPECT_EQ(refusal_of(zip_of({{"manifest", manifest}})), Refusal::LayerMissing);
  Bytes changed = golden_rom();
  changed[3] ^= 1;
  EXPECT_EQ(refusal_of(zip_of({{entry_name(golden_rom()), changed}, {"manifest", manifest}})),
            Refusal::HashMismatch);
  const Bytes small_region = manifest_with(golden_rom(), [](Body& b) {
    b.mutable_layers(0)->mutable_target()->mutable_internal_flash()->set_size(15);
  });
  EXPECT_EQ(refusal_of(zip_of({{entry_name(golden_rom()), golden_rom()}, {"manifest", small_region}})),
            Refusal::LayerTooLarge);
  const Bytes measured_wrong = manifest_with(
      golden_rom(), [](Body& b) { b.mutable_layers(0)->set_measurement_hash(std::string(32, 'm')); });
  EXPECT_EQ(refusal_of(zip_of({{entry_name(golden_rom()), golden_rom()}, {"manifest", measured_wrong}})),
            Refusal::MeasurementMismatch);
}

TEST(BundleRefusals, Bombs) {
  const Bytes bomb(8U << 20, 0);
  EXPECT_EQ(refusal_of(zip_of({{"manifest", bomb}})), Refusal::ManifestTooLarge);
  const Bytes manifest = make_manifest(golden_rom(), {});
  EXPECT_EQ(refusal_of(zip_of({{entry_name(golden_rom()), bomb}, {"manifest", manifest}})),
            Refusal::EntryTooLarge);
  EXPECT_EQ(
      refusal_of(zip_of({{entry_name(golden_rom()), golden_rom()}, {"other", bomb}, {"manifest", manifest}})),
      Refusal::EntryTooLarge);
}

}  // namespace
}  // namespace microvisor::protocol
