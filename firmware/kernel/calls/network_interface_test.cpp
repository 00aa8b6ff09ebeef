// The virtual network interface by its calls, its rings and its events, with the worker's end beside them; an
// application that keeps to the rules, and one that does not.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "firmware/kernel/calls/message_fixture.hpp"
#include "firmware/kernel/network_queues.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::EventType;
using abi::Gate;
using abi::Status;

constexpr net::BearerAddresses kBearer{0x0A00'020F, 0x0A40'4040, {0x0A00'0203, 0x0808'0404}};

std::string packet_of(std::size_t size, unsigned seed = 1) {
  std::string packet(size, '\0');
  std::mt19937 random(seed);
  for (char& byte : packet) byte = static_cast<char>(random());
  return packet;
}

class NetworkInterfaceCalls : public MessageTest {
 protected:
  static constexpr std::uint32_t kSize = 2048;
  static constexpr std::uint32_t kData = kSize - 8;  // what packets go round in
  static constexpr Address kPut = 0, kTaken = 4;

  NetworkInterfaceCalls() : MessageTest(abi::ChannelType::OPAQUEBYTES) {}

  abi::OpenNetworkInterfaceParams good() { return {1, centre_, 9, network_, kReceive, kSize, kSend, kSize}; }
  Status open_with(const abi::OpenNetworkInterfaceParams& params) {
    const Status status = call(Gate::OpenNetworkInterface, place(params), out());
    if (status == Status::OKAY) handle = told<abi::NetworkInterfaceHandle>();
    return status;
  }
  void open_it() { ASSERT_EQ(open_with(good()), Status::OKAY); }
  Address place_state(std::uint32_t version) {
    abi::NetworkInterfaceState asked{};
    asked.version = version;
    return place(asked);
  }
  abi::NetworkInterfaceState state() {
    const Address at = place_state(1);
    EXPECT_EQ(call(Gate::GetNetworkInterfaceState, handle, at), Status::OKAY);
    return app.read<abi::NetworkInterfaceState>(at);
  }
  std::uint32_t word(Address at) { return app.read<std::uint32_t>(at); }
  void set(Address at, std::uint32_t value) { app.write(at, value); }

  // The application's end.
  Address around(Address ring, std::uint32_t offset) { return ring + 8 + offset % kData; }
  /// False: no room.
  bool put(const std::string& packet) {
    const std::uint32_t at = word(kSend + kPut), taken = word(kSend + kTaken);
    const std::uint32_t used = at >= taken ? at - taken : at + kData - taken;
    const auto length = static_cast<std::uint32_t>(packet.size());
    const std::uint32_t needs = 4 + (length + 3) / 4 * 4;
    if (needs > kData - 4 - used) return false;
    set(around(kSend, at), length);
    for (std::uint32_t i = 0; i < length; ++i) app.write(around(kSend, at + 4 + i), packet[i]);
    set(kSend + kPut, (at + needs) % kData);
    return true;
  }
  std::vector<std::string> received() {
    std::vector<std::string> packets;
    std::uint32_t at = word(kReceive + kTaken);
    for (; at != word(kReceive + kPut); set(kReceive + kTaken, at)) {
      const std::uint32_t length = word(around(kReceive, at));
      std::string packet;
      for (std::uint32_t i = 0; i < length; ++i)
        packet += static_cast<char>(app.read<std::uint8_t>(around(kReceive, at + 4 + i)));
      packets.push_back(packet);
      at = (at + 4 + (length + 3) / 4 * 4) % kData;
    }
    return packets;
  }
  // The worker's.
  std::string taken() {
    std::array<std::uint8_t, net::kMaximumPacket> into{};
    const std::size_t size = queues.take(into);
    return {reinterpret_cast<const char*>(into.data()), size};
  }
  void give(const std::string& packet) {
    queues.give({reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
  }

  NetworkQueues queues;
  abi::NetworkInterfaceHandle handle = 0;
};

// --- calls
// ------------------------------------------------------------------------------------------------------------

TEST_F(NetworkInterfaceCalls, OpensOnceAndAnewWhenItHasBeenClosed) {
  EXPECT_EQ(queues.number(), 0U);
  open_it();
  const std::uint32_t first = queues.number();
  EXPECT_NE(first, 0U);
  abi::OpenNetworkInterfaceParams second = good();
  second.receive_buffer += 0x4000;
  second.send_buffer += 0x4000;
  EXPECT_EQ(open_with(second), Status::TOOMANYCHANNELS);
  const abi::NetworkInterfaceHandle stale = handle;
  const Address at = place(handle);
  EXPECT_EQ(call(Gate::CloseNetworkInterface, at), Status::OKAY);
  EXPECT_EQ(word(at), 0U);
  EXPECT_EQ(queues.number(), 0U);
  EXPECT_EQ(call(Gate::SendNetworkPackets, stale, 0), Status::INVALIDHANDLE);
  open_it();
  EXPECT_NE(queues.number(), first);
  EXPECT_EQ(call(Gate::CloseNetworkInterface, place(stale)), Status::INVALIDHANDLE);
}

TEST_F(NetworkInterfaceCalls, LooksAtWhatItIsGiven) {
  const auto with = [&](auto change) {
    abi::OpenNetworkInterfaceParams params = good();
    change(params);
    return open_with(params);
  };
  EXPECT_EQ(with([](auto& p) { p.version = 2; }), Status::UNSUPPORTEDSTRUCTUREVERSION);
  EXPECT_EQ(with([](auto& p) { p.notification_handle ^= 64; }), Status::INVALIDHANDLE);
  EXPECT_EQ(with([](auto& p) { p.notification_handle = 0; }), Status::INVALIDHANDLE);
  EXPECT_EQ(with([&](auto& p) { p.network_handle = centre_; }), Status::INVALIDHANDLE);
  EXPECT_EQ(with([](auto& p) { p.receive_buffer = kNowhere; }), Status::PARAMETERFAULT);
  EXPECT_EQ(with([](auto& p) { p.send_buffer = FakeApplication::kFlash; }), Status::PARAMETERFAULT);
  EXPECT_EQ(with([](auto& p) { p.send_buffer = FakeApplication::kRam + FakeApplication::kRamSize - 512; }),
            Status::PARAMETERFAULT);
  for (const std::uint32_t size : {0U, 512U, 1536U, 2047U, 2049U, 2052U, 0x1'0200U}) {
    EXPECT_EQ(with([&](auto& p) { p.receive_buffer_len = size; }), Status::INVALIDBUFFERSIZE) << size;
    EXPECT_EQ(with([&](auto& p) { p.send_buffer_len = size; }), Status::INVALIDBUFFERSIZE) << size;
  }
  EXPECT_EQ(with([](auto& p) { p.receive_buffer += 8; }), Status::INVALIDBUFFERALIGNMENT);
  EXPECT_EQ(with([](auto& p) { p.send_buffer += 256; }), Status::INVALIDBUFFERALIGNMENT);
  EXPECT_EQ(with([](auto& p) { p.send_buffer = p.receive_buffer + 512; }), Status::PARAMETERFAULT);
  EXPECT_EQ(with([](auto& p) { p.send_buffer = FakeApplication::kRam; }), Status::BUFFERALREADYINUSE)
      << "the ring of the notification centre lies there";
  EXPECT_EQ(call(Gate::OpenNetworkInterface, kNowhere, out()), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::OpenNetworkInterface, place(good()), FakeApplication::kFlash), Status::PARAMETERFAULT);
  EXPECT_EQ(queues.number(), 0U);
  EXPECT_EQ(with([](auto&) {}), Status::OKAY);
}

TEST_F(NetworkInterfaceCalls, ItsMemoryIsMicrovisorsUntilItIsClosed) {
  open_it();
  const abi::OpenChannelParams other{1,
                                     centre_,
                                     7,
                                     network_,
                                     kReceive + 512,
                                     512,
                                     kSend + 0x8000,
                                     512,
                                     abi::ChannelType::HTTP,
                                     {kReceive, 0}};
  EXPECT_EQ(call(Gate::OpenChannel, place(other), out()), Status::BUFFERALREADYINUSE);
  EXPECT_EQ(call(Gate::CloseNetworkInterface, place(handle)), Status::OKAY);
  EXPECT_EQ(call(Gate::OpenChannel, place(other), out()), Status::OKAY);
}

/// Another buffer is given away between two traps of the call.
TEST_F(NetworkInterfaceCalls, WhatItFoundOutIsFoundOutAnew) {
  unsigned trap = 0;
  between_traps = [&] {
    if (++trap != 2) return;
    ASSERT_TRUE(services().claims.add(kSend + 1024, 16));
  };
  EXPECT_EQ(open_with(good()), Status::BUFFERALREADYINUSE);
}

TEST_F(NetworkInterfaceCalls, TellsItsAddressesAndWhetherItIsUp) {
  open_it();
  abi::NetworkInterfaceState now = state();
  EXPECT_EQ(now.up, 0U);
  EXPECT_EQ(now.address, 0x02A1'F40AU) << "10.244.161.2 as it travels";
  EXPECT_EQ(now.gateway, 0x01A1'F40AU);
  EXPECT_EQ(now.prefix_length, 30U);
  EXPECT_EQ(now.name_server, 0U);
  queues.bearer_changed(kBearer, 1400);
  EXPECT_EQ(events(EventType::NETWORKINTERFACECHANGED), 1U);
  now = state();
  EXPECT_EQ(now.up, 1U);
  EXPECT_EQ(now.mtu, 1400U);
  EXPECT_EQ(now.name_server, 0x0302'000AU);
  EXPECT_EQ(now.second_name_server, 0x0404'0808U);
  queues.bearer_changed({}, 0);
  EXPECT_EQ(events(EventType::NETWORKINTERFACECHANGED), 2U);
  EXPECT_EQ(state().up, 0U);
}

TEST_F(NetworkInterfaceCalls, HowTheBearerStandsOutlivesTheApplication) {
  queues.bearer_changed(kBearer, 1500);
  EXPECT_EQ(events(EventType::NETWORKINTERFACECHANGED), 0U) << "no interface, no event";
  open_it();
  EXPECT_EQ(state().up, 1U);
  services().reset_application(3);
  EXPECT_EQ(queues.number(), 0U);
  EXPECT_EQ(taken(), "");
}

TEST_F(NetworkInterfaceCalls, StateAndSendingLookAtTheirArguments) {
  open_it();
  const Address at = place_state(2);
  EXPECT_EQ(call(Gate::GetNetworkInterfaceState, handle, at), Status::UNSUPPORTEDSTRUCTUREVERSION);
  EXPECT_EQ(call(Gate::GetNetworkInterfaceState, handle ^ 64, at), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::GetNetworkInterfaceState, handle, kNowhere), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::SendNetworkPackets, network_, 0), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::SendNetworkPackets, handle, kData - 3), Status::PARAMETERFAULT) << "never so much";
  const unsigned wakes = app.wakes;
  EXPECT_EQ(call(Gate::SendNetworkPackets, handle, 0), Status::OKAY);
  EXPECT_EQ(app.wakes, wakes + 1);
  EXPECT_EQ(call(Gate::CloseNetworkInterface, kNowhere), Status::PARAMETERFAULT);
}

// --- packets
// ------------------------------------------------------------------------------------------------------------

TEST_F(NetworkInterfaceCalls, PacketsGoRoundInBothRings) {
  open_it();
  std::mt19937 random(4);
  for (unsigned i = 1; i < 400; ++i) {
    const std::string there = packet_of(1 + random() % 1500, i), back = packet_of(1 + random() % 1500, i + 7);
    ASSERT_TRUE(put(there)) << i;
    ASSERT_EQ(taken(), there) << i;
    EXPECT_EQ(taken(), "");
    give(back);
    ASSERT_EQ(received(), std::vector<std::string>{back}) << i;
  }
  EXPECT_EQ(state().lost, 0U);
  EXPECT_EQ(state().refused, 0U);
}

TEST_F(NetworkInterfaceCalls, AsManyAsThereIsRoomFor) {
  open_it();
  std::vector<std::string> packets;
  while (put(packet_of(100, static_cast<unsigned>(packets.size()))))
    packets.push_back(packet_of(100, static_cast<unsigned>(packets.size())));
  EXPECT_EQ(packets.size(), (kData - 4) / 104);
  for (const std::string& packet : packets) EXPECT_EQ(taken(), packet);
  for (const std::string& packet : packets) give(packet);
  give(packet_of(100));
  EXPECT_EQ(state().lost, 1U);
  EXPECT_EQ(received(), packets);
}

TEST_F(NetworkInterfaceCalls, OneEventForARingThatWasEmpty) {
  open_it();
  give("one");
  give("two");
  EXPECT_EQ(events(EventType::PACKETSRECEIVED), 1U);
  EXPECT_EQ(received().size(), 2U);
  give("three");
  EXPECT_EQ(events(EventType::PACKETSRECEIVED), 2U);
}

/// The application empties its ring while a packet is on its way into it: an event has to come.
TEST_F(NetworkInterfaceCalls, TheLastLookAtThePositionCounts) {
  open_it();
  give("one");
  unsigned atomics = 0;
  app.after_atomic = [&] {
    if (++atomics != 1) return;
    EXPECT_EQ(received().size(), 1U);
  };
  give("two");
  app.after_atomic = nullptr;
  EXPECT_EQ(events(EventType::PACKETSRECEIVED), 2U);
}

TEST_F(NetworkInterfaceCalls, RoomIsToldOfOnceWhenThereIsEnough) {
  open_it();
  const std::string packet = packet_of(1000);
  ASSERT_TRUE(put(packet));
  ASSERT_TRUE(put(packet));
  EXPECT_FALSE(put(packet));
  EXPECT_EQ(call(Gate::SendNetworkPackets, handle, 1500), Status::OKAY);
  EXPECT_EQ(taken(), packet);
  EXPECT_EQ(events(EventType::PACKETSENDSPACE), 0U) << "not yet so much";
  EXPECT_EQ(taken(), packet);
  EXPECT_EQ(events(EventType::PACKETSENDSPACE), 1U);
  ASSERT_TRUE(put(packet));
  EXPECT_EQ(taken(), packet);
  EXPECT_EQ(events(EventType::PACKETSENDSPACE), 1U);
  EXPECT_EQ(call(Gate::SendNetworkPackets, handle, kData - 4), Status::OKAY);
  EXPECT_EQ(taken(), "");
  EXPECT_EQ(events(EventType::PACKETSENDSPACE), 2U) << "there is all the room there can be";
}

TEST_F(NetworkInterfaceCalls, OtherCentresHearNothing) {
  open_it();
  EXPECT_EQ(call(Gate::CloseNotifications, place(centre_)), Status::OKAY);
  give("one");
  queues.bearer_changed(kBearer, 1500);
  EXPECT_EQ(events(EventType::PACKETSRECEIVED), 0U);
  EXPECT_EQ(received(), std::vector<std::string>{"one"});
}

// --- an application that does not keep to the rules
// -------------------------------------------------------------------------

TEST_F(NetworkInterfaceCalls, PositionsThatAreNoneAreAsIfThereWasNothing) {
  open_it();
  for (const std::uint32_t wrong : {1U, 2U, kData, kData + 4, 0x7FFF'FFFCU, 0xFFFF'FFFCU, 0xFFFF'FFFFU}) {
    set(kSend + kPut, wrong);
    set(kReceive + kTaken, wrong);
    EXPECT_EQ(taken(), "") << wrong;
    give("lost");
  }
  EXPECT_EQ(state().lost, 7U);
  set(kSend + kPut, 0);
  set(kReceive + kTaken, 0);
  ASSERT_TRUE(put("sent"));
  EXPECT_EQ(taken(), "sent");
  give("received");
  EXPECT_EQ(received(), std::vector<std::string>{"received"});
}

TEST_F(NetworkInterfaceCalls, LengthsThatCannotBeEmptyTheRing) {
  open_it();
  unsigned times = 0;
  for (const std::uint32_t wrong : {0U, 1501U, 60U, 0x8000'0004U, 0xFFFF'FFFFU}) {
    ASSERT_TRUE(put(packet_of(20)));
    const std::uint32_t at = (word(kSend + kPut) + kData - 24) % kData;
    set(around(kSend, at), wrong);
    EXPECT_EQ(taken(), "") << wrong;
    EXPECT_EQ(state().refused, ++times);
    EXPECT_EQ(word(kSend + kTaken), word(kSend + kPut)) << "it is empty";
    ASSERT_TRUE(put("good"));
    EXPECT_EQ(taken(), "good");
  }
}

TEST_F(NetworkInterfaceCalls, OurPositionsAreOursWhateverTheApplicationWrites) {
  open_it();
  ASSERT_TRUE(put("first"));
  EXPECT_EQ(taken(), "first");
  set(kSend + kTaken, 0x1234'5678);
  EXPECT_EQ(taken(), "") << "there was no other";
  give("one");
  set(kReceive + kPut, 0xFFFF'0000);
  give("two");
  EXPECT_EQ(word(kReceive + kPut), 16U);
  EXPECT_EQ(received(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(NetworkInterfaceCalls, APacketCountsAsItWasWhenItsLengthWasRead) {
  open_it();
  ASSERT_TRUE(put(packet_of(1000)));
  unsigned atomics = 0;
  app.after_atomic = [&] {
    if (++atomics == 1) set(around(kSend, 0), 0xFFFF'FFFF);
    if (atomics == 2) set(kSend + kPut, 4);
  };
  EXPECT_EQ(taken(), packet_of(1000));
  app.after_atomic = nullptr;
  EXPECT_EQ(word(kSend + kTaken), 1004U);
}

TEST_F(NetworkInterfaceCalls, WhatIsClosedInTheMiddleOfAPacketIsLeftAlone) {
  for (unsigned when = 1; when < 5; ++when) {
    open_it();
    ASSERT_TRUE(put(packet_of(1000)));
    unsigned atomics = 0;
    app.after_atomic = [&] {
      if (++atomics != when) return;
      EXPECT_EQ(services().network_interface.close(handle, services().claims), Status::OKAY);
      for (std::uint32_t at = 0; at < kSize; at += 4)
        set(kReceive + at, 0xEEEE'EEEE), set(kSend + at, 0xEEEE'EEEE);
    };
    EXPECT_EQ(taken(), "") << when;
    app.after_atomic = nullptr;
    EXPECT_EQ(bytes(kSend, kSize), std::string(kSize, '\xEE')) << when;
    open_it();
    atomics = 0;
    app.after_atomic = [&] {
      if (++atomics != when) return;
      services().reset_application(when);
      for (std::uint32_t at = 0; at < kSize; at += 4) set(kReceive + at, 0xEEEE'EEEE);
    };
    give(packet_of(1000));
    app.after_atomic = nullptr;
    EXPECT_EQ(bytes(kReceive, kSize), std::string(kSize, '\xEE')) << when;
    SetUp();
  }
}

/// Whatever stands in the rings, nothing beside them is read or written: the fixture's memory throws.
TEST_F(NetworkInterfaceCalls, RandomRingsHarmNobody) {
  open_it();
  std::mt19937 random(12);
  const std::string around_it =
      bytes(kReceive + kSize, 64) + bytes(kSend - 64, 64) + bytes(kSend + kSize, 64);
  for (int i = 0; i < 20'000; ++i) {
    const auto offset = static_cast<Address>(random() % kData / 4 * 4);
    switch (random() % 6) {
      case 0: set(kSend + kPut, offset); break;
      case 1: set(kReceive + kTaken, offset); break;
      case 2: set(kSend + 8 + offset, static_cast<std::uint32_t>(random() % 1600)); break;
      case 3: set(kSend + kPut, static_cast<std::uint32_t>(random())); break;
      case 4: give(packet_of(1 + random() % 1500)); break;
      default: EXPECT_LE(taken().size(), net::kMaximumPacket); break;
    }
  }
  EXPECT_EQ(bytes(kReceive + kSize, 64) + bytes(kSend - 64, 64) + bytes(kSend + kSize, 64), around_it);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
