// A new device's request is read by the other side as it was meant, and only the certificate of its own CA
// for its own key and SID is taken.
#include "firmware/factory/new_device.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cloud/gateway/pki.hpp"
#include "cloud/test/fixtures.hpp"
#include "protocol/bundle/openssl.hpp"
#include "protocol/factory/device_request.hpp"

namespace microvisor::tests {
namespace {

using namespace firmware;

protocol::Bytes der_of(const std::string& pem) {
  using namespace protocol::openssl;
  const OwnedCertificate certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  protocol::Bytes der(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  unsigned char* end = der.data();
  EXPECT_GT(i2d_X509(certificate.get(), &end), 0);
  return der;
}

class NewDeviceTest : public testing::Test {
 protected:
  NewDeviceTest() {
    alignas(8) static std::array<std::uint8_t, 72 * 1024> arena;
    static const bool done = (crypto::initialise_memory(arena), true);
    (void)done;
    EXPECT_TRUE(identity.device_certificate.assign(der_of(pki.device_ca())));
    EXPECT_TRUE(factory::make_key(identity));
  }
  protocol::DeviceRequest request() {
    factory::Facts facts{1'002'003, {0x0403'0201, 2, 3}, 0x9FEF'F8DC, 0x0C10'0001, 5, 6, 7};
    EXPECT_TRUE(factory::make_request(identity, facts, bytes));
    const auto read = protocol::read_device_request(bytes);
    EXPECT_TRUE(read.has_value());
    return *read;
  }
  protocol::Bytes certificate(const cloud::Pki& by, const std::string& sid, const protocol::PublicKey& key) {
    return der_of(*by.issue_device_certificate(sid, protocol::public_key_to_pem(key)));
  }

  cloud::test::World world;
  cloud::Pki pki = cloud::Pki::open(*world.store, world.vault);
  vault::Identity identity;
  factory::Request bytes{};
};

TEST_F(NewDeviceTest, TheRequestSaysWhatTheDeviceIs) {
  const protocol::DeviceRequest read = request();
  EXPECT_EQ(read.sid, identity.device_sid.text());
  EXPECT_EQ(read.sid, protocol::sid_of_key(read.public_key));
  EXPECT_EQ(read.kernel_version, 1'002'003u);
  EXPECT_EQ(read.chip, "010203040200000003000000");
  EXPECT_EQ(protocol::readout_protection(read), "1");
  EXPECT_EQ(read.wrp2ar, 7u);
  const auto code = factory::claim_code(identity.device_private_key);
  EXPECT_EQ(protocol::claim_hash(read.sid, {code.data(), code.size()}), read.claim);
  std::string spaced = std::string(code.data(), 4) + "-" + std::string(code.data() + 4, 12);
  for (char& c : spaced) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(protocol::claim_hash(read.sid, spaced), read.claim);
  EXPECT_NE(protocol::claim_hash("UV" + std::string(32, '0'), {code.data(), code.size()}), read.claim);
}

TEST_F(NewDeviceTest, TwoDevicesShareNothing) {
  vault::Identity other;
  ASSERT_TRUE(factory::make_key(other));
  EXPECT_NE(other.device_private_key, identity.device_private_key);
  EXPECT_NE(other.device_sid.text(), identity.device_sid.text());
  EXPECT_NE(factory::claim_code(other.device_private_key), factory::claim_code(identity.device_private_key));
}

TEST_F(NewDeviceTest, ARequestThatWasTouchedIsRefused) {
  (void)request();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] ^= 1;
    EXPECT_FALSE(protocol::read_device_request(changed).has_value()) << i;
  }
  EXPECT_FALSE(protocol::read_device_request(std::span(bytes).first(bytes.size() - 1)).has_value());
}

TEST_F(NewDeviceTest, OnlyItsOwnCertificateIsTaken) {
  const protocol::DeviceRequest read = request();
  const protocol::Bytes good = certificate(pki, read.sid, read.public_key);
  EXPECT_TRUE(factory::is_certificate_of(identity, good));
  EXPECT_FALSE(
      factory::is_certificate_of(identity, certificate(pki, "UV" + std::string(32, '1'), read.public_key)))
      << "another SID";
  const auto other_key = protocol::SigningKey::generate().public_key();
  EXPECT_FALSE(factory::is_certificate_of(identity, certificate(pki, read.sid, other_key))) << "another key";
  cloud::test::World elsewhere;
  const cloud::Pki foreign = cloud::Pki::open(*elsewhere.store, elsewhere.vault);
  EXPECT_FALSE(factory::is_certificate_of(identity, certificate(foreign, read.sid, read.public_key)))
      << "another CA of the same name";
  EXPECT_FALSE(factory::is_certificate_of(identity, der_of(pki.device_ca()))) << "the CA itself";
  for (std::size_t i = 0; i < good.size(); i += 7) {
    protocol::Bytes damaged = good;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(factory::is_certificate_of(identity, damaged)) << i;
  }
  EXPECT_FALSE(factory::is_certificate_of(identity, std::span(good).first(good.size() - 1)));
}

}  // namespace
}  // namespace microvisor::tests
