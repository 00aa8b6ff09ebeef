// Attestation over the link: the device's answer as the cloud judges it.
#include <gtest/gtest.h>

#include <algorithm>

#include "cloud/attestation/attestations.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

protocol::Hash filled(std::uint8_t value) {
  protocol::Hash hash;
  hash.fill(value);
  return hash;
}

class LinkAttestation : public ::testing::Test {
 protected:
  LinkAttestation() : device(line, gateway, owner.public_key()) {
    Key key = Key::generate();
    const auto scalar = key.scalar();
    std::copy(scalar.begin(), scalar.end(), device.identity_record.device_private_key.begin());
    const auto der = gateway.device_authority().leaf(key, kDeviceSid).der();
    EXPECT_TRUE(device.identity_record.device_certificate.assign(der));
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(key.handle.get(), "encoded-pub-key", public_key.data(), public_key.size(),
                                    &size);
    device.evidence = {.record = 3,
                       .reset_cause = 0x0400'0000,
                       .ratchet = 1,
                       .kernel_ratchet = 2,
                       .kernel_version = 1000,
                       .bootrom = filled(0xB1),
                       .upgrader = filled(0xB2),
                       .kernel = filled(0xB3),
                       .kernel_manifest = filled(0xB4)};
  }

  /// Connects once more; the answer of that connection.
  link::Attestation attest() {
    const std::size_t before = gateway.seen().attestations.size();
    EXPECT_TRUE(device.run_until([&] { return gateway.seen().attestations.size() > before; }));
    const Seen seen = gateway.seen();
    return seen.attestations.size() > before ? seen.attestations.back() : link::Attestation();
  }
  [[nodiscard]] std::string judge(const link::Attestation& answer, const protocol::Hash& nonce) {
    return cloud::check_attestation(answer, public_key, nonce, statement);
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
  protocol::PublicKey public_key{};
  protocol::AttestationStatement statement;
};

TEST_F(LinkAttestation, TheDeviceSignsWhatItIsMadeOf) {
  const link::Attestation answer = attest();
  EXPECT_EQ(judge(answer, gateway.seen().nonces.back()), "");
  EXPECT_EQ(statement.boot, device.evidence);
  EXPECT_EQ(statement.application, protocol::Hash{}) << "there is none";
}

TEST_F(LinkAttestation, EachConnectionHasItsOwnNonce) {
  const link::Attestation first = attest();
  const protocol::Hash first_nonce = gateway.seen().nonces.back();
  const link::Attestation second = attest();
  const protocol::Hash second_nonce = gateway.seen().nonces.back();
  EXPECT_NE(first_nonce, second_nonce);
  EXPECT_EQ(judge(first, first_nonce), "");
  EXPECT_EQ(judge(second, second_nonce), "");
  EXPECT_EQ(judge(first, second_nonce), "answers another nonce") << "an earlier connection's, repeated";
}

TEST_F(LinkAttestation, AnApplicationIsNamedOnceItIsInstalled) {
  const protocol::Bytes image(3000, 7);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), owner);
  ASSERT_TRUE(manifest.has_value());
  gateway.offer(image, *manifest);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }));
  device.reset();
  const link::Attestation answer = attest();
  EXPECT_EQ(judge(answer, gateway.seen().nonces.back()), "");
  EXPECT_EQ(statement.application, protocol::sha256(*manifest));
}

TEST_F(LinkAttestation, TheAnswerOfAnotherKeyIsNotBelieved) {
  const link::Attestation answer = attest();
  public_key = owner.public_key();
  EXPECT_EQ(judge(answer, gateway.seen().nonces.back()), "wrong signature");
}

TEST_F(LinkAttestation, AGatewayThatDoesNotAskIsServedAsBefore) {
  gateway.ask_for_attestation(false);
  device.log.emplace_back("still here");
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 1; }));
  EXPECT_EQ(gateway.seen().sessions, 1u);
  EXPECT_TRUE(gateway.seen().attestations.empty());
}

}  // namespace
}  // namespace microvisor::test
