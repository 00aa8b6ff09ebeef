// The manifest format: golden vector, signing, and every refusal that needs no layer.
#include "protocol/bundle/manifest.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle/test_support.hpp"

namespace microvisor::protocol {
namespace {

using Body = bundle::AppManifest::AppBody;
using test::golden_rom;
using test::manifest_with;

constexpr std::string_view kGoldenFetch = "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991";
constexpr std::string_view kGoldenMeasurement =
    "9ed640aa9965952021119dfe6edb3fab467605687d19f469597b88e773756f99";

std::string golden_body() {
  return "0a4c0a060a04108080401a20" + std::string(kGoldenFetch) + "2220" + std::string(kGoldenMeasurement) +
         "22002a00";
}

Refusal refusal_of(const Bytes& manifest) {
  const auto info = parse_manifest(manifest);
  EXPECT_FALSE(info) << "accepted";
  if (info) return Refusal::NotAZip;
  EXPECT_FALSE(info.error().message.empty());
  EXPECT_EQ(info.error().message.find('\n'), std::string::npos);
  return info.error().refusal;
}

Refusal refusal_after(const std::function<void(Body&)>& change) {
  return refusal_of(manifest_with(golden_rom(), change));
}

TEST(Manifest, GoldenVector) {
  const Bytes manifest = make_manifest(golden_rom(), {});
  EXPECT_EQ(to_hex(manifest), "1252" + golden_body());
  EXPECT_EQ(to_hex(sha256(manifest)), "2aa32bbe8a4939eb96bd62023ab90b2ab8af17b01405f5db403ad0e497690770");
  const auto info = parse_manifest(manifest);
  ASSERT_TRUE(info);
  EXPECT_EQ(to_hex(info->body), golden_body());
  EXPECT_EQ(to_hex(sha256(info->signed_bytes)),
            "085d39affdaa4eaf92eb4ac904124b8925f26828164dc8fe08c6cf6cd0677d5a");
  EXPECT_EQ(info->signer_id, 0U);
  ASSERT_EQ(info->layers.size(), 1U);
  EXPECT_EQ(info->layers[0].start, 0U);
  EXPECT_EQ(info->layers[0].size, 0x100000U);
  EXPECT_EQ(to_hex(info->layers[0].fetch_hash), kGoldenFetch);
  EXPECT_EQ(to_hex(info->layers[0].measurement_hash), kGoldenMeasurement);
}

TEST(Manifest, OptionsArriveInThePolicies) {
  BundleOptions options;
  options.debug_key = SigningKey::generate().public_key();
  options.minimum_kernel_version = 7;
  options.connection_grace_seconds = 30;
  options.minimum_check_in_seconds = 3600;
  options.maximum_politeness_seconds = 60;
  options.compatibility_mode = true;
  options.device_sid = "UV0123456789abcdef0123456789abcdef";
  const Bytes manifest = make_manifest(golden_rom(), options);
  const auto info = parse_manifest(manifest);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->policy.debug_key, options.debug_key);
  EXPECT_EQ(info->policy.minimum_kernel_version, 7U);
  EXPECT_EQ(info->policy.connection_grace_seconds, 30U);
  EXPECT_EQ(info->policy.minimum_check_in_seconds, 3600U);
  EXPECT_EQ(info->policy.maximum_politeness_seconds, 60U);
  EXPECT_TRUE(info->policy.compatibility_mode);
  EXPECT_EQ(info->policy.device_sid, options.device_sid);
  bundle::AppManifest parsed;
  ASSERT_TRUE(parsed.ParseFromArray(manifest.data(), static_cast<int>(manifest.size())));
  EXPECT_FALSE(parsed.body().debug().debuggable());
}

// Field 1000, a message with field 1 true: tag 1000 << 3 | 2 = 0xC2 0x3E, length 2, tag 0x08, value 1.
TEST(Manifest, OnlyCompatibilityModeAddsItsBytes) {
  BundleOptions options;
  options.compatibility_mode = true;
  const auto with = parse_manifest(make_manifest(golden_rom(), options));
  const auto without = parse_manifest(make_manifest(golden_rom(), {}));
  ASSERT_TRUE(with && without);
  EXPECT_EQ(to_hex(without->body), golden_body());
  EXPECT_EQ(to_hex(with->body), golden_body() + "c23e020801");
  EXPECT_FALSE(without->policy.compatibility_mode);
}

TEST(Manifest, SigningKeepsTheBody) {
  const SigningKey key = SigningKey::generate();
  const Bytes manifest = make_manifest(golden_rom(), {});
  const auto signed_manifest = sign_manifest(manifest, key);
  ASSERT_TRUE(signed_manifest);
  const auto info = parse_manifest(*signed_manifest);
  ASSERT_TRUE(info);
  EXPECT_EQ(to_hex(info->body), golden_body());
  EXPECT_EQ(info->signer_id, key.id());
  EXPECT_TRUE(is_signed_by(*info, key.public_key()));
  EXPECT_FALSE(is_signed_by(*info, SigningKey::generate().public_key()));
}

TEST(Manifest, ASignatureOfAnotherBodyDoesNotCount) {
  const SigningKey key = SigningKey::generate();
  const auto signed_manifest = sign_manifest(make_manifest(golden_rom(), {}), key);
  auto info = parse_manifest(*signed_manifest);
  ASSERT_TRUE(info);
  info->signed_bytes.back() ^= 1;
  EXPECT_FALSE(is_signed_by(*info, key.public_key()));
}

TEST(Manifest, UnknownFieldsInTheBodySurviveSigning) {
  // A later bundler may add fields: the signature covers bytes, not what this version understands of them.
  Bytes manifest = make_manifest(golden_rom(), {});
  const Bytes unknown = {0x98, 0x06, 0x2A};  // field 99, varint 42
  manifest.insert(manifest.end(), unknown.begin(), unknown.end());
  manifest[1] = static_cast<std::uint8_t>(manifest[1] + unknown.size());
  const auto signed_manifest = sign_manifest(manifest, SigningKey::generate());
  ASSERT_TRUE(signed_manifest);
  EXPECT_EQ(to_hex(parse_manifest(*signed_manifest)->body), golden_body() + to_hex(unknown));
}

TEST(ManifestRefusals, Envelope) {
  EXPECT_EQ(refusal_of(Bytes{0xFF, 0xFF}), Refusal::ManifestMalformed);
  EXPECT_EQ(refusal_of(Bytes{0x12, 0x02, 0xFF, 0xFF}), Refusal::ManifestMalformed);
  EXPECT_EQ(refusal_of({}), Refusal::NoLayer);
  Bytes large = make_manifest(golden_rom(), {});
  large.resize(kMaxManifestBytes + 1);
  EXPECT_EQ(refusal_of(large), Refusal::ManifestTooLarge);
}

TEST(ManifestRefusals, HalfASignature) {
  bundle::OpaqueManifest envelope;
  const Bytes manifest = make_manifest(golden_rom(), {});
  envelope.ParseFromArray(manifest.data(), static_cast<int>(manifest.size()));
  envelope.set_signer_id(5);
  std::string text = envelope.SerializeAsString();
  EXPECT_EQ(refusal_of({text.begin(), text.end()}), Refusal::BadSignature);
  envelope.set_signature(std::string(63, 'x'));
  text = envelope.SerializeAsString();
  EXPECT_EQ(refusal_of({text.begin(), text.end()}), Refusal::BadSignature);
}

TEST(ManifestRefusals, Layers) {
  EXPECT_EQ(refusal_after([](Body& b) { b.clear_layers(); }), Refusal::NoLayer);
  EXPECT_EQ(refusal_after([](Body& b) {
              for (std::size_t i = 0; i < kMaxLayers; ++i) *b.add_layers() = b.layers(0);
            }),
            Refusal::TooManyLayers);
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_layers(0)->clear_target(); }), Refusal::LayerWithoutTarget);
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_layers(0)->mutable_target()->clear_internal_flash(); }),
            Refusal::LayerWithoutTarget);
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_layers(0)->set_fetch_hash("short"); }),
            Refusal::BadHashLength);
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_layers(0)->clear_measurement_hash(); }),
            Refusal::BadHashLength);
}

TEST(ManifestRefusals, Regions) {
  const auto region = [](std::uint32_t start, std::uint32_t size) {
    return [=](Body& b) {
      auto* flash = b.mutable_layers(0)->mutable_target()->mutable_internal_flash();
      flash->set_start(start);
      flash->set_size(size);
    };
  };
  EXPECT_EQ(refusal_after(region(0, 0)), Refusal::EmptyRegion);
  EXPECT_EQ(refusal_after(region(0, kFlashBytes + 1)), Refusal::RegionOutOfRange);
  EXPECT_EQ(refusal_after(region(1, kFlashBytes)), Refusal::RegionOutOfRange);
  EXPECT_EQ(refusal_after(region(0xFFFFFFFF, 2)), Refusal::RegionOutOfRange);
  EXPECT_EQ(refusal_after(region(2, 0xFFFFFFFF)), Refusal::RegionOutOfRange);
  EXPECT_EQ(refusal_after([](Body& b) { *b.add_layers() = b.layers(0); }), Refusal::RegionsOverlap);
}

TEST(Manifest, LayersOfDifferentMemoriesMayHaveTheSameOffsets) {
  const Bytes manifest = manifest_with(golden_rom(), [](Body& b) {
    auto* second = b.add_layers();
    *second = b.layers(0);
    second->mutable_target()->mutable_external_flash()->set_size(4096);
  });
  const auto info = parse_manifest(manifest);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->layers[1].kind, RegionKind::ExternalFlash);
}

TEST(ManifestRefusals, ExternalRegions) {
  const auto region = [](std::uint32_t start, std::uint32_t size) {
    return [=](Body& b) {
      auto* layer = b.add_layers();
      *layer = b.layers(0);
      layer->mutable_target()->mutable_external_flash()->set_start(start);
      layer->mutable_target()->mutable_external_flash()->set_size(size);
    };
  };
  EXPECT_TRUE(parse_manifest(manifest_with(golden_rom(), region(0, kExternalFlashBytes))));
  EXPECT_EQ(refusal_after(region(0, 0)), Refusal::EmptyRegion);
  EXPECT_EQ(refusal_after(region(4096, kExternalFlashBytes)), Refusal::RegionOutOfRange);
  EXPECT_EQ(refusal_after(region(0, 4095)), Refusal::RegionUnaligned);
  EXPECT_EQ(refusal_after(region(16, 4096)), Refusal::RegionUnaligned);
  EXPECT_EQ(refusal_after([](Body& b) {
              b.mutable_layers(0)->mutable_target()->mutable_external_flash()->set_size(4096);
            }),
            Refusal::NoLayer)
      << "there would be no application";
}

TEST(ManifestRefusals, Keys) {
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_debug()->set_debug_auth_pubkey(std::string(65, '\4')); }),
            Refusal::BadDebugKey);
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_debug()->set_debug_auth_pubkey("x"); }),
            Refusal::BadDebugKey);
  EXPECT_EQ(refusal_after([](Body& b) { b.mutable_crash()->set_crash_report_pubkey("x"); }),
            Refusal::BadCrashKey);
}

}  // namespace
}  // namespace microvisor::protocol
