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
  EXPECT_EQ(out_.kernel.hash[0], 0xAB);
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
  EXPECT_EQ(check_body(Message().message(1, encrypted).message(2, meta())), ManifestError::BadLayer)
      << "what it will be is not stated";
  Message plain = kernel_layer();
  plain.bytes(1000, Bytes(32, 0xCD));
  EXPECT_EQ(check_body(Message().message(1, plain).message(2, meta())), ManifestError::BadLayer);
}

TEST_F(KernelManifestTest, AnEncryptedLayerIsKnownByItsPlainBytes) {
  const Message layer =
      Message().number(1, 1).number(2, 5).bytes(3, Bytes(32, 0xAB)).bytes(1000, Bytes(32, 0xCD));
  ASSERT_EQ(check_body(Message().message(1, layer).message(2, meta())), ManifestError::None);
  EXPECT_EQ(out_.kernel.hash[31], 0xCD);
  EXPECT_EQ(out_.kernel.fetch_hash[31], 0xAB);
  EXPECT_EQ(out_.kernel.encrypted_with, 5u);
}

TEST_F(KernelManifestTest, TakesBootStagesBesideTheKernel) {
  const auto stage = [](std::uint64_t target, std::uint8_t fill) {
    return Message().number(1, target).bytes(3, Bytes(32, fill));
  };
  const Message both = Message()
                           .message(1, stage(4, 0x44))
                           .message(1, kernel_layer())
                           .message(1, stage(3, 0x33))
                           .message(2, meta());
  ASSERT_EQ(check_body(both), ManifestError::None);
  EXPECT_TRUE(out_.bootrom.present && out_.upgrader.present);
  EXPECT_EQ(out_.bootrom.hash[31], 0x33);
  EXPECT_EQ(out_.upgrader.hash[31], 0x44);
  EXPECT_EQ(out_.kernel.hash[31], 0xAB);
  EXPECT_EQ(check_body(Message()
                           .message(1, kernel_layer())
                           .message(1, stage(3, 1))
                           .message(1, stage(3, 1))
                           .message(2, meta())),
            ManifestError::WrongTarget);
  EXPECT_EQ(check_body(Message().message(1, kernel_layer()).message(1, stage(5, 1)).message(2, meta())),
            ManifestError::BadLayer);
}

TEST_F(KernelManifestTest, ALayerOfGatesMustBeEmpty) {
  const auto with_gates = [](const Bytes& hash) {
    return Message()
        .message(1, kernel_layer())
        .message(1, Message().number(1, 2).bytes(3, hash))
        .message(2, meta());
  };
  const crypto::Digest nothing = crypto::sha256({});
  EXPECT_EQ(check_body(with_gates(Bytes(nothing.begin(), nothing.end()))), ManifestError::None);
  EXPECT_EQ(check_body(with_gates({})), ManifestError::None);
  EXPECT_EQ(check_body(with_gates(Bytes(32, 0x11))), ManifestError::GateLayer);
}

}  // namespace
}  // namespace microvisor::firmware::manifest
