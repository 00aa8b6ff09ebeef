// Releases of Microvisor: what a service may store, and what it refuses.
#include "protocol/bundle/kernel_bundle.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle.pb.h"
#include "protocol/bundle/zip.hpp"

namespace microvisor::protocol {
namespace {

std::string text_of(const Hash& hash) { return {hash.begin(), hash.end()}; }

struct KernelBundleTest : testing::Test {
  SigningKey vendor = SigningKey::generate();
  Bytes kernel = Bytes(5000, 1);
  Bytes upgrader = Bytes(3000, 2);
  bundle::KernelManifest::KernelBody body;

  KernelBundleTest() {
    body.mutable_meta()->set_version_string("1.2.3");
    body.mutable_meta()->set_version_number(1'002'003);
    body.mutable_meta()->set_version_security_ratchet(4);
    body.mutable_meta()->set_device_type(bundle::Imp201c);
    add(bundle::Kernel, text_of(sha256(kernel)));
    add(bundle::NSC, "");
    add(bundle::Upgrader, text_of(sha256(upgrader)));
  }
  void add(bundle::KernelLayerRegion region, const std::string& hash) {
    auto* layer = body.add_layers();
    layer->set_target(region);
    layer->set_fetch_hash(hash);
  }
  Bytes manifest() { return sign_envelope(as_bytes(body.SerializeAsString()), vendor); }
  Bytes zip(const Bytes& entry) {
    ZipWriter writer;
    writer.add(to_hex(sha256(kernel)), kernel);
    writer.add(to_hex(sha256(upgrader)), upgrader);
    writer.add("manifest", entry);
    return std::move(writer).finish();
  }
  static Refusal refusal(const Bytes& archive) {
    const auto read = read_kernel_bundle(archive);
    EXPECT_FALSE(read.has_value());
    return read ? Refusal::NotAZip : read.error().refusal;
  }
};

TEST_F(KernelBundleTest, IsReadWhole) {
  const Bytes entry = manifest();
  const auto read = read_kernel_bundle(zip(entry));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->manifest, entry);
  EXPECT_EQ(read->info.version, "1.2.3");
  EXPECT_EQ(read->info.version_number, 1'002'003U);
  EXPECT_EQ(read->info.security_ratchet, 4U);
  EXPECT_EQ(read->info.device_type, 1U);
  EXPECT_TRUE(is_signed_by(read->info, vendor.public_key()));
  ASSERT_EQ(read->layers.size(), 2U) << "a layer of gates that is empty is no object";
  EXPECT_EQ(read->layers[0].bytes, kernel);
  EXPECT_EQ(read->layers[1].bytes, upgrader);
}

TEST_F(KernelBundleTest, RefusesWhatIsNotWhole) {
  EXPECT_EQ(refusal(Bytes(100, 0)), Refusal::NotAZip);
  ZipWriter empty;
  EXPECT_EQ(refusal(std::move(empty).finish()), Refusal::NoManifest);
  const Bytes unsigned_body = [&] {
    bundle::OpaqueManifest envelope;
    envelope.set_body(body.SerializeAsString());
    const std::string bytes = envelope.SerializeAsString();
    return Bytes(bytes.begin(), bytes.end());
  }();
  EXPECT_EQ(refusal(zip(unsigned_body)), Refusal::BadSignature);
  add(bundle::Boot, text_of(sha256(Bytes(7, 7))));
  EXPECT_EQ(refusal(zip(manifest())), Refusal::LayerMissing);
  body.mutable_layers(3)->set_fetch_hash("short");
  EXPECT_EQ(refusal(zip(manifest())), Refusal::BadHashLength);
  body.clear_layers();
  EXPECT_EQ(refusal(zip(manifest())), Refusal::NoLayer);
  body.mutable_meta()->set_version_string(std::string(1000, 'v'));
  EXPECT_EQ(refusal(zip(manifest())), Refusal::ManifestTooLarge);
}

TEST_F(KernelBundleTest, RefusesALayerThatIsNotWhatItsNameSays) {
  ZipWriter writer;
  writer.add(to_hex(sha256(kernel)), Bytes(5000, 3));
  writer.add(to_hex(sha256(upgrader)), upgrader);
  writer.add("manifest", manifest());
  EXPECT_EQ(refusal(std::move(writer).finish()), Refusal::HashMismatch);
}

}  // namespace
}  // namespace microvisor::protocol
