// The device's cryptography of debug sessions: the known answers, what is refused, and whole sessions with
// the developer's machine's, which is another implementation.
#include "firmware/crypto/debug_crypto.hpp"

#include "protocol/bundle/crypto.hpp"
#include "protocol/debug/test_session.hpp"

namespace microvisor::firmware::crypto {
namespace {

namespace debug = protocol::debug;
namespace known = protocol::debug::known_answers;
using namespace protocol::debug::test;
using protocol::Bytes;
using protocol::to_hex;

class DebugSessionOfDevice : public ::testing::Test {
 protected:
  DebugSessionOfDevice() {
    static std::vector<std::uint8_t> arena(48 * 1024);
    static bool done = false;
    if (!done) initialise_memory(arena);
    done = true;
  }
  DebugCrypto device;
  debug::OpensslCrypto machine;
};

/// DebugCrypto is final: the known answers want a given ephemeral key.
class DeviceWithEphemeral final : public debug::Crypto {
 public:
  explicit DeviceWithEphemeral(const debug::Scalar& secret) : pair_(Pair::of(secret)) {}
  [[nodiscard]] debug::Digest sha256(Parts parts) override { return crypto_.sha256(parts); }
  [[nodiscard]] bool generate(debug::Scalar& secret, debug::Point& point) override {
    secret = pair_.secret;
    point = pair_.point;
    return true;
  }
  [[nodiscard]] bool agree(const debug::Scalar& secret, const debug::Point& peer,
                           debug::Digest& shared) override {
    return crypto_.agree(secret, peer, shared);
  }
  [[nodiscard]] bool encrypt(const debug::CipherKey& key, const debug::CipherNonce& nonce,
                             std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                             debug::Tag& tag) override {
    return crypto_.encrypt(key, nonce, associated, data, tag);
  }
  [[nodiscard]] bool decrypt(const debug::CipherKey& key, const debug::CipherNonce& nonce,
                             std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                             const debug::Tag& tag) override {
    return crypto_.decrypt(key, nonce, associated, data, tag);
  }

 private:
  DebugCrypto crypto_;
  Pair pair_;
};

TEST_F(DebugSessionOfDevice, SaysTheKnownAnswers) {
  DeviceWithEphemeral crypto(fixed<32>(known::kDeviceEphemeral));
  const Pair own = Pair::of(fixed<32>(known::kDeviceStatic));
  const Pair peer = Pair::of(fixed<32>(known::kMachineStatic));
  const auto about = prologue(known::kDeviceSid, fixed<32>(known::kManifestHash));
  debug::HandshakeMessage second{};
  debug::Transport transport;
  ASSERT_TRUE(debug::respond(crypto, {own.secret, own.point, peer.point}, about,
                             fixed<debug::kHandshakeBytes>(known::kFirst), second, transport));
  EXPECT_EQ(to_hex(second), known::kSecond);

  Bytes record = protocol::from_hex(known::kFromMachine0).value();
  debug::Tag tag{};
  std::copy(record.begin() + 1, record.end(), tag.begin());
  record.resize(1);
  ASSERT_TRUE(transport.open(crypto, record, tag));
  EXPECT_EQ(record, Bytes{0x01});
  Bytes said = {0x81, 0x00, 0x01};
  ASSERT_TRUE(transport.seal(crypto, said, tag));
  EXPECT_EQ(to_hex(said) + to_hex(tag), known::kFromDevice0);
  said.assign(2048, 0);
  ASSERT_TRUE(transport.seal(crypto, said, tag));
  said.insert(said.end(), tag.begin(), tag.end());
  EXPECT_EQ(to_hex(protocol::sha256(said)), known::kFromDevice1);
}

TEST_F(DebugSessionOfDevice, HoldsSessionsWithTheMachine) {
  for (int i = 0; i < 10; ++i) {
    Sides sides(machine, device);
    sides.connect();
    for (const std::size_t size : {1U, 15U, 16U, 17U, 1000U, 2047U, 2048U}) {
      const Bytes message(size, static_cast<std::uint8_t>(size + static_cast<unsigned>(i)));
      EXPECT_EQ(sides.command(message), message);
      EXPECT_EQ(sides.event(message), message);
    }
  }
}

TEST_F(DebugSessionOfDevice, TheMachinesSideWorksWithItToo) {
  Sides sides(device, machine);
  sides.connect();
  EXPECT_EQ(sides.event({0xC1, 0x03}), (Bytes{0xC1, 0x03}));
}

TEST_F(DebugSessionOfDevice, RefusesWhatIsNotTheMachines) {
  const Pair foreign = Pair::made();
  Sides sides(machine, device);
  const debug::StaticKeys keys{foreign.secret, foreign.point, sides.device_key.point};
  debug::Requester stranger(machine, keys, sides.about);
  EXPECT_FALSE(sides.shake_hands(stranger, 2));
  EXPECT_EQ(sides.ending(), debug::Closing::Authentication);
  for (std::size_t at = 0; at < 19; ++at) {
    Sides each(machine, device);
    each.connect();
    Bytes record = each.record({0x06, 0x00, 0x09});
    record[debug::kLengthBytes + at] ^= 0x80;
    each.to_device(2, record);
    EXPECT_EQ(each.ending(), debug::Closing::Authentication) << at;
  }
}

TEST_F(DebugSessionOfDevice, PointsThatAreNoneAreRefused) {
  const Pair own = Pair::made();
  const Pair peer = Pair::made();
  debug::Digest mine{}, theirs{};
  ASSERT_TRUE(device.agree(own.secret, peer.point, mine));
  ASSERT_TRUE(machine.agree(peer.secret, own.point, theirs));
  EXPECT_EQ(mine, theirs);
  debug::Point bad{};
  EXPECT_FALSE(device.agree(own.secret, bad, mine)) << "zeros";
  bad[0] = 4;
  EXPECT_FALSE(device.agree(own.secret, bad, mine)) << "(0, 0), which some take for infinity";
  bad = peer.point;
  bad[64] ^= 1;
  EXPECT_FALSE(device.agree(own.secret, bad, mine)) << "off the curve";
  bad = peer.point;
  bad[0] = 6;
  EXPECT_FALSE(device.agree(own.secret, bad, mine)) << "hybrid encoding";
  bad = peer.point;
  std::fill(bad.begin() + 33, bad.end(), std::uint8_t{0});
  EXPECT_FALSE(device.agree(own.secret, bad, mine)) << "y is 0, as of a point of order 2";
  EXPECT_FALSE(device.agree(debug::Scalar{}, peer.point, mine)) << "secret 0";
}

}  // namespace
}  // namespace microvisor::firmware::crypto
