// The log buffer: what it takes, what it refuses, and that an application that scribbles over it harms only
// itself.
#include "firmware/kernel/resident/server_log.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "firmware/kernel/resident/fake_application.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::Status;

constexpr Address kBuffer = FakeApplication::kRam + 0x1000;
constexpr Address kMessage = FakeApplication::kRam + 0x20;

class ServerLogTest : public testing::Test {
 protected:
  Status log(const std::string& message) {
    app.write_text(kMessage, message);
    Status status = kAgain;
    while (status == kAgain) status = log_piece(static_cast<std::uint32_t>(message.size()));
    return status;
  }
  /// One trap of the call that a task with its stack at `stack` makes.
  Status log_piece(std::uint32_t length, Address message = kMessage, std::uint32_t stack = 0x2000'7000) {
    caller = {{{message, length, 0, 0}}, stack, 0x0800'0101, 0};
    return server_log.log(message, length, app.now);
  }
  bool take() {
    std::array<std::uint8_t, 1024> bytes{};
    if (!server_log.take(record, bytes)) return false;
    text.assign(reinterpret_cast<const char*>(bytes.data()), record.length);
    return true;
  }

  FakeApplication app;
  MemoryClaims claims;
  ServerLog server_log;
  ServerLog::Record record;
  std::string text;
};

TEST_F(ServerLogTest, WantsAnAlignedBufferOfTheRightSizeOnce) {
  EXPECT_EQ(log("early"), Status::UNAVAILABLE);
  EXPECT_EQ(server_log.initialise(kBuffer, 500, claims), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(server_log.initialise(kBuffer, 0, claims), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(server_log.initialise(kBuffer, 66'048, claims), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(server_log.initialise(kBuffer + 8, 1024, claims), Status::INVALIDBUFFERALIGNMENT);
  EXPECT_EQ(server_log.initialise(FakeApplication::kFlash, 1024, claims), Status::PARAMETERFAULT);
  EXPECT_EQ(server_log.initialise(kBuffer, 1024, claims), Status::OKAY);
  EXPECT_EQ(server_log.initialise(kBuffer + 0x2000, 1024, claims), Status::UNAVAILABLE);
  EXPECT_TRUE(claims.overlaps(kBuffer + 1023, 1));
}

TEST_F(ServerLogTest, GivesRecordsBackInOrderWithTheirTime) {
  ASSERT_EQ(server_log.initialise(kBuffer, 1024, claims), Status::OKAY);
  app.now = 5'000'000;
  EXPECT_EQ(log("first"), Status::OKAY);
  app.now = 5'250'000;
  EXPECT_EQ(log("second line"), Status::OKAY);
  ASSERT_TRUE(take());
  EXPECT_EQ(text, "first");
  EXPECT_EQ(record.logged_at, 5'000'000U);
  ASSERT_TRUE(take());
  EXPECT_EQ(text, "second line");
  EXPECT_EQ(record.logged_at, 5'250'000U);
  EXPECT_FALSE(take());
}

TEST_F(ServerLogTest, RefusesWhatIsTooLongOrNotReadable) {
  ASSERT_EQ(server_log.initialise(kBuffer, 4096, claims), Status::OKAY);
  EXPECT_EQ(log(std::string(1024, 'x')), Status::OKAY);
  EXPECT_EQ(log(std::string(1025, 'x')), Status::LOGMESSAGETOOLONG);
  EXPECT_EQ(log(""), Status::OKAY);
  EXPECT_EQ(server_log.log(0x3000'0000, 10, app.now), Status::PARAMETERFAULT);
  EXPECT_TRUE(take());
  EXPECT_FALSE(take());
}

TEST_F(ServerLogTest, WrapsRoundTheEndOfTheBuffer) {
  ASSERT_EQ(server_log.initialise(kBuffer, 512, claims), Status::OKAY);
  for (int i = 0; i < 100; ++i) {
    app.now += 1'000'000;
    const std::string line = "line " + std::to_string(i) + std::string(static_cast<std::size_t>(i), '.');
    ASSERT_EQ(log(line), Status::OKAY);
    ASSERT_TRUE(take());
    ASSERT_EQ(text, line);
  }
}

TEST_F(ServerLogTest, CountsWhatDidNotFit) {
  ASSERT_EQ(server_log.initialise(kBuffer, 512, claims), Status::OKAY);
  EXPECT_EQ(log(std::string(400, 'a')), Status::OKAY);
  EXPECT_EQ(log(std::string(100, 'b')), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(log(std::string(100, 'c')), Status::INVALIDBUFFERSIZE);
  ASSERT_TRUE(take());
  EXPECT_EQ(record.dropped, 0U);
  EXPECT_EQ(log("after"), Status::OKAY);
  ASSERT_TRUE(take());
  EXPECT_EQ(text, "after");
  EXPECT_EQ(record.dropped, 2U);
}

TEST_F(ServerLogTest, TakesABurstOfThirtyTwoThenEightASecond) {
  ASSERT_EQ(server_log.initialise(kBuffer, 8192, claims), Status::OKAY);
  unsigned taken = 0;
  for (int i = 0; i < 50; ++i) taken += log("x") == Status::OKAY ? 1 : 0;
  EXPECT_EQ(taken, 32U);
  app.now += 1'000'000;
  taken = 0;
  for (int i = 0; i < 50; ++i) taken += log("x") == Status::OKAY ? 1 : 0;
  EXPECT_EQ(taken, 8U);
}

TEST_F(ServerLogTest, SurvivesAnApplicationThatOverwritesItsBuffer) {
  ASSERT_EQ(server_log.initialise(kBuffer, 512, claims), Status::OKAY);
  ASSERT_EQ(log("good"), Status::OKAY);
  for (std::uint32_t i = 0; i < 512; i += 4) app.write(kBuffer + i, 0xFFFF'FFFFu);
  EXPECT_FALSE(take());
  EXPECT_FALSE(take());
  EXPECT_EQ(log("again"), Status::OKAY);
  ASSERT_TRUE(take());
  EXPECT_EQ(text, "again");
  EXPECT_EQ(record.dropped, 1U);
}

TEST_F(ServerLogTest, LongMessagesShowOnlyWhenTheyAreWhole) {
  ASSERT_EQ(server_log.initialise(kBuffer, 4096, claims), Status::OKAY);
  std::string message;
  for (int i = 0; message.size() < 1000; ++i) message += std::to_string(i);
  app.write_text(kMessage, message);
  const auto length = static_cast<std::uint32_t>(message.size());
  app.largest_copy = 0;
  unsigned traps = 1;
  for (; log_piece(length) == kAgain; ++traps) EXPECT_FALSE(take());
  EXPECT_EQ(traps, 5U);  // three of 256 bytes, the rest, and the record
  EXPECT_LE(app.largest_copy, Pieces::kPiece);
  ASSERT_TRUE(take());
  EXPECT_EQ(text, message);
}

TEST_F(ServerLogTest, AMessageThatIsOvertakenBeginsAnew) {
  ASSERT_EQ(server_log.initialise(kBuffer, 4096, claims), Status::OKAY);
  const std::string message(600, 'm');
  app.write_text(kMessage, message);
  app.write_text(kMessage + 0x400, "from an interrupt");
  EXPECT_EQ(log_piece(600), kAgain);
  EXPECT_EQ(log_piece(600), kAgain);
  EXPECT_EQ(log_piece(17, kMessage + 0x400, 0x2000'6F00), Status::OKAY);
  EXPECT_EQ(log(message), Status::OKAY);
  ASSERT_TRUE(take());
  EXPECT_EQ(text, "from an interrupt");
  ASSERT_TRUE(take());
  EXPECT_EQ(text, message);
  EXPECT_FALSE(take());
}

TEST_F(ServerLogTest, AMessageThatFitsNoMoreWhenItIsWholeIsRefused) {
  ASSERT_EQ(server_log.initialise(kBuffer, 512, claims), Status::OKAY);
  app.write_text(kMessage, std::string(400, 'm'));
  EXPECT_EQ(log_piece(400), kAgain);
  EXPECT_EQ(log_piece(60, kMessage, 0x2000'6F00), Status::OKAY);
  EXPECT_EQ(log_piece(60, kMessage, 0x2000'6F00), Status::OKAY);
  EXPECT_EQ(log_piece(400), Status::INVALIDBUFFERSIZE);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
