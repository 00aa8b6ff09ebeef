// Whole sessions of machine and device, and all that whoever carries the bytes can do to them: the relay, the
// cloud, somebody with an old recording.
#include "protocol/debug/test_session.hpp"

namespace microvisor::protocol::debug {
namespace {

using namespace test;

class DebugSession : public ::testing::Test {
 protected:
  OpensslCrypto crypto;
  Sides sides{crypto, crypto};
};

Bytes long_message() {
  Bytes message(kMaximumMessage);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 5 + i / 256);
  return message;
}

TEST_F(DebugSession, CarriesMessagesBothWays) {
  sides.connect();
  EXPECT_EQ(sides.command(long_message()), long_message());
  EXPECT_EQ(sides.event(long_message()), long_message());
  EXPECT_EQ(sides.event({0x89, 0}), (Bytes{0x89, 0}));
  EXPECT_EQ(sides.command({0x09}), Bytes{0x09});
  EXPECT_FALSE(sides.ending().has_value());
}

TEST_F(DebugSession, TheWireShowsNothingOfWhatIsSaid) {
  sides.connect();
  const Bytes zeros(1000);
  const Bytes first = sides.record(zeros);
  ASSERT_EQ(first.size(), 2 + 1000 + 16U);
  EXPECT_EQ(first[0] << 8 | first[1], 1016);
  sides.to_device(2, first);
  ASSERT_EQ(sides.received(), zeros);
  const Bytes second = sides.record(zeros);
  EXPECT_NE(Bytes(first.begin() + 2, first.end()), Bytes(second.begin() + 2, second.end()));
}

TEST_F(DebugSession, MakesNoDifferenceInWhichPiecesBytesArrive) {
  ASSERT_TRUE(sides.device.open(2, sides.now));
  ASSERT_TRUE(sides.machine.start());
  const auto byte_by_byte = [&](const Bytes& bytes) {
    for (const std::uint8_t byte : bytes) ASSERT_EQ(sides.to_device(2, {&byte, 1}), 1U);
  };
  byte_by_byte(Sides::taken(sides.machine));
  for (const std::uint8_t byte : sides.taken(2)) ASSERT_EQ(sides.machine.push({&byte, 1}), 1U);
  ASSERT_TRUE(sides.machine.open());
  byte_by_byte(sides.record({0x0E}));
  EXPECT_EQ(sides.received(), Bytes{0x0E});
  byte_by_byte(sides.record(long_message()));
  EXPECT_EQ(sides.received(), long_message());
}

/// Back-pressure: a record behind one that waits is not consumed.
TEST_F(DebugSession, TakesNothingWhileAMessageWaits) {
  sides.connect();
  Bytes both = sides.record({0x0B});
  const std::size_t first = both.size();
  const Bytes second = sides.record({0x09});
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(sides.to_device(2, both), first);
  EXPECT_EQ(sides.to_device(2, ByteView(both).subspan(first)), 0U);
  EXPECT_EQ(sides.received(), Bytes{0x0B});
  EXPECT_EQ(sides.to_device(2, ByteView(both).subspan(first)), second.size());
  EXPECT_EQ(sides.received(), Bytes{0x09});
}

TEST_F(DebugSession, HasNoRoomWhileSomethingWaitsToBeSent) {
  sides.connect();
  ASSERT_FALSE(sides.device.room().empty());
  sides.device.send(1);
  EXPECT_TRUE(sides.device.room().empty());
  sides.device.sent(2, sides.device.output(2).size() - 1);
  EXPECT_TRUE(sides.device.room().empty());
  sides.device.sent(2, 1);
  EXPECT_EQ(sides.device.room().size(), kMaximumMessage);
}

// Who may.

TEST_F(DebugSession, NobodyIsHeardWhereThereIsNoKey) {
  Responder without(crypto);
  EXPECT_FALSE(without.open(2, 0));
}

TEST_F(DebugSession, AMachineWithAnotherKeyIsRefused) {
  const Pair foreign = Pair::made();
  const StaticKeys keys{foreign.secret, foreign.point, sides.device_key.point};
  Requester stranger(crypto, keys, sides.about);
  EXPECT_FALSE(sides.shake_hands(stranger, 2));
  EXPECT_EQ(sides.ending(), Closing::Authentication);
  EXPECT_EQ(sides.device.session(), 0U);
}

TEST_F(DebugSession, ADeviceWithAnotherKeyIsFoundOut) {
  const Pair foreign = Pair::made();
  const StaticKeys keys{foreign.secret, foreign.point, sides.machine_key.point};
  Responder impostor(crypto);
  impostor.allow(keys, sides.about);
  ASSERT_TRUE(impostor.open(2, 0));
  ASSERT_TRUE(sides.machine.start());
  static_cast<void>(impostor.push(2, Sides::taken(sides.machine), 0));
  EXPECT_TRUE(impostor.output(2).empty());
  // It answers nevertheless, with a message 2 out of another handshake.
  Sides other(crypto, crypto);
  ASSERT_TRUE(other.device.open(2, 0));
  ASSERT_TRUE(other.machine.start());
  other.to_device(2, Sides::taken(other.machine));
  static_cast<void>(sides.machine.push(other.taken(2)));
  EXPECT_FALSE(sides.machine.open());
  EXPECT_EQ(sides.machine.state(), Channel::State::NotAuthentic);
  EXPECT_FALSE(sides.machine.send(Bytes{0x0E}));
}

TEST_F(DebugSession, AnotherApplicationIsRefused) {
  Digest manifest{};
  Requester machine(crypto, sides.machine_keys, prologue(known_answers::kDeviceSid, manifest));
  EXPECT_FALSE(sides.shake_hands(machine, 2));
  EXPECT_EQ(sides.ending(), Closing::Authentication);
}

// Recordings.

TEST_F(DebugSession, AReplayedMessage1DisturbsNothing) {
  ASSERT_TRUE(sides.device.open(2, sides.now));
  ASSERT_TRUE(sides.machine.start());
  const Bytes first = Sides::taken(sides.machine);
  sides.to_device(2, first);
  ASSERT_GT(sides.machine.push(sides.taken(2)), 0U);
  const Bytes command = sides.record({0x0E});
  sides.to_device(2, command);
  ASSERT_EQ(sides.received(), Bytes{0x0E});

  ASSERT_TRUE(sides.device.open(4, sides.now));
  sides.to_device(4, first);
  EXPECT_FALSE(sides.taken(4).empty()) << "it cannot be told from a fresh one";
  EXPECT_EQ(sides.device.session(), 1U);
  sides.to_device(4, command);
  EXPECT_EQ(sides.ending(4), Closing::Authentication) << "but what followed it then does not verify now";
  EXPECT_TRUE(sides.device.message().empty());
  EXPECT_EQ(sides.device.session(), 1U);
  EXPECT_EQ(sides.command({0x09}), Bytes{0x09}) << "the session goes on";
}

TEST_F(DebugSession, RecordsOfAnOldSessionDoNotVerify) {
  sides.connect();
  const Bytes old = sides.record({0x0B});
  sides.device.closed(2);
  Requester again(crypto, sides.machine_keys, sides.about);
  ASSERT_TRUE(sides.shake_hands(again, 4));
  sides.to_device(4, old);
  EXPECT_EQ(sides.ending(4), Closing::Authentication);
  EXPECT_EQ(sides.device.session(), 0U);
}

// What a relay can do to a session that stands. Each ends it and nothing else.

class RelayAttack : public DebugSession {
 protected:
  RelayAttack() { sides.connect(); }
  void expect_end(Closing why) {
    EXPECT_EQ(sides.ending(), why);
    EXPECT_EQ(sides.device.session(), 0U);
    EXPECT_TRUE(sides.device.message().empty());
    EXPECT_TRUE(sides.device.room().empty());
    EXPECT_EQ(sides.to_device(2, sides.record({0x0E})), 2 + 1 + 16U) << "swallowed";
    EXPECT_TRUE(sides.device.message().empty());
    Requester again(crypto, sides.machine_keys, sides.about);
    EXPECT_TRUE(sides.shake_hands(again, 4)) << "another one can begin";
  }
};

TEST_F(RelayAttack, DroppedRecord) {
  static_cast<void>(sides.record({0x0B}));
  sides.to_device(2, sides.record({0x09}));
  expect_end(Closing::Authentication);
}

TEST_F(RelayAttack, DoubledRecord) {
  const Bytes record = sides.record({0x0B});
  sides.to_device(2, record);
  ASSERT_EQ(sides.received(), Bytes{0x0B});
  sides.to_device(2, record);
  expect_end(Closing::Authentication);
}

TEST_F(RelayAttack, ReorderedRecords) {
  static_cast<void>(sides.record({0x0B}));
  const Bytes second = sides.record({0x09});
  sides.to_device(2, second);
  expect_end(Closing::Authentication);
}

TEST_F(RelayAttack, TruncatedRecord) {
  Bytes record = sides.record({0x06, 0x00, 0x09});
  record.pop_back();
  record[1] = static_cast<std::uint8_t>(record[1] - 1);  // and its length with it
  sides.to_device(2, record);
  expect_end(Closing::Authentication);
}

TEST_F(RelayAttack, LongestAndLongerRecords) {
  const Bytes longest = sides.record(long_message());
  sides.to_device(2, longest);
  ASSERT_EQ(sides.received(), long_message());
  const Bytes header = {0x08, 0x11};  // 2065
  sides.to_device(2, header);
  sides.to_device(2, Bytes(1));
  expect_end(Closing::Protocol);
}

TEST_F(RelayAttack, RecordsWithoutContents) {
  sides.to_device(2, Bytes{0, 16, 1});
  expect_end(Closing::Protocol);
}

TEST_F(RelayAttack, AnEmptyRecord) {
  sides.to_device(2, Bytes{0, 0, 1});
  expect_end(Closing::Protocol);
}

TEST_F(RelayAttack, ReflectedRecord) {
  const auto room = sides.device.room();
  room[0] = 0x0B;
  sides.device.send(1);
  sides.to_device(2, sides.taken(2));
  expect_end(Closing::Authentication);
}

TEST_F(RelayAttack, AnyFlippedByte) {
  const Bytes plain = {0x05, 0x0F, 1, 2, 3, 4};
  for (std::size_t at = kLengthBytes; at < kLengthBytes + plain.size() + kTagBytes; ++at) {
    Sides each(crypto, crypto);
    each.connect();
    Bytes record = each.record(plain);
    record[at] = static_cast<std::uint8_t>(record[at] ^ 1U << at % 8);
    each.to_device(2, record);
    EXPECT_EQ(each.ending(), Closing::Authentication) << at;
    EXPECT_TRUE(each.device.message().empty());
  }
}

TEST_F(RelayAttack, TheMachineFindsTheSame) {
  const auto said = [](Sides& by) {
    by.device.room()[0] = 0xC1;
    by.device.send(1);
    return by.taken(2);
  };
  for (const std::string what : {"dropped", "doubled", "flipped", "too long"}) {
    Sides each(crypto, crypto);
    each.connect();
    Bytes record = said(each);
    if (what == "dropped") record = said(each);
    if (what == "flipped") record[2] ^= 1;
    if (what == "too long") record = {0x08, 0x11, 0};
    static_cast<void>(each.machine.push(record));
    if (what == "doubled") {
      each.machine.message_done();
      static_cast<void>(each.machine.push(record));
    }
    EXPECT_EQ(each.machine.state(),
              what == "too long" ? Channel::State::Broken : Channel::State::NotAuthentic)
        << what;
    EXPECT_TRUE(each.machine.message().empty()) << what;
    EXPECT_FALSE(each.machine.send(Bytes{0x0E})) << what;
  }
}

// Take-over and expiry.

TEST_F(DebugSession, IsTakenOverByWhoHasTheKeyAndNotBefore) {
  sides.connect();
  Requester second(crypto, sides.machine_keys, sides.about);
  ASSERT_TRUE(sides.shake_hands(second, 4));
  EXPECT_EQ(sides.device.session(), 1U) << "the handshake alone takes nothing over";
  EXPECT_EQ(sides.command({0x09}), Bytes{0x09});
  ASSERT_TRUE(second.send(Bytes{0x01}));
  sides.to_device(4, Sides::taken(second));
  EXPECT_EQ(sides.device.session(), 2U);
  const auto ending = sides.device.take_ending();
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->number, 2U);
  EXPECT_EQ(ending->why, Closing::TakenOver);
  EXPECT_EQ(sides.heard(ending->last, ending->size), (Bytes{0xC2, 1}))
      << "the device says why, not the relay";
  EXPECT_EQ(sides.received(), Bytes{0x01});
  sides.to_device(2, sides.record({0x09}));
  EXPECT_TRUE(sides.device.message().empty()) << "the old one is heard no more";
  ASSERT_TRUE(second.send(long_message()));
  sides.to_device(4, Sides::taken(second));
  EXPECT_EQ(sides.received(), long_message());
}

TEST_F(DebugSession, WhatWaitsOfTheOldOneIsNotDoneForTheNewOne) {
  sides.connect();
  sides.to_device(2, sides.record({0x09}));
  sides.device.send(1);
  Requester second(crypto, sides.machine_keys, sides.about);
  ASSERT_TRUE(sides.shake_hands(second, 4));
  ASSERT_TRUE(second.send(Bytes{0x01}));
  sides.to_device(4, Sides::taken(second));
  EXPECT_EQ(sides.received(), Bytes{0x01});
  EXPECT_TRUE(sides.device.output(4).empty());
  EXPECT_TRUE(sides.device.output(2).empty());
  EXPECT_EQ(sides.device.take_ending()->size, 0U) << "no record behind one that has not gone out";
}

TEST_F(DebugSession, IsToldBeforeAnInstallation) {
  sides.connect();
  sides.device.end_session(Closing::Finished, EndReason::Installation);
  EXPECT_EQ(sides.device.session(), 0U);
  const auto ending = sides.device.take_ending();
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->why, Closing::Finished);
  EXPECT_EQ(sides.heard(ending->last, ending->size), (Bytes{0xC2, 2}));
  sides.device.end_session(Closing::Finished, EndReason::Installation);
  EXPECT_FALSE(sides.device.take_ending()) << "once";
}

TEST_F(DebugSession, AThirdOneHasToWait) {
  sides.connect();
  ASSERT_TRUE(sides.device.open(4, sides.now));
  EXPECT_FALSE(sides.device.open(6, sides.now));
  sides.device.closed(4);
  EXPECT_TRUE(sides.device.open(6, sides.now));
}

TEST_F(DebugSession, ACandidateThatSaysNothingIsGivenUp) {
  sides.connect();
  ASSERT_TRUE(sides.device.open(4, sides.now));
  sides.device.tick(sides.now + 19'999);
  EXPECT_FALSE(sides.ending(4).has_value());
  sides.device.tick(sides.now + 20'000);
  EXPECT_EQ(sides.ending(4), Closing::Expired);
  EXPECT_EQ(sides.device.session(), 1U);
}

TEST_F(DebugSession, SilenceEndsASession) {
  sides.connect();
  sides.now += 40'000;
  ASSERT_EQ(sides.command({0x0E}), Bytes{0x0E});
  sides.device.tick(sides.now + 59'999);
  EXPECT_EQ(sides.device.session(), 1U);
  sides.device.tick(sides.now + 60'000);
  EXPECT_EQ(sides.ending(), Closing::Expired);
  EXPECT_EQ(sides.device.session(), 0U);
}

/// Bytes that come to no record are silence: a relay cannot hold a session open for a machine that is gone.
TEST_F(DebugSession, UnfinishedRecordsAreSilence) {
  sides.connect();
  const Bytes record = sides.record({0x0E});
  const std::uint64_t start = sides.now;
  for (std::size_t at = 0; at + 1 < record.size(); ++at) {
    sides.now += 3'000;
    sides.to_device(2, ByteView(record).subspan(at, 1));
  }
  sides.device.tick(start + 60'000);
  EXPECT_EQ(sides.ending(), Closing::Expired);
}

TEST_F(DebugSession, TheFirstMessageIsShort) {
  ASSERT_TRUE(sides.shake_hands(sides.machine, 2));
  EXPECT_FALSE(sides.machine.send(Bytes(65)));
  EXPECT_EQ(sides.command(Bytes(64, 0x0E)), Bytes(64, 0x0E));
  EXPECT_EQ(sides.command(Bytes(65, 0x0E)), Bytes(65, 0x0E)) << "the second one need not be";
}

TEST_F(DebugSession, WhatIsNoHandshakeIsRefused) {
  ASSERT_TRUE(sides.device.open(2, 0));
  sides.to_device(2, Bytes{0, 80, 4});
  sides.to_device(2, Bytes(79));
  EXPECT_EQ(sides.ending(), Closing::Protocol) << "too short";
  ASSERT_TRUE(sides.device.open(4, 0));
  sides.to_device(4, Bytes{0, 82, 4});
  EXPECT_EQ(sides.ending(4), Closing::Protocol) << "too long";
  ASSERT_TRUE(sides.device.open(6, 0));
  sides.to_device(6, Bytes{0, 81});
  sides.to_device(6, Bytes(81));
  EXPECT_EQ(sides.ending(6), Closing::Authentication) << "no point of the curve";
}

TEST_F(DebugSession, EndsWhenTheStreamDoes) {
  sides.connect();
  sides.device.closed(2);
  EXPECT_EQ(sides.device.session(), 0U);
  EXPECT_FALSE(sides.ending().has_value());
  EXPECT_TRUE(sides.device.room().empty());
}

}  // namespace
}  // namespace microvisor::protocol::debug
