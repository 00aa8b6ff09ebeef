// Every way a manifest of an application can be wrong, and what the device answers; none of them leaves
// anything behind.
#include <gtest/gtest.h>

#include "firmware/manifest/manifest.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"

namespace microvisor::firmware::manifest {
namespace {

using testing::Bytes;
using testing::LayerFields;
using testing::Message;
using testing::SigningKey;

constexpr std::uint32_t kKernelVersion = 1000;
constexpr std::string_view kDevice = "UV0123456789abcdef0123456789abcdef";

class ApplicationManifestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::initialise_crypto();
    anchors_.count = 1;
    anchors_.manifest_signers[0] = key().point;
  }
  static const SigningKey& key() {
    static const SigningKey value(0x11);
    return value;
  }
  static LayerFields layer(std::uint32_t start = 0, std::uint32_t size = 0x10'0000) {
    LayerFields fields;
    fields.start = start;
    fields.size = size;
    fields.data = Bytes(100, static_cast<std::uint8_t>(start / 16 + 1));
    return fields;
  }
  ManifestError check(const Bytes& envelope) {
    out_.layer_count = 99;
    const ManifestError error = check_application_manifest(envelope, anchors_, kDevice, kKernelVersion, out_);
    // A refused manifest leaves nothing that could be taken for a checked one.
    const bool clean = error == ManifestError::None || out_.layer_count == 99 || out_.layer_count == 0;
    EXPECT_TRUE(clean);
    return error;
  }
  ManifestError check_layers(const std::vector<LayerFields>& layers) {
    return check(testing::application_manifest(key(), layers));
  }
  ManifestError check_body(const Message& body) { return check(testing::sign(key(), body)); }
  static Message body_with_layer() {
    Message body;
    body.message(1, testing::layer_message(layer()));
    return body;
  }

  vault::TrustAnchors anchors_;
  ApplicationManifest out_;
};

TEST_F(ApplicationManifestTest, AcceptsWhatThePublicBundlerWrites) {
  ASSERT_EQ(check_layers({layer()}), ManifestError::None);
  EXPECT_EQ(out_.layer_count, 1u);
  EXPECT_EQ(out_.layers[0].start, 0u);
  EXPECT_EQ(out_.layers[0].size, 0x10'0000u);
  EXPECT_EQ(out_.layers[0].fetch_hash, crypto::sha256(layer().data));
  EXPECT_FALSE(out_.debug.has_key);
  EXPECT_EQ(out_.signer_id, key().id());
}

TEST_F(ApplicationManifestTest, ReadsThePolicies) {
  Message body = body_with_layer();
  body.message(2, Message().number(1, 1).bytes(2, key().point));
  body.message(3, Message().number(1, 500).number(2, 60'000).bytes(3, key().point).number(4, 256));
  body.message(4, Message().number(1, 3600).number(2, kKernelVersion));
  body.message(5, Message().number(1, 30).number(2, 86'400));
  ASSERT_EQ(check_body(body), ManifestError::None);
  EXPECT_TRUE(out_.debug.has_key);
  EXPECT_EQ(out_.debug.key, key().point);
  EXPECT_EQ(out_.crash.minimum_restart_ms, 500u);
  EXPECT_EQ(out_.crash.maximum_restart_ms, 60'000u);
  EXPECT_TRUE(out_.crash.has_report_key);
  EXPECT_EQ(out_.crash.include_stack_bytes, 256u);
  EXPECT_EQ(out_.maximum_politeness_seconds, 3600u);
  EXPECT_EQ(out_.connection_grace_seconds, 30u);
  EXPECT_EQ(out_.minimum_check_in_seconds, 86'400u);
}

TEST_F(ApplicationManifestTest, ReadsTheExtensions) {
  ASSERT_EQ(check_body(body_with_layer()), ManifestError::None);
  EXPECT_FALSE(out_.compatibility_mode);
  Message asks = body_with_layer();
  asks.message(1000, Message().number(1, 1));
  ASSERT_EQ(check_body(asks), ManifestError::None);
  EXPECT_TRUE(out_.compatibility_mode);
  Message declines = body_with_layer();
  declines.message(1000, Message().number(1, 0).number(99, 1));  // and something of the future
  ASSERT_EQ(check_body(declines), ManifestError::None);
  EXPECT_FALSE(out_.compatibility_mode);
  Message broken = body_with_layer();
  broken.number(1000, 1);
  EXPECT_EQ(check_body(broken), ManifestError::Malformed);
}

TEST_F(ApplicationManifestTest, RefusesUnsignedAndUnknown) {
  const Message body = body_with_layer();
  EXPECT_EQ(check(Message().message(2, body).data()), ManifestError::Unsigned);
  EXPECT_EQ(check(Message().number(1, key().id()).message(2, body).data()), ManifestError::Unsigned);
  EXPECT_EQ(check(testing::sign(SigningKey(0x22), body)), ManifestError::UnknownSigner);
  anchors_.count = 0;
  EXPECT_EQ(check(testing::sign(key(), body)), ManifestError::UnknownSigner);
  anchors_.remember_removed(key().id());
  EXPECT_EQ(check(testing::sign(key(), body)), ManifestError::RemovedSigner);
}

TEST_F(ApplicationManifestTest, RefusesWhatIsForAnotherDevice) {
  const auto for_device = [](std::string_view sid) {
    Message body = body_with_layer();
    return body.message(1000, Message().bytes(2, Bytes(sid.begin(), sid.end())));
  };
  EXPECT_EQ(check_body(for_device(kDevice)), ManifestError::None);
  EXPECT_EQ(check_body(for_device("")), ManifestError::None) << "for all";
  EXPECT_EQ(check_body(for_device("UV0123456789abcdef0123456789abcdee")), ManifestError::OtherDevice);
  EXPECT_EQ(check_body(for_device("UV")), ManifestError::OtherDevice);
  EXPECT_EQ(check_body(for_device("UV0123456789abcdef0123456789abcdeff")), ManifestError::Malformed);
}

TEST_F(ApplicationManifestTest, ReadsTheSizesOfLayers) {
  const auto with_size = [](std::uint32_t size) {
    Message reference = testing::layer_message(layer(0, 0x4000));
    return Message().message(1, reference.number(1000, size));
  };
  ASSERT_EQ(check_body(with_size(0x4000)), ManifestError::None);
  EXPECT_EQ(out_.layers[0].maximum_size(), 0x4000u);
  ASSERT_EQ(check_body(with_size(100)), ManifestError::None);
  EXPECT_EQ(out_.layers[0].maximum_size(), 100u);
  EXPECT_EQ(check_body(with_size(0x4001)), ManifestError::BadLayer) << "larger than its region";
}

TEST_F(ApplicationManifestTest, EveryChangedByteIsRefused) {
  const Bytes good = testing::application_manifest(key(), std::vector{layer()});
  ASSERT_EQ(check(good), ManifestError::None);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1u << (at % 8)));
    EXPECT_NE(check(changed), ManifestError::None) << "byte " << at;
  }
}

TEST_F(ApplicationManifestTest, EveryTruncationIsRefused) {
  const Bytes good = testing::application_manifest(key(), std::vector{layer()});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(check(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
              ManifestError::None)
        << size;
  }
}

TEST_F(ApplicationManifestTest, AFieldThatComesTwiceIsRefused) {
  // The second body would be what is parsed while the first is what was signed.
  Bytes twice = testing::sign(key(), body_with_layer());
  const Bytes second = Message().message(2, body_with_layer()).data();
  twice.insert(twice.end(), second.begin(), second.end());
  EXPECT_EQ(check(twice), ManifestError::Malformed);
}

TEST_F(ApplicationManifestTest, RefusesWhatIsTooLarge) {
  Message body = body_with_layer();
  body.bytes(1000, Bytes(kMaximumManifestSize, 0));  // an unknown field
  EXPECT_EQ(check_body(body), ManifestError::TooLarge);
  std::vector<LayerFields> layers;
  for (std::uint32_t i = 0; i <= kMaximumLayers; ++i) layers.push_back(layer(i * 0x1000, 0x1000));
  EXPECT_EQ(check_layers(layers), ManifestError::TooManyLayers);
  layers.pop_back();
  EXPECT_EQ(check_layers(layers), ManifestError::None);
}

TEST_F(ApplicationManifestTest, UnknownFieldsAreSkipped) {
  Message body = body_with_layer();
  body.number(77, 5);
  EXPECT_EQ(check_body(body), ManifestError::None);
}

TEST_F(ApplicationManifestTest, RefusesBadLayers) {
  EXPECT_EQ(check_layers({}), ManifestError::NoLayers);
  const auto with = [](auto change) {
    LayerFields fields = layer();
    change(fields);
    return std::vector{fields};
  };
  EXPECT_EQ(check_layers(with([](auto& l) { l.with_target = false; })), ManifestError::BadLayer);
  EXPECT_EQ(check_layers(with([](auto& l) { l.size = 0; })), ManifestError::BadLayer);
  EXPECT_EQ(check_layers(with([](auto& l) { l.size = 0x10'0001; })), ManifestError::BadLayer);
  EXPECT_EQ(check_layers(with([](auto& l) { l.start = 16; })), ManifestError::BadLayer);
  EXPECT_EQ(check_layers({layer(8, 16)}), ManifestError::BadLayer);
  EXPECT_EQ(check_layers({layer(0x10'0000, 16)}), ManifestError::BadLayer);
  EXPECT_EQ(check_layers({layer(0xFFFF'FFF0, 0x20)}), ManifestError::BadLayer) << "start + size wraps round";
  EXPECT_EQ(check_layers(with([](auto& l) { l.fetch_hash = Bytes(31, 1); })), ManifestError::BadLayer);
  EXPECT_EQ(check_layers(with([](auto& l) { l.measurement_hash = Bytes(); })), ManifestError::BadLayer);
  EXPECT_EQ(check_layers(with([](auto& l) { l.fetch_hash = Bytes(33, 1); })), ManifestError::Malformed);
}

TEST_F(ApplicationManifestTest, ReadsEncryptedLayers) {
  LayerFields fields = layer(0, 0x1000);
  ASSERT_EQ(check_layers({fields}), ManifestError::None);
  EXPECT_EQ(out_.layers[0].plain_name(), out_.layers[0].fetch_hash);
  EXPECT_EQ(out_.layers[0].maximum_size(), 0x1000u);
  fields.encrypted_with = 7;
  fields.sealed = Bytes(0x1000 + 81, 5);  // 16 bytes of tag, 65 of encapsulated key
  fields.stated_size = 0x1000 + 81;
  ASSERT_EQ(check_layers({fields}), ManifestError::None);
  EXPECT_EQ(out_.layers[0].encrypted_with, 7u);
  EXPECT_EQ(out_.layers[0].plain_name(), out_.layers[0].measurement_hash);
  EXPECT_EQ(out_.layers[0].padded_size(), 0x1000u);
  fields.stated_size = 0x1000 + 82;
  EXPECT_EQ(check_layers({fields}), ManifestError::BadLayer);
  fields.stated_size = 0;
  ASSERT_EQ(check_layers({fields}), ManifestError::None);
  EXPECT_EQ(out_.layers[0].maximum_size(), 0x1000u + 81);
}

// The application's part of the NOR has 60 MiB (layout.hpp), its sectors 4 KiB.
TEST_F(ApplicationManifestTest, ReadsLayersForTheExternalFlash) {
  const auto external = [](std::uint32_t start, std::uint32_t size) {
    LayerFields fields = layer(start, size);
    fields.external = true;
    return fields;
  };
  ASSERT_EQ(check_layers({layer(0, 0x4000), external(0, 0x1000), external(0x3BF'F000, 0x1000)}),
            ManifestError::None);
  EXPECT_EQ(out_.layers[0].medium, Medium::InternalFlash);
  EXPECT_EQ(out_.layers[1].medium, Medium::ExternalFlash);
  EXPECT_EQ(out_.layers[2].start, 0x3BF'F000u);
  EXPECT_EQ(check_layers({layer(), external(0, 0x3C0'0000)}), ManifestError::None);
  EXPECT_EQ(out_.layers[1].maximum_size(), 0x10'0000u) << "no layer is larger";
  EXPECT_EQ(check_layers({layer(), external(0, 0x3C0'1000)}), ManifestError::BadLayer);
  EXPECT_EQ(check_layers({layer(), external(0x3C0'0000, 0x1000)}), ManifestError::BadLayer);
  EXPECT_EQ(check_layers({layer(), external(0xFFFF'F000, 0x2000)}), ManifestError::BadLayer) << "wraps round";
  EXPECT_EQ(check_layers({layer(), external(0, 0)}), ManifestError::BadLayer);
  EXPECT_EQ(check_layers({layer(), external(0x800, 0x1000)}), ManifestError::BadLayer) << "half a sector";
  EXPECT_EQ(check_layers({layer(), external(0x1000, 0x800)}), ManifestError::BadLayer) << "half a sector";
  EXPECT_EQ(check_layers({layer(), external(0x1000, 0x2000), external(0x2000, 0x1000)}),
            ManifestError::OverlappingLayers);
  EXPECT_EQ(check_layers({external(0, 0x1000)}), ManifestError::NoLayers) << "there would be no application";
}

TEST_F(ApplicationManifestTest, RefusesOverlap) {
  EXPECT_EQ(check_layers({layer(0, 0x2000), layer(0x2000, 0x2000)}), ManifestError::None);
  EXPECT_EQ(check_layers({layer(0, 0x2001), layer(0x2000, 0x2000)}), ManifestError::OverlappingLayers);
  EXPECT_EQ(check_layers({layer(0x1000, 0x100), layer(0, 0x2000)}), ManifestError::OverlappingLayers);
  // A row of flash takes one programming: layers that meet inside of a row overlap.
  EXPECT_EQ(check_layers({layer(0, 0x18), layer(0x20, 0x10)}), ManifestError::None);
  EXPECT_EQ(check_layers({layer(0, 0x21), layer(0x20, 0x10)}), ManifestError::OverlappingLayers);
}

TEST_F(ApplicationManifestTest, RefusesBadPolicies) {
  Bytes no_point(65, 0x04);
  Message body = body_with_layer();
  body.message(2, Message().bytes(2, no_point));
  EXPECT_EQ(check_body(body), ManifestError::BadPolicy);
  body = body_with_layer();
  body.message(2, Message().bytes(2, Bytes(64, 0x04)));
  EXPECT_EQ(check_body(body), ManifestError::BadPolicy);
  body = body_with_layer();
  body.message(3, Message().bytes(3, no_point));
  EXPECT_EQ(check_body(body), ManifestError::BadPolicy);
  body = body_with_layer();
  body.message(3, Message().number(1, 1000).number(2, 999));
  EXPECT_EQ(check_body(body), ManifestError::BadPolicy);
}

TEST_F(ApplicationManifestTest, RefusesWhatNeedsANewerKernel) {
  Message body = body_with_layer();
  body.message(4, Message().number(2, kKernelVersion + 1));
  EXPECT_EQ(check_body(body), ManifestError::KernelTooOld);
}

TEST_F(ApplicationManifestTest, ReadsAKeptManifestWithoutTheKey) {
  const Bytes envelope =
      testing::application_manifest(key(), std::vector{layer(0, 0x4000), layer(0x8000, 0x4000)});
  ApplicationManifest out;
  ASSERT_EQ(parse_trusted_application_manifest(envelope, out), ManifestError::None);
  EXPECT_EQ(out.layer_count, 2u);
  EXPECT_EQ(out.layers[1].start, 0x8000u);
}

}  // namespace
}  // namespace microvisor::firmware::manifest
