// The rules of rings that existing applications rely on: order, wrapping, one interrupt a record, spacing.
#include "firmware/kernel/resident/notifications.hpp"

#include <gtest/gtest.h>

#include "firmware/kernel/resident/fake_application.hpp"

namespace microvisor::firmware::kernel {
namespace {

/// As the call does in two traps.
abi::Status check_and_add(Notifications& notifications, const abi::NotificationSetup& setup,
                          MemoryClaims& claims, abi::NotificationHandle& handle) {
  const abi::Status status = notifications.check(setup, claims);
  return status == abi::Status::OKAY ? notifications.add(setup, claims, handle) : status;
}

using abi::EventType;
using abi::Status;

constexpr Address kRing = FakeApplication::kRam + 0x100;
constexpr std::uint32_t kLine = 45;

class NotificationsTest : public testing::Test {
 protected:
  void SetUp() override { notifications.reset(0x1234); }

  abi::NotificationHandle set_up(std::uint32_t records = 4, std::uint32_t line = kLine,
                                 Address ring = kRing) {
    abi::NotificationHandle handle = 0;
    EXPECT_EQ(check_and_add(notifications, {line, ring, records * 16}, claims, handle), Status::OKAY);
    return handle;
  }
  abi::Notification record(unsigned slot) { return app.read<abi::Notification>(kRing + 16 * slot); }
  /// The application's handler runs and returns.
  void handle_interrupt(std::uint32_t line = kLine) { app.pending[line] = app.active[line] = false; }

  FakeApplication app;
  MemoryClaims claims;
  Notifications notifications;
};

TEST_F(NotificationsTest, RefusesWhatIsNoRing) {
  abi::NotificationHandle handle = 0;
  const auto setup = [&](std::uint32_t irq, Address buffer, std::uint32_t size) {
    return check_and_add(notifications, {irq, buffer, size}, claims, handle);
  };
  EXPECT_EQ(setup(kLine, kRing, 16), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(setup(kLine, kRing, 40), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(setup(kLine, FakeApplication::kFlash, 64), Status::PARAMETERFAULT);
  EXPECT_EQ(setup(kLine, 0x3008'0000, 64), Status::PARAMETERFAULT);
  EXPECT_EQ(setup(kLine, kRing + 4, 64), Status::INVALIDBUFFERALIGNMENT);
  EXPECT_EQ(setup(48, kRing, 64), Status::INVALIDINTERRUPT);
  EXPECT_EQ(setup(500, kRing, 64), Status::INVALIDINTERRUPT);
  EXPECT_EQ(handle, 0U);
  set_up();
  EXPECT_EQ(setup(kLine, kRing + 0x1000, 64), Status::INVALIDINTERRUPT);
  EXPECT_EQ(setup(kLine + 1, kRing + 48, 64), Status::BUFFERALREADYINUSE);
}

TEST_F(NotificationsTest, SetUpLeavesRingAndLineAlone) {
  set_up();
  EXPECT_EQ(record(0).event_type, static_cast<EventType>(0xA5A5'A5A5));
  EXPECT_EQ(app.pended[kLine], 0U);
}

TEST_F(NotificationsTest, HoldsThirtyTwoCentres) {
  abi::NotificationHandle handle = 0;
  for (std::uint32_t i = 0; i < 32; ++i) set_up(2, i, kRing + 0x100 * i);
  EXPECT_EQ(check_and_add(notifications, {100, kRing + 0x5000, 64}, claims, handle),
            Status::TOOMANYNOTIFICATIONBUFFERS);
}

TEST_F(NotificationsTest, WritesInOrderAndWraps) {
  const auto handle = set_up(4);
  for (std::uint32_t i = 0; i < 6; ++i) {
    app.now += 1000;
    notifications.post(handle, EventType::CHANNELDATAREADABLE, 100 + i, app.now);
    EXPECT_EQ(app.pended[kLine], i + 1);
    handle_interrupt();
  }
  EXPECT_EQ(record(0).tag, 104U);
  EXPECT_EQ(record(1).tag, 105U);
  EXPECT_EQ(record(2).tag, 102U);
  EXPECT_EQ(record(3).tag, 103U);
  EXPECT_EQ(record(1).event_type, EventType::CHANNELDATAREADABLE);
  EXPECT_EQ(record(1).microseconds, app.now);
}

TEST_F(NotificationsTest, OverwritesRecordsThatStillLookUsed) {
  const auto handle = set_up(2);
  for (std::uint32_t i = 0; i < 3; ++i) {
    notifications.post(handle, EventType::NETWORKSTATUSCHANGED, i, app.now);
    handle_interrupt();
  }
  EXPECT_EQ(record(0).tag, 2U);
}

TEST_F(NotificationsTest, HoldsARecordBackUntilTheHandlerHasRun) {
  const auto handle = set_up();
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 1, app.now);
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 2, app.now);
  EXPECT_EQ(app.pended[kLine], 1U);
  EXPECT_EQ(app.held_back, 1U);
  EXPECT_NE(record(1).tag, 2U);
  app.pending[kLine] = false;
  app.active[kLine] = true;  // the handler has begun
  app.now += Notifications::kRetry;
  EXPECT_TRUE(notifications.pump(app.now));
  EXPECT_EQ(app.pended[kLine], 1U);
  handle_interrupt();
  EXPECT_FALSE(notifications.pump(app.now));
  EXPECT_EQ(app.pended[kLine], 2U);
  EXPECT_EQ(record(1).tag, 2U);
}

TEST_F(NotificationsTest, DeliversToAnApplicationThatOnlyPolls) {
  const auto handle = set_up();
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 1, app.now);
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 2, app.now);
  app.now += Notifications::kPatience;  // the line stays pending
  EXPECT_FALSE(notifications.pump(app.now));
  EXPECT_EQ(record(1).tag, 2U);
}

TEST_F(NotificationsTest, LosesNothingWhenManyComeAtOnce) {
  const auto handle = set_up(32);
  for (std::uint32_t i = 0; i < 20; ++i)
    notifications.post(handle, EventType::CHANNELDATAREADABLE, i, app.now);
  for (unsigned i = 0; i < 20; ++i) {
    handle_interrupt();
    notifications.pump(app.now);
  }
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_EQ(record(i).tag, i);
}

TEST_F(NotificationsTest, CentresShareTheRoomForRecordsHeldBackAndLoseNothing) {
  constexpr std::uint32_t kRecords = 7, kCentres = 8,
                          kLines = 49;  // one delivered, six held back: more than there is room
  std::array<abi::NotificationHandle, kCentres> handles{};
  for (std::uint32_t i = 0; i < kCentres; ++i)
    ASSERT_EQ(check_and_add(notifications, {kLines + i, kRing + 0x100 * i, 128}, claims, handles[i]),
              Status::OKAY);
  for (std::uint32_t tag = 0; tag < kRecords; ++tag)
    for (const auto handle : handles)
      notifications.post(handle, EventType::CHANNELDATAREADABLE, tag, app.now);
  unsigned pended = 0;
  for (std::uint32_t i = 0; i < kCentres; ++i) pended += app.pended[kLines + i];
  EXPECT_EQ(pended, kRecords * kCentres - Notifications::kHeldBackByAll);
  for (unsigned round = 0; round < kRecords; ++round) {
    app.pending.fill(false);
    app.active.fill(false);
    app.now += Notifications::kRetry;
    notifications.pump(app.now);
  }
  for (std::uint32_t i = 0; i < kCentres; ++i) {
    for (std::uint32_t tag = 0; tag < kRecords; ++tag)
      EXPECT_EQ(app.read<abi::Notification>(kRing + 0x100 * i + 16 * tag).tag, tag) << i;
  }
  ASSERT_EQ(notifications.close(handles[0], claims), Status::OKAY);
}

TEST_F(NotificationsTest, ClosedCentreIsSilentAndItsMemoryFree) {
  const auto handle = set_up();
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 1, app.now);
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 2, app.now);
  EXPECT_EQ(notifications.close(handle, claims), Status::OKAY);
  EXPECT_EQ(notifications.close(handle, claims), Status::INVALIDHANDLE);
  handle_interrupt();
  EXPECT_FALSE(notifications.pump(app.now));
  notifications.post(handle, EventType::NETWORKSTATUSCHANGED, 3, app.now);
  EXPECT_EQ(app.pended[kLine], 1U);
  // Time and again, without a record that stays in the room for those held back.
  for (unsigned i = 0; i < 2 * Notifications::kHeldBackByAll; ++i) {
    const auto next = set_up();
    EXPECT_NE(next, handle);
    notifications.post(next, EventType::NETWORKSTATUSCHANGED, 1, app.now);
    const unsigned before = app.pended[kLine];
    notifications.post(next, EventType::NETWORKSTATUSCHANGED, 2, app.now);
    EXPECT_EQ(app.pended[kLine], before) << "held back";
    EXPECT_EQ(notifications.close(next, claims), Status::OKAY);
  }
}

}  // namespace
}  // namespace microvisor::firmware::kernel
