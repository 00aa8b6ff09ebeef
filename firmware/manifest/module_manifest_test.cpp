// What a device demands of the manifest of a module's firmware, and that it is never taken for a kernel's.
#include <gtest/gtest.h>

#include "firmware/manifest/manifest.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"

namespace microvisor::firmware::manifest {
namespace {

using testing::Bytes;
using testing::Message;
using testing::SigningKey;

class ModuleManifestTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::initialise_crypto(); }
  static const SigningKey& vendor() {
    static const SigningKey value(0x33);
    return value;
  }
  static Message body(const std::string& module = "MV-WIFI1", std::uint32_t size = 70'000,
                      std::size_t hash_size = 32) {
    return Message()
        .bytes(20, Bytes(module.begin(), module.end()))
        .number(21, 7)
        .number(22, size)
        .bytes(23, Bytes(hash_size, 0xAB));
  }
  ManifestError check(const Bytes& envelope) {
    const ManifestError error = check_module_manifest(envelope, vendor().point, out_, verdict_);
    EXPECT_EQ(error == ManifestError::None, verdict_ == crypto::Verdict::Valid)
        << "the two answers must agree";
    return error;
  }
  ManifestError check_body(const Message& message) { return check(testing::sign(vendor(), message)); }

  ModuleManifest out_;
  crypto::Verdict verdict_ = crypto::Verdict::Valid;
};

TEST_F(ModuleManifestTest, AcceptsAGoodOne) {
  ASSERT_EQ(check_body(body()), ManifestError::None);
  EXPECT_STREQ(out_.module.data(), "MV-WIFI1");
  EXPECT_EQ(out_.version, 7u);
  EXPECT_EQ(out_.size, 70'000u);
  EXPECT_EQ(out_.hash[31], 0xAB);
  EXPECT_FALSE(out_.may_replace_newer);
  ASSERT_EQ(check_body(body().number(24, 1)), ManifestError::None);
  EXPECT_TRUE(out_.may_replace_newer);
}

TEST_F(ModuleManifestTest, RefusesOtherSignersAndChanges) {
  EXPECT_EQ(check(testing::sign(SigningKey(0x34), body())), ManifestError::UnknownSigner);
  const Bytes good = testing::sign(vendor(), body());
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ (0x80u >> (at % 8)));
    EXPECT_NE(check(changed), ManifestError::None) << "byte " << at;
  }
}

TEST_F(ModuleManifestTest, RefusesWhatIsNotWhole) {
  EXPECT_EQ(check_body(body("")), ManifestError::WrongDevice);
  EXPECT_EQ(check_body(body(std::string(24, 'x'))), ManifestError::Malformed);
  EXPECT_EQ(check_body(body("MV-WIFI1", 0)), ManifestError::BadLayer);
  EXPECT_EQ(check_body(body("MV-WIFI1", kMaximumModuleImage + 1)), ManifestError::BadLayer);
  EXPECT_EQ(check_body(body("MV-WIFI1", 1, 31)), ManifestError::BadLayer);
}

/// The same key signs both.
TEST_F(ModuleManifestTest, IsNoKernelsAndAKernelsIsNone) {
  KernelManifest kernel;
  const Bytes module = testing::sign(vendor(), body());
  EXPECT_EQ(check_kernel_manifest(module, vendor().point, kernel, verdict_), ManifestError::WrongDevice);
  const Message layer = Message().number(1, 1).bytes(3, Bytes(32, 0xAB));
  EXPECT_EQ(check_body(Message().message(1, layer).message(2, Message().number(2, kDeviceType))),
            ManifestError::WrongDevice);
}

}  // namespace
}  // namespace microvisor::firmware::manifest
