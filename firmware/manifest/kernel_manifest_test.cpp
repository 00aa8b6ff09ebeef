// What the bootrom demands of a kernel's manifest.
#include <gtest/gtest.h>

#include "firmware/manifest/manifest.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"

namespace microvisor::firmware::manifest {
namespace {

using testing::Bytes;
using testing::Message;
using testing::SigningKey;

class KernelManifestTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::initialise_crypto(); }
  static const SigningKey& vendor() {
    static const SigningKey value(0x33);
    return value;
  }
  static Message kernel_layer(std::size_t hash_size = 32) {
    return Message().number(1, 1).bytes(3, Bytes(hash_size, 0xAB));
  }
  static Message meta(std::uint32_t device = 1) {
    const std::string version = "0.1.0";
    return Message()
        .number(1, 2)
        .number(2, device)
        .bytes(3, Bytes(version.begin(), version.end()))
        .number(4, 1000);
  }
  ManifestError check(const Bytes& envelope) {
    const ManifestError error = check_kernel_manifest(envelope, vendor().point, out_, verdict_);
    EXPECT_EQ(error == ManifestError::None, verdict_ == crypto::Verdict::Valid)
        << "the two answers must agree";
    return error;
  }
  ManifestError check_body(const Message& body) { return check(testing::sign(vendor(), body)); }

  KernelManifest out_;
  crypto::Verdict verdict_ = crypto::Verdict::Valid;
};

TEST_F(KernelManifestTest, AcceptsAGoodOne) {
  ASSERT_EQ(check_body(Message().message(1, kernel_layer()).message(2, meta())), ManifestError::None);
  EXPECT_EQ(out_.kernel_hash[0], 0xAB);
  EXPECT_EQ(out_.security_ratchet, 2u);
  EXPECT_EQ(out_.version_number, 1000u);
  EXPECT_STREQ(out_.version_string.data(), "0.1.0");
}

TEST_F(KernelManifestTest, RefusesOtherSignersAndChanges) {
  const Message body = Message().message(1, kernel_layer()).message(2, meta());
  EXPECT_EQ(check(testing::sign(SigningKey(0x34), body)), ManifestError::UnknownSigner);
  const Bytes good = testing::sign(vendor(), body);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ (0x80u >> (at % 8)));
    EXPECT_NE(check(changed), ManifestError::None) << "byte " << at;
  }
}

TEST_F(KernelManifestTest, RefusesWhatIsNotAKernelForThisDevice) {
  EXPECT_EQ(check_body(Message().message(2, meta())), ManifestError::WrongTarget);
  EXPECT_EQ(check_body(Message().message(1, kernel_layer()).message(1, kernel_layer()).message(2, meta())),
            ManifestError::WrongTarget);
  EXPECT_EQ(check_body(Message().message(1, kernel_layer()).message(2, meta(2))), ManifestError::WrongDevice);
  EXPECT_EQ(check_body(Message().message(1, kernel_layer())), ManifestError::WrongDevice);
  EXPECT_EQ(check_body(Message().message(1, kernel_layer(31)).message(2, meta())), ManifestError::BadLayer);
  Message encrypted = kernel_layer();
  encrypted.number(2, 5);
  EXPECT_EQ(check_body(Message().message(1, encrypted).message(2, meta())), ManifestError::EncryptedLayer);
}

}  // namespace
}  // namespace microvisor::firmware::manifest
