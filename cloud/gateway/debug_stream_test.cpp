// Streams that the gateway opens for debug sessions, frame by frame, against a session without network.
#include "cloud/test/session_fixture.hpp"

namespace microvisor::cloud {
namespace {

using test::SessionTest;

struct DebugStreamTest : SessionTest {
  DebugCounters counters;
  std::optional<RelayEnd> told;
  std::shared_ptr<DebugRelay> relay =
      std::make_shared<DebugRelay>(counters, [this](const DebugRelay& ended) { told = ended.ended(); });

  void SetUp() override {
    link::Frame frame = hello();
    frame.mutable_hello()->set_debug_version(1);
    send(frame);
    output();
  }
  void TearDown() override { session.reset(); }
  void expect_told(RelayEnd::By by, link::StreamError error = link::STREAM_ERROR_NONE) const {
    ASSERT_TRUE(told);
    EXPECT_EQ(told->by, by);
    EXPECT_EQ(told->error, error);
  }
};

TEST_F(DebugStreamTest, AreOpenedWithEvenNumbers) {
  EXPECT_TRUE(session->takes_debug());
  for (const std::uint32_t number : {2U, 4U}) {
    ASSERT_TRUE(session->open_debug(std::make_shared<DebugRelay>(counters, nullptr)));
    const auto frames = output();
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].stream(), number);
    EXPECT_EQ(frames[0].open().service(), link::SERVICE_DEBUG);
    EXPECT_EQ(frames[0].open().credit(), 8192U);
  }
}

TEST_F(DebugStreamTest, ADeviceThatHasNotSaidSoDoesNotTakeThem) {
  restart({});
  greet();
  EXPECT_FALSE(session->takes_debug());
}

TEST_F(DebugStreamTest, FramesOnStreamsThatWereNotOpenedEndTheSession) {
  send(data(2, "early"));
  expect_end("never opened");
}

TEST_F(DebugStreamTest, ADeviceCannotOpenThem) {
  send(open(2, link::SERVICE_DEBUG, 100));
  expect_end("odd streams");
}

TEST_F(DebugStreamTest, KeepToTheCreditOfTheDevice) {
  ASSERT_TRUE(session->open_debug(relay));
  output();
  relay->from_machine(protocol::Bytes(3000, 1));
  EXPECT_TRUE(output().empty());
  send(credit(2, 1500));
  auto frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].data().size(), 1024U);
  EXPECT_EQ(frames[1].data().size(), 476U);
  send(credit(2, 5000));
  frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].data().size() + frames[1].data().size(), 1500U);
}

TEST_F(DebugStreamTest, GiveCreditBackWhenTheMachineHasTakenIt) {
  ASSERT_TRUE(session->open_debug(relay));
  output();
  send(data(2, std::string(1000, 'x')));
  EXPECT_TRUE(output().empty());
  EXPECT_EQ(relay->take_for_machine().size(), 1000U);
  const auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].credit().bytes(), 1000U);
  for (int i = 0; i < 8; ++i) send(data(2, std::string(1024, 'x')));
  EXPECT_FALSE(session->finished());
  send(data(2, "x"));
  expect_end("beyond the credit");
}

TEST_F(DebugStreamTest, TakeRoomOnlyWhileTheDeviceTakes) {
  ASSERT_TRUE(session->open_debug(relay));
  send(credit(2, 100));
  output();
  relay->from_machine(protocol::Bytes(8191, 1));
  EXPECT_TRUE(relay->has_room());
  relay->from_machine(protocol::Bytes(1, 1));
  EXPECT_FALSE(relay->has_room());
  output();
  EXPECT_TRUE(relay->has_room());
}

TEST_F(DebugStreamTest, EndAsTheDeviceSays) {
  ASSERT_TRUE(session->open_debug(relay));
  output();
  send(close(2, link::STREAM_ERROR_TAKEN_OVER));
  expect_told(RelayEnd::By::Device, link::STREAM_ERROR_TAKEN_OVER);
  EXPECT_TRUE(output().empty());
  EXPECT_EQ(counters.open, 0U);
  send(data(2, "late"));
  EXPECT_FALSE(session->finished()) << "frames that cross a Close are late, not wrong";
}

TEST_F(DebugStreamTest, EndWhenTheMachineGoes) {
  ASSERT_TRUE(session->open_debug(relay));
  send(credit(2, 100));
  output();
  relay->from_machine(protocol::Bytes(30, 1));
  relay->end({RelayEnd::By::Machine});
  const auto frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].data().size(), 30U);
  EXPECT_EQ(frames[1].close().error(), link::STREAM_ERROR_NONE);
  EXPECT_TRUE(session->debug_relays().empty());
}

TEST_F(DebugStreamTest, EndWithTheConnection) {
  ASSERT_TRUE(session->open_debug(relay));
  bool woken = false;
  relay->set_device([&] { woken = true; });
  session.reset();
  expect_told(RelayEnd::By::Connection);
  EXPECT_FALSE(woken) << "nobody is left there";
}

TEST_F(DebugStreamTest, AreFourAtMost) {
  std::vector<std::shared_ptr<DebugRelay>> relays;
  for (int i = 0; i < 4; ++i) {
    relays.push_back(std::make_shared<DebugRelay>(counters, nullptr));
    ASSERT_TRUE(session->open_debug(relays.back()));
  }
  EXPECT_FALSE(session->open_debug(relay));
  send(close(4, link::STREAM_ERROR_BUSY));
  EXPECT_TRUE(session->open_debug(relay));
}

}  // namespace
}  // namespace microvisor::cloud
