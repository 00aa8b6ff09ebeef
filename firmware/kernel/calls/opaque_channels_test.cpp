// Opaque channels by their calls: which endpoints there are, what stays of a name, bytes both ways through
// small buffers.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "firmware/kernel/calls/message_fixture.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::EventType;
using abi::Gate;
using abi::Status;

class OpaqueChannels : public MessageTest {
 protected:
  OpaqueChannels() : MessageTest(abi::ChannelType::OPAQUEBYTES) {}

  static void know(const std::vector<std::string>& names) {
    std::vector<std::uint32_t> hashes(names.size());
    std::ranges::transform(names, hashes.begin(),
                           [](const std::string& name) { return protocol::endpoint_hash(name); });
    services().endpoints.set(hashes);
  }
  Status open_to(const std::string& name, abi::ChannelType type = abi::ChannelType::OPAQUEBYTES,
                 std::uint32_t receive = 512) {
    const Address params = place(
        abi::OpenChannelParams{1, centre_, 77, network_, kReceive, receive, kSend, 512, type, text(name)});
    const Status status = call(Gate::OpenChannel, params, out());
    handle = told<abi::ChannelHandle>();
    return status;
  }
  std::uint32_t write(const std::string& bytes) {
    const Address data = text(bytes).data;
    EXPECT_EQ(call(Gate::WriteChannelStream, handle, data, static_cast<std::uint32_t>(bytes.size()), out()),
              Status::OKAY);
    return told<std::uint32_t>();
  }
  std::string sent(std::size_t limit) {
    std::string taken(limit, '\0');
    taken.resize(services().channels.take_sent(0, {reinterpret_cast<std::uint8_t*>(taken.data()), limit},
                                               services().notifications, app.now));
    return taken;
  }
  void receive(const std::string& bytes) {
    services().channels.received(0, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                                 services().notifications, app.now);
  }
  /// What mvReadChannel shows at this moment.
  std::string readable() {
    const Address pointer = out(), length = pointer + 4;
    EXPECT_EQ(call(Gate::ReadChannel, handle, pointer, length), Status::OKAY);
    return MessageTest::bytes(app.read<Address>(pointer), app.read<std::uint32_t>(length));
  }
  abi::ChannelHandle handle = 0;
};

TEST_F(OpaqueChannels, LogIsThereWithoutTheGatewaysWord) {
  EXPECT_EQ(open_to("telemetry"), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(open_to(""), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(open_to("lo"), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(open_to("logs"), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(open_to("log"), Status::OKAY);
  EXPECT_EQ(services().channels.endpoint(0), "log");
}

TEST_F(OpaqueChannels, OpensWhatTheGatewayHasNamed) {
  const std::string longest(31, 'n');
  know({"telemetry", longest, longest + "n", "with space"});
  EXPECT_EQ(open_to("telemetrY"), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(open_to(longest + "n"), Status::UNKNOWNCHANNELENDPOINT) << "32 bytes";
  EXPECT_EQ(open_to("with space"), Status::UNKNOWNCHANNELENDPOINT) << "its hash is known, but it is no name";
  ASSERT_EQ(open_to(longest), Status::OKAY);
  EXPECT_EQ(services().channels.endpoint(0), longest);
  EXPECT_EQ(call(Gate::CloseChannel, place(handle)), Status::OKAY);
  services().channels.released(0);
  ASSERT_EQ(open_to("telemetry"), Status::OKAY);
  EXPECT_EQ(services().channels.endpoint(0), "telemetry") << "nothing is left of the longer name";
}

TEST_F(OpaqueChannels, NamesAreForgottenOnlyByTheGatewaysWord) {
  know({"telemetry"});
  services().reset_application(5);
  EXPECT_TRUE(services().endpoints.knows(protocol::endpoint_hash("telemetry")));
  know({"other"});
  EXPECT_FALSE(services().endpoints.knows(protocol::endpoint_hash("telemetry")));
  EXPECT_TRUE(services().endpoints.knows(protocol::endpoint_hash("other")));
  know({});
  EXPECT_FALSE(services().endpoints.knows(protocol::endpoint_hash("other")));
}

TEST_F(OpaqueChannels, SixteenNamesAreKept) {
  std::vector<std::string> names(17);
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = "endpoint" + std::to_string(i);
  know(names);
  EXPECT_TRUE(services().endpoints.knows(protocol::endpoint_hash("endpoint0")));
  EXPECT_TRUE(services().endpoints.knows(protocol::endpoint_hash("endpoint15")));
  EXPECT_FALSE(services().endpoints.knows(protocol::endpoint_hash("endpoint16")));
}

/// A channel that is closed in the middle of the call makes room in front of the place that has been named.
TEST_F(OpaqueChannels, ANameGoesWithItsPlace) {
  know({"first", "second"});
  ASSERT_EQ(open_to("first"), Status::OKAY);
  auto first = handle;
  unsigned trap = 0;
  between_traps = [&] {
    if (++trap != 2) return;
    EXPECT_EQ(services().channels.close(first, services().claims), Status::OKAY);
    services().channels.released(0);
  };
  const Address params =
      place(abi::OpenChannelParams{1, centre_, 77, network_, kReceive + 512, 512, kSend + 512, 512,
                                   abi::ChannelType::OPAQUEBYTES, text("second")});
  EXPECT_EQ(call(Gate::OpenChannel, params, out()), Status::OKAY);
  EXPECT_EQ(services().channels.endpoint(0), "second");
  EXPECT_NE(services().channels.id(0), 0U);
  EXPECT_EQ(services().channels.id(1), 0U);
}

TEST_F(OpaqueChannels, OtherTypesHaveNoEndpoint) {
  know({"telemetry"});
  EXPECT_EQ(open_to("telemetry", abi::ChannelType::HTTP), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(open_to("", abi::ChannelType::HTTP), Status::OKAY);
  EXPECT_EQ(services().channels.endpoint(0), "");
}

/// 16 bytes of receive buffer are the fewest: what does not fit waits at the other end.
TEST_F(OpaqueChannels, SixteenBytesCarryAsManyAsOneLikes) {
  know({"telemetry"});
  ASSERT_EQ(open_to("telemetry", abi::ChannelType::OPAQUEBYTES, 16), Status::OKAY);
  std::string from_service, arrived;
  for (int i = 0; i < 2000; ++i) from_service += static_cast<char>(i * 7 + i / 256);
  std::size_t given = 0;
  for (std::uint32_t step = 1; arrived.size() < from_service.size(); ++step) {
    const std::string piece =
        from_service.substr(given, std::min(services().channels.receive_room(0), step % 17));
    receive(piece);
    given += piece.size();
    next_thing_ = kThings;  // the calls' own things lie there anew each time
    const std::string shown = readable();
    const std::string taken = shown.substr(0, step % 5 + 1);
    arrived += taken;
    EXPECT_EQ(call(Gate::ReadChannelComplete, handle, static_cast<std::uint32_t>(taken.size())),
              Status::OKAY);
  }
  EXPECT_EQ(arrived, from_service);
}

TEST_F(OpaqueChannels, RoomIsAnnouncedWhenAWriteHadBeenCutShort) {
  know({"telemetry"});
  ASSERT_EQ(open_to("telemetry"), Status::OKAY);
  EXPECT_EQ(write(std::string(300, 'a')), 300U);
  EXPECT_EQ(sent(100), std::string(100, 'a'));
  EXPECT_EQ(events(EventType::CHANNELDATAWRITESPACE), 0U) << "nobody waits for room";
  EXPECT_EQ(write(std::string(400, 'b')), 312U);
  EXPECT_EQ(sent(10), std::string(10, 'a'));
  EXPECT_EQ(events(EventType::CHANNELDATAWRITESPACE), 1U);
  EXPECT_EQ(sent(4096), std::string(190, 'a') + std::string(312, 'b'));
  EXPECT_EQ(events(EventType::CHANNELDATAWRITESPACE), 1U) << "it has been told";
}

}  // namespace
}  // namespace microvisor::firmware::kernel
