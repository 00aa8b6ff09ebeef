// Keys and a pair of sides for tests of sessions, with whatever cryptography a side has.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "protocol/bundle/bytes.hpp"
#include "protocol/debug/known_answers.hpp"
#include "protocol/debug/openssl_crypto.hpp"
#include "protocol/debug/requester.hpp"
#include "protocol/debug/responder.hpp"

namespace microvisor::protocol::debug::test {

template <std::size_t kSize>
std::array<std::uint8_t, kSize> fixed(std::string_view hex) {
  const Bytes bytes = from_hex(hex).value();
  std::array<std::uint8_t, kSize> result{};
  if (bytes.size() != kSize) throw std::runtime_error("another length");
  std::copy(bytes.begin(), bytes.end(), result.begin());
  return result;
}

/// A pair of keys of a side that stays.
struct Pair {
  Scalar secret{};
  Point point{};

  static Pair of(const Scalar& secret) {
    Pair pair{secret, {}};
    if (!point_of(secret, pair.point)) throw std::runtime_error("out of range");
    return pair;
  }
  static Pair made() {
    Pair pair;
    if (!OpensslCrypto().generate(pair.secret, pair.point)) throw std::runtime_error("no key");
    return pair;
  }
};

/// Whatever `Base` does, with one given ephemeral key.
template <class Base>
class WithEphemeral : public Base {
 public:
  explicit WithEphemeral(const Scalar& secret) : pair_(Pair::of(secret)) {}
  [[nodiscard]] bool generate(Scalar& secret, Point& point) override {
    secret = pair_.secret;
    point = pair_.point;
    return true;
  }

 private:
  Pair pair_;
};

inline Prologue prologue(std::string_view sid, const Digest& manifest) {
  return prologue_of(as_bytes(sid).first<kDeviceSidBytes>(), manifest);
}

/// Machine and device of one session, and what is between them.
struct Sides {
  Pair machine_key = Pair::made();
  Pair device_key = Pair::made();
  Prologue about = prologue(known_answers::kDeviceSid, fixed<32>(known_answers::kManifestHash));
  StaticKeys machine_keys{machine_key.secret, machine_key.point, device_key.point};
  StaticKeys device_keys{device_key.secret, device_key.point, machine_key.point};

  Requester machine;
  Responder device;
  std::uint64_t now = 1'000'000;

  Sides(Crypto& machine_crypto, Crypto& device_crypto)
      : machine(machine_crypto, machine_keys, about), device(device_crypto) {
    device.allow(device_keys, about);
  }
  Sides(const Sides&) = delete;

  /// What a side has to say, all of it.
  static Bytes taken(Requester& from) {
    Bytes bytes(from.output().begin(), from.output().end());
    from.sent(bytes.size());
    return bytes;
  }
  Bytes taken(std::uint32_t stream) {
    const auto output = device.output(stream);
    Bytes bytes(output.begin(), output.end());
    device.sent(stream, bytes.size());
    return bytes;
  }
  std::size_t to_device(std::uint32_t stream, ByteView bytes) { return device.push(stream, bytes, now); }

  /// The handshake of `with` on `stream`; true if the machine has found the device to be the right one.
  bool shake_hands(Requester& with, std::uint32_t stream) {
    if (!device.open(stream, now) || !with.start()) return false;
    to_device(stream, taken(with));
    const Bytes answer = taken(stream);
    return with.push(answer) == answer.size() && with.open();
  }
  /// A session, whose first command has been dealt with.
  void connect(std::uint32_t stream = 2) {
    ASSERT_TRUE(shake_hands(machine, stream));
    ASSERT_EQ(device.session(), 0U) << "before the machine has proven to be there";
    ASSERT_EQ(command({0x0E}), Bytes{0x0E});
    ASSERT_EQ(device.session(), 1U);
  }
  /// One message to the device: what it reads there.
  Bytes command(const Bytes& plain, std::uint32_t stream = 2) {
    EXPECT_TRUE(machine.send(plain));
    to_device(stream, taken(machine));
    return received();
  }
  Bytes received() {
    Bytes message(device.message().begin(), device.message().end());
    device.message_done();
    return message;
  }
  /// A record from the machine, as it goes on the stream.
  Bytes record(const Bytes& plain) {
    EXPECT_TRUE(machine.send(plain));
    return taken(machine);
  }
  /// One message to the machine: what it reads there.
  Bytes event(const Bytes& plain, std::uint32_t stream = 2) {
    const auto room = device.room();
    EXPECT_GE(room.size(), plain.size());
    std::copy(plain.begin(), plain.end(), room.begin());
    device.send(plain.size());
    const Bytes wire = taken(stream);
    EXPECT_EQ(machine.push(wire), wire.size());
    Bytes message(machine.message().begin(), machine.message().end());
    machine.message_done();
    return message;
  }
  /// What the machine reads in the first bytes of a record that came with an ending.
  Bytes heard(ByteView record, std::size_t size) {
    EXPECT_EQ(machine.push(record.first(size)), size);
    Bytes message(machine.message().begin(), machine.message().end());
    machine.message_done();
    return message;
  }
  std::optional<Closing> ending(std::uint32_t stream = 2) {
    const auto ending = device.take_ending();
    if (!ending) return std::nullopt;
    EXPECT_EQ(ending->number, stream);
    return ending->why;
  }
};

}  // namespace microvisor::protocol::debug::test
