// Opaque channels: checks in the documented order, bytes in both directions, ends by either side.
#include "firmware/kernel/resident/channels.hpp"

#include <gtest/gtest.h>

#include <string>

#include "firmware/kernel/resident/fake_application.hpp"

namespace microvisor::firmware::kernel {
namespace {

/// As the call does in two traps.
abi::Status check_and_add(Notifications& notifications, const abi::NotificationSetup& setup,
                          MemoryClaims& claims, abi::NotificationHandle& handle) {
  const abi::Status status = notifications.check(setup, claims);
  return status == abi::Status::OKAY ? notifications.add(setup, claims, handle) : status;
}

using abi::ChannelType;
using abi::ClosureReason;
using abi::EventType;
using abi::Status;

constexpr Address kReceive = FakeApplication::kRam + 0x21;  // not aligned: the oldest applications' are not
constexpr Address kSend = FakeApplication::kRam + 0x400;
constexpr Address kData = FakeApplication::kRam + 0x8000;
constexpr Address kRing = FakeApplication::kRam + 0x100;

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class ChannelsTest : public testing::Test {
 protected:
  void SetUp() override {
    notifications.reset(1);
    channels.reset(2);
    EXPECT_EQ(check_and_add(notifications, {51, kRing, 256}, claims, centre), Status::OKAY);
  }
  abi::OpenChannelParams params(std::uint32_t receive = 16, std::uint32_t send = 512) {
    return {1, centre, 77, 5, kReceive, receive, kSend, send, ChannelType::OPAQUEBYTES, {0, 3}};
  }
  Status check(const abi::OpenChannelParams& p, bool endpoint_fits = true) {
    return Channels::check(p, endpoint_fits, claims);
  }
  abi::ChannelHandle open() {
    abi::ChannelHandle handle = 0;
    EXPECT_EQ(channels.open(params(), claims, app.now, handle), Status::OKAY);
    return handle;
  }
  std::uint32_t write(abi::ChannelHandle handle, const std::string& text, Status expected = Status::OKAY) {
    app.write_text(kData, text);
    std::uint32_t written = 0;
    Status status = kAgain;
    while (status == kAgain) {
      status = channels.write_stream(handle, kData, static_cast<std::uint32_t>(text.size()), written);
    }
    EXPECT_EQ(status, expected);
    return written;
  }
  /// What lies at kData, in as many traps as it takes.
  Status write_whole(abi::ChannelHandle handle, std::uint32_t length) {
    Status status = kAgain;
    while (status == kAgain) status = channels.write_whole(handle, kData, length, available);
    return status;
  }
  std::string sent(std::size_t limit = 4096, unsigned slot = 0) {
    std::string text(limit, 0);
    const auto count = channels.take_sent(slot, {reinterpret_cast<std::uint8_t*>(text.data()), limit},
                                          notifications, app.now);
    text.resize(count);
    return text;
  }
  EventType event(unsigned slot) { return app.read<abi::Notification>(kRing + 16 * slot).event_type; }

  FakeApplication app;
  MemoryClaims claims;
  Notifications notifications;
  Channels channels;
  std::uint32_t available = 0;  // as write_whole told
  abi::NotificationHandle centre = 0;
};

TEST_F(ChannelsTest, ChecksInOrder) {
  EXPECT_EQ(check(params()), Status::OKAY);
  auto p = params();
  p.channel_type = static_cast<ChannelType>(4);
  p.send_buffer_len = 1;
  EXPECT_EQ(check(p, false), Status::UNKNOWNCHANNELTYPE);
  p.channel_type = ChannelType::OPAQUEBYTES;
  EXPECT_EQ(check(p, false), Status::UNKNOWNCHANNELENDPOINT);
  EXPECT_EQ(check(p), Status::INVALIDBUFFERSIZE);
  p.send_buffer_len = 512;
  p.send_buffer = kSend + 4;
  EXPECT_EQ(check(p), Status::INVALIDBUFFERALIGNMENT);
  EXPECT_EQ(check(params(15)), Status::INVALIDBUFFERSIZE);
  p = params();
  p.receive_buffer = kSend + 100;
  EXPECT_EQ(check(p), Status::PARAMETERFAULT);
}

TEST_F(ChannelsTest, OtherTypesNeedWholeAlignedBuffers) {
  auto p = params(1536);
  p.channel_type = ChannelType::HTTP;
  p.receive_buffer = FakeApplication::kRam + 0x2000;
  EXPECT_EQ(check(p), Status::OKAY);
  p.receive_buffer += 16;
  EXPECT_EQ(check(p), Status::INVALIDBUFFERALIGNMENT);
  p.receive_buffer_len = 1500;
  EXPECT_EQ(check(p), Status::INVALIDBUFFERSIZE);
}

TEST_F(ChannelsTest, StreamWritesTakeWhatFits) {
  const auto handle = open();
  EXPECT_EQ(write(handle, std::string(500, 'a')), 500U);
  EXPECT_EQ(write(handle, std::string(20, 'b')), 12U);
  EXPECT_EQ(write(handle, "c"), 0U);
  EXPECT_EQ(sent(), std::string(500, 'a') + std::string(12, 'b'));
  EXPECT_EQ(event(0), EventType::CHANNELDATAWRITESPACE);
  EXPECT_EQ(write(handle, "again"), 5U);
  EXPECT_EQ(sent(), "again");
  EXPECT_EQ(app.pended[51], 1U);  // no announcement when nothing was refused
}

TEST_F(ChannelsTest, WholeWritesAreAllOrNothing) {
  const auto handle = open();
  app.write_text(kData, std::string(600, 'z'));
  EXPECT_EQ(write_whole(handle, 513), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(write_whole(handle, 512), Status::OKAY);
  EXPECT_EQ(available, 0U);
  std::uint32_t room = 1;
  EXPECT_EQ(channels.room(handle, room), Status::OKAY);
  EXPECT_EQ(room, 0U);
}

TEST_F(ChannelsTest, LongWritesShowOnlyWhenTheyAreWhole) {
  abi::ChannelHandle handle = 0;
  ASSERT_EQ(channels.open(params(16, 4096), claims, app.now, handle), Status::OKAY);
  std::string text;
  for (int i = 0; text.size() < 2500; ++i) text += std::to_string(i);
  app.write_text(kData, text);
  const auto length = static_cast<std::uint32_t>(text.size());
  caller.stack_pointer = 0x2000'7000;
  app.largest_copy = 0;
  unsigned traps = 1;
  for (; channels.write_whole(handle, kData, length, available) == kAgain; ++traps) EXPECT_EQ(sent(), "");
  EXPECT_EQ(traps, 11U);  // of 256 bytes, and one that shows them
  EXPECT_LE(app.largest_copy, Pieces::kPiece);
  EXPECT_EQ(sent(), text);
}

TEST_F(ChannelsTest, AWriteThatIsOvertakenBeginsAnew) {
  abi::ChannelHandle handle = 0;
  ASSERT_EQ(channels.open(params(16, 4096), claims, app.now, handle), Status::OKAY);
  app.write_text(kData, std::string(600, 'l'));
  caller.stack_pointer = 0x2000'7000;
  EXPECT_EQ(channels.write_whole(handle, kData, 600, available), kAgain);
  caller.stack_pointer = 0x2000'6F00;
  app.write_text(kData + 0x400, "short");
  EXPECT_EQ(channels.write_whole(handle, kData + 0x400, 5, available), Status::OKAY);
  caller.stack_pointer = 0x2000'7000;
  EXPECT_EQ(write_whole(handle, 600), Status::OKAY);
  EXPECT_EQ(sent(), "short" + std::string(600, 'l'));
}

TEST_F(ChannelsTest, ReceivedBytesAreReadInPlace) {
  const auto handle = open();
  channels.received(0, bytes("0123456789"), notifications, app.now);
  EXPECT_EQ(event(0), EventType::CHANNELDATAREADABLE);
  Address data = 0;
  std::uint32_t length = 0;
  EXPECT_EQ(channels.unread(handle, data, length), Status::OKAY);
  EXPECT_EQ(data, kReceive);
  EXPECT_EQ(length, 10U);
  EXPECT_EQ(app.read<char>(data + 9), '9');
  EXPECT_EQ(channels.consume(handle, 8), Status::OKAY);
  EXPECT_EQ(channels.receive_room(0), 14U);
  channels.received(0, bytes("abcdefgh"), notifications, app.now);
  EXPECT_EQ(channels.unread(handle, data, length), Status::OKAY);
  EXPECT_EQ(length, 8U);  // up to the end of the buffer
  EXPECT_EQ(channels.consume(handle, 8), Status::OKAY);
  EXPECT_EQ(channels.unread(handle, data, length), Status::OKAY);
  EXPECT_EQ(length, 2U);
  EXPECT_EQ(app.read<char>(data), 'g');
  EXPECT_EQ(channels.consume(handle, 100), Status::OKAY);  // more than there is: all of it
}

TEST_F(ChannelsTest, TheServersEndIsToldAndKeptUntilClosed) {
  const auto handle = open();
  ClosureReason reason{};
  EXPECT_EQ(channels.closure_reason(handle, reason), Status::OKAY);
  EXPECT_EQ(reason, ClosureReason::NONE);
  channels.ended(0, ClosureReason::CHANNELRESETBYSERVER, notifications, app.now);
  EXPECT_EQ(event(0), EventType::CHANNELNOTCONNECTED);
  write(handle, "late", Status::CHANNELCLOSED);
  EXPECT_EQ(channels.closure_reason(handle, reason), Status::OKAY);
  EXPECT_EQ(reason, ClosureReason::CHANNELRESETBYSERVER);
  EXPECT_EQ(channels.close(handle, claims), Status::OKAY);
  EXPECT_EQ(channels.closure_reason(handle, reason), Status::INVALIDHANDLE);
  EXPECT_EQ(channels.id(0), 0U);
}

TEST_F(ChannelsTest, WhatWasWrittenBeforeCloseIsStillSent) {
  const auto handle = open();
  write(handle, "last words");
  EXPECT_EQ(channels.close(handle, claims), Status::OKAY);
  EXPECT_FALSE(claims.overlaps(kSend, 512));
  app.write_text(kSend, "overwritten");  // the buffer is the application's again
  EXPECT_TRUE(channels.closing(0));
  EXPECT_EQ(sent(4), "last");
  EXPECT_EQ(sent(), " words");
  channels.released(0);
  EXPECT_EQ(channels.id(0), 0U);
}

TEST_F(ChannelsTest, WhatIsLeftIsSavedByPieces) {
  const auto handle = open();
  const std::string text = std::string(250, 'a') + std::string(250, 'b');
  app.write_text(kData, text);
  ASSERT_EQ(write_whole(handle, 500), Status::OKAY);
  caller.stack_pointer = 0x2000'7000;
  EXPECT_EQ(channels.close(handle, claims), kAgain);
  EXPECT_EQ(sent(100), text.substr(0, 100));  // what the link takes meanwhile is not saved
  unsigned traps = 1;
  for (; channels.close(handle, claims) == kAgain; ++traps) EXPECT_TRUE(claims.overlaps(kSend, 512));
  EXPECT_EQ(traps, 3U);
  EXPECT_TRUE(channels.closing(0));
  EXPECT_EQ(sent(1024), text.substr(100));
}

TEST_F(ChannelsTest, ChannelsThatCloseShareTheMemoryOfWhatIsLeft) {
  std::array<abi::ChannelHandle, 3> handles{};
  for (std::uint32_t i = 0; i < 3; ++i) {
    auto p = params(16, 1024);
    p.receive_buffer = FakeApplication::kRam + 0x1000 + 0x100 * i;
    p.send_buffer = FakeApplication::kRam + 0x2000 + 0x400 * i;
    ASSERT_EQ(channels.open(p, claims, app.now, handles[i]), Status::OKAY);
    app.write_text(kData, std::string(600, static_cast<char>('a' + i)));
    ASSERT_EQ(write_whole(handles[i], 600), Status::OKAY);
  }
  const auto close = [this](abi::ChannelHandle handle) {
    while (channels.close(handle, claims) == kAgain) {
    }
  };
  caller.stack_pointer = 0x2000'7000;
  EXPECT_EQ(channels.close(handles[0], claims), kAgain);
  caller.stack_pointer = 0x2000'6000;  // another task overtakes the first, which begins anew
  close(handles[1]);
  caller.stack_pointer = 0x2000'7000;
  close(handles[0]);
  EXPECT_EQ(sent(1024, 1), std::string(600, 'b'));
  EXPECT_EQ(sent(1024, 0), std::string(Channels::kLinger - 600, 'a'));
  channels.released(0);
  channels.released(1);
  close(handles[2]);  // all of it is free again
  EXPECT_EQ(sent(1024, 2), std::string(600, 'c'));
}

TEST_F(ChannelsTest, FourAreOpenAtMostAndEightASecond) {
  std::array<abi::ChannelHandle, 5> handles{};
  for (std::uint32_t i = 0; i < 5; ++i) {
    auto p = params();
    p.receive_buffer = FakeApplication::kRam + 0x1000 + 0x100 * i;
    p.send_buffer = FakeApplication::kRam + 0x2000 + 0x200 * i;
    EXPECT_EQ(channels.open(p, claims, app.now, handles[i]), i < 4 ? Status::OKAY : Status::TOOMANYCHANNELS);
  }
  for (int i = 0; i < 4; ++i) {
    channels.ended(3, ClosureReason::NETWORKDISCONNECTED, notifications, app.now);
    EXPECT_EQ(channels.close(handles[3], claims), Status::OKAY);
    EXPECT_EQ(channels.open(params(), claims, app.now, handles[3]), Status::OKAY);
  }
  EXPECT_EQ(channels.close(handles[3], claims), Status::OKAY);
  EXPECT_TRUE(channels.closing(3));
  EXPECT_EQ(channels.open(params(), claims, app.now, handles[3]), kAgain);
  EXPECT_FALSE(channels.closing(3)) << "it has given its place up";
  EXPECT_EQ(channels.open(params(), claims, app.now, handles[3]), Status::RATELIMITED);
  app.now += 1'000'000;
  EXPECT_EQ(channels.open(params(), claims, app.now, handles[3]), Status::OKAY);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
