// Releases of Microvisor: what a service may store, and what it refuses.
#include "protocol/bundle/kernel_bundle.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle.pb.h"
#include "protocol/bundle/layer_encryption.hpp"
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

TEST_F(KernelBundleTest, IsEncryptedLayerByLayerAndSignedAnew) {
  const auto release = read_kernel_bundle(zip(manifest()));
  ASSERT_TRUE(release.has_value());
  const SigningKey layer_key = SigningKey::generate(), other = SigningKey::generate();
  const auto encrypted = encrypt_kernel_bundle(*release, layer_key.public_key(), other);
  ASSERT_TRUE(encrypted.has_value()) << encrypted.error().message;
  const auto read = read_kernel_bundle(write_kernel_bundle(*encrypted));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_TRUE(is_signed_by(read->info, other.public_key()));
  EXPECT_EQ(read->info.version, "1.2.3");
  bundle::KernelManifest::KernelBody made;
  ASSERT_TRUE(made.ParseFromArray(read->info.body.data(), static_cast<int>(read->info.body.size())));
  ASSERT_EQ(made.layers_size(), 3);
  EXPECT_EQ(made.layers(0).plain_hash(), text_of(sha256(kernel)));
  EXPECT_EQ(made.layers(2).plain_hash(), text_of(sha256(upgrader)));
  EXPECT_TRUE(made.layers(1).plain_hash().empty()) << "gates";
  for (const int i : {0, 2})
    EXPECT_EQ(made.layers(i).encrypted_with_key_id(), layer_key_id(layer_key.public_key()));
  ASSERT_EQ(read->layers.size(), 2U);
  EXPECT_EQ(read->layers[0].bytes.size(), kernel.size() + kEncryptedLayerOverhead);
}

TEST_F(KernelBundleTest, RefusesAnEncryptedLayerOfWhichItIsNotSaidWhatItIs) {
  body.mutable_layers(0)->set_encrypted_with_key_id(5);
  EXPECT_EQ(refusal(zip(manifest())), Refusal::BadHashLength);
  body.mutable_layers(0)->set_encrypted_with_key_id(0);
  body.mutable_layers(0)->set_plain_hash(text_of(sha256(kernel)));
  EXPECT_EQ(refusal(zip(manifest())), Refusal::BadHashLength);
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
