// The handshake by OpenSSL: the known answers, and what is refused.
#include "protocol/debug/noise.hpp"

#include "protocol/bundle/crypto.hpp"
#include "protocol/debug/test_session.hpp"

namespace microvisor::protocol::debug {
namespace {

using namespace test;
namespace known = known_answers;

class Noise : public ::testing::Test {
 protected:
  const Pair machine = Pair::of(fixed<32>(known::kMachineStatic));
  const Pair device = Pair::of(fixed<32>(known::kDeviceStatic));
  const Prologue about = prologue(known::kDeviceSid, fixed<32>(known::kManifestHash));
  const StaticKeys machine_keys{machine.secret, machine.point, device.point};
  const StaticKeys device_keys{device.secret, device.point, machine.point};
  const HandshakeMessage first = fixed<kHandshakeBytes>(known::kFirst);
  WithEphemeral<OpensslCrypto> machine_crypto{fixed<32>(known::kMachineEphemeral)};
  WithEphemeral<OpensslCrypto> device_crypto{fixed<32>(known::kDeviceEphemeral)};
  HandshakeMessage second{};
  Transport transport;

  bool answers(const HandshakeMessage& message, const StaticKeys& keys, const Prologue& prologue) {
    return respond(device_crypto, keys, prologue, message, second, transport);
  }
};

TEST_F(Noise, IsThePrologueOfTheFormat) {
  Bytes expected = {'m', 'i', 'c', 'r', 'o', 'v', 'i', 's', 'o', 'r', ' ', 'd', 'e', 'b', 'u', 'g', ' ', '1'};
  expected.insert(expected.end(), known::kDeviceSid.begin(), known::kDeviceSid.end());
  const Hash manifest = sha256(as_bytes("manifest"));
  expected.insert(expected.end(), manifest.begin(), manifest.end());
  EXPECT_EQ(Bytes(about.begin(), about.end()), expected);
}

TEST_F(Noise, MachineAndDeviceSayTheKnownAnswers) {
  Initiator initiator(machine_crypto, machine_keys, about);
  HandshakeMessage message{};
  ASSERT_TRUE(initiator.write(message));
  EXPECT_EQ(to_hex(message), known::kFirst);
  ASSERT_TRUE(answers(first, device_keys, about));
  EXPECT_EQ(to_hex(second), known::kSecond);
  Transport at_machine;
  ASSERT_TRUE(initiator.read(fixed<kHandshakeBytes>(known::kSecond), at_machine));

  const auto sealed = [](Transport& from, Crypto& crypto, Bytes plain) {
    Tag tag{};
    EXPECT_TRUE(from.seal(crypto, plain, tag));
    plain.insert(plain.end(), tag.begin(), tag.end());
    return plain;
  };
  Bytes numbers(200);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(to_hex(sealed(at_machine, machine_crypto, {0x01})), known::kFromMachine0);
  EXPECT_EQ(to_hex(sealed(at_machine, machine_crypto, numbers)), known::kFromMachine1);
  EXPECT_EQ(to_hex(sealed(transport, device_crypto, {0x81, 0x00, 0x01})), known::kFromDevice0);
  EXPECT_EQ(to_hex(sha256(sealed(transport, device_crypto, Bytes(2048)))), known::kFromDevice1);
}

TEST_F(Noise, AnyChangedByteOfMessage1IsFound) {
  for (std::size_t at = 0; at < first.size(); ++at) {
    HandshakeMessage changed = first;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 1U << at % 8);
    EXPECT_FALSE(answers(changed, device_keys, about)) << at;
    EXPECT_FALSE(transport.alive());
  }
}

TEST_F(Noise, AnyChangedByteOfMessage2IsFound) {
  for (std::size_t at = 0; at < first.size(); ++at) {
    Initiator initiator(machine_crypto, machine_keys, about);
    HandshakeMessage message{};
    ASSERT_TRUE(initiator.write(message));
    HandshakeMessage changed = fixed<kHandshakeBytes>(known::kSecond);
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 1U << at % 8);
    Transport at_machine;
    EXPECT_FALSE(initiator.read(changed, at_machine)) << at;
    EXPECT_FALSE(at_machine.alive());
  }
}

TEST_F(Noise, AnotherMachinesKeyIsRefused) {
  const Pair foreign = Pair::made();
  const StaticKeys keys{device.secret, device.point, foreign.point};
  EXPECT_FALSE(answers(first, keys, about));
}

TEST_F(Noise, AnotherDeviceCannotAnswer) {
  const Pair foreign = Pair::made();
  const StaticKeys keys{foreign.secret, foreign.point, machine.point};
  EXPECT_FALSE(answers(first, keys, about)) << "with its own key";
  const StaticKeys pretended{foreign.secret, device.point, machine.point};
  EXPECT_FALSE(answers(first, pretended, about)) << "with the right point but not its secret";
}

TEST_F(Noise, AnotherDeviceOrApplicationIsRefused) {
  const Digest manifest = fixed<32>(known::kManifestHash);
  EXPECT_FALSE(answers(first, device_keys, prologue("UV00112233445566778899aabbccddeefe", manifest)));
  Digest other = manifest;
  other[31] ^= 1;
  EXPECT_FALSE(answers(first, device_keys, prologue(known::kDeviceSid, other)));
  EXPECT_TRUE(answers(first, device_keys, about));
}

/// Message 1 as somebody makes it who knows all points but no secret: the tag is wrong, but before that the
/// point has to be one.
TEST_F(Noise, PointsThatAreNoneAreRefused) {
  OpensslCrypto crypto;
  Digest shared{};
  const Scalar secret = fixed<32>(known::kDeviceStatic);
  ASSERT_TRUE(crypto.agree(secret, machine.point, shared));
  Point bad{};
  EXPECT_FALSE(crypto.agree(secret, bad, shared)) << "zeros";
  bad[0] = 4;
  EXPECT_FALSE(crypto.agree(secret, bad, shared)) << "(0, 0), which some take for infinity";
  bad = machine.point;
  bad[64] ^= 1;
  EXPECT_FALSE(crypto.agree(secret, bad, shared)) << "off the curve";
  bad = machine.point;
  bad[0] = 6;
  EXPECT_FALSE(crypto.agree(secret, bad, shared)) << "hybrid encoding";
  // A point of order 2 would be (x, 0): no x makes it one of P-256, whose order is odd.
  bad = machine.point;
  std::fill(bad.begin() + 33, bad.end(), std::uint8_t{0});
  EXPECT_FALSE(crypto.agree(secret, bad, shared)) << "y is 0";
  // The prime of the field (FIPS 186-4, D.1.2.3), and so x = 0 once more in another shape.
  bad = Point{4};
  const auto prime = fixed<32>("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
  std::copy(prime.begin(), prime.end(), bad.begin() + 1);
  EXPECT_FALSE(crypto.agree(secret, bad, shared)) << "x is not reduced";
}

TEST_F(Noise, SecretsOutOfRangeAreRefused) {
  OpensslCrypto crypto;
  Digest shared{};
  EXPECT_FALSE(crypto.agree(Scalar{}, machine.point, shared));
  // The order of P-256 (FIPS 186-4, D.1.2.3).
  const auto order = fixed<32>("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  EXPECT_FALSE(crypto.agree(order, machine.point, shared));
}

TEST_F(Noise, AnInitiatorReadsOneAnswer) {
  Initiator initiator(machine_crypto, machine_keys, about);
  HandshakeMessage message{};
  ASSERT_TRUE(initiator.write(message));
  Transport at_machine;
  ASSERT_TRUE(initiator.read(fixed<kHandshakeBytes>(known::kSecond), at_machine));
  Transport again;
  EXPECT_FALSE(initiator.read(fixed<kHandshakeBytes>(known::kSecond), again));
}

TEST_F(Noise, AFailedRecordIsTheEndOfATransport) {
  ASSERT_TRUE(answers(first, device_keys, about));
  Bytes record = from_hex(known::kFromMachine0).value();
  Tag tag{};
  std::copy(record.begin() + 1, record.end(), tag.begin());
  Tag wrong = tag;
  wrong[0] ^= 1;
  Bytes data = {record[0]};
  EXPECT_FALSE(transport.open(device_crypto, data, wrong));
  data = {record[0]};
  EXPECT_FALSE(transport.open(device_crypto, data, tag)) << "the right one comes too late";
  EXPECT_FALSE(transport.seal(device_crypto, data, tag));
  EXPECT_FALSE(transport.alive());
}

}  // namespace
}  // namespace microvisor::protocol::debug
