// System calls as an application makes them: slot and registers in, status and memory out.
#include "firmware/kernel/resident/calls.hpp"

#include <gtest/gtest.h>

#include "firmware/kernel/resident/fake_application.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::Gate;
using abi::Status;

constexpr Address kOut = FakeApplication::kRam + 0x40;
constexpr Address kOut2 = FakeApplication::kRam + 0x48;
constexpr Address kParams = FakeApplication::kRam + 0x80;
constexpr Address kRing = FakeApplication::kRam + 0x100;
constexpr Address kText = FakeApplication::kRam + 0x300;
constexpr Address kNowhere = 0x3008'0000;  // Microvisor's RAM

class CallsTest : public testing::Test {
 protected:
  void SetUp() override {
    services() = Services{};
    services().reset_application(99);
  }
  Status call(Gate gate, std::uint32_t r0 = 0, std::uint32_t r1 = 0, std::uint32_t r2 = 0,
              std::uint32_t r3 = 0) {
    for (unsigned trap = 0; trap < 20; ++trap) {
      const Status status = perform(static_cast<unsigned>(gate), {{r0, r1, r2, r3}});
      if (status != kAgain) return status;
    }
    return kAgain;
  }
  Status perform(unsigned slot, const abi::Registers& registers, std::uint32_t stack = 0x2000'7000) const {
    caller = {registers, stack, 0x0800'0101, 0};
    return perform_call(slot, in_handler);
  }
  abi::NotificationHandle set_up_centre() {
    app.write(kParams, abi::NotificationSetup{45, kRing, 64});
    EXPECT_EQ(call(Gate::SetupNotifications, kParams, kOut), Status::OKAY);
    return app.read<std::uint32_t>(kOut);
  }
  abi::NetworkHandle request_network(abi::NotificationHandle centre) {
    app.write(kParams, abi::RequestNetworkParams{1, centre, 5});
    EXPECT_EQ(call(Gate::RequestNetwork, kParams, kOut), Status::OKAY);
    return app.read<std::uint32_t>(kOut);
  }

  FakeApplication app;
  bool in_handler = false;
};

TEST_F(CallsTest, WhatIsNotThereIsUnavailable) {
  EXPECT_EQ(perform(20, {}), Status::UNAVAILABLE);
  EXPECT_EQ(perform(71, {}), Status::UNAVAILABLE);
  EXPECT_EQ(call(Gate::NoOp), Status::OKAY);
}

TEST_F(CallsTest, TellsTimeAndClocks) {
  app.now = 0x1'2345'6789;
  EXPECT_EQ(call(Gate::GetMicroseconds, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint64_t>(kOut), 0x1'2345'6789U);
  EXPECT_EQ(call(Gate::GetMicroseconds, kNowhere), Status::PARAMETERFAULT);
  for (const Gate gate : {Gate::GetSysClk, Gate::GetHClk, Gate::GetPClk1, Gate::GetPClk2}) {
    EXPECT_EQ(call(gate, kOut), Status::OKAY);
    EXPECT_EQ(app.read<std::uint32_t>(kOut), 160'000'000U);
    EXPECT_EQ(call(gate, 0), Status::PARAMETERFAULT);
  }
}

TEST_F(CallsTest, WallTimeIsUnknownUntilItIsSet) {
  EXPECT_EQ(call(Gate::GetWallTime, kOut), Status::TIMENOTSET);
  EXPECT_EQ(call(Gate::GetWallTime, kNowhere), Status::PARAMETERFAULT);
  services().wall_clock.set(1'700'000'000'000'000, app.now);
  app.now += 5;
  EXPECT_EQ(call(Gate::GetWallTime, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint64_t>(kOut), 1'700'000'000'000'005U);
}

TEST_F(CallsTest, DeviceIdIsThirtyFourCharactersWithoutTerminator) {
  services().device_id.fill('7');
  EXPECT_EQ(call(Gate::GetDeviceId, kOut, 35), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(call(Gate::GetDeviceId, kNowhere, 34), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::GetDeviceId, kOut, 34), Status::OKAY);
  EXPECT_EQ(app.read<std::uint8_t>(kOut + 33), '7');
  EXPECT_EQ(app.read<std::uint8_t>(kOut + 34), 0xA5);
}

TEST_F(CallsTest, WakeReasonIsOneByte) {
  services().wake_reason = abi::WakeReason::APPLICATIONCRASH;
  EXPECT_EQ(call(Gate::GetWakeReason, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint8_t>(kOut), 8);
  EXPECT_EQ(app.read<std::uint8_t>(kOut + 1), 0xA5);
}

TEST_F(CallsTest, PokeChangesOnlyPermittedBits) {
  constexpr std::uint32_t kApb1Enable = 0x4602'0C9C;
  app.registers[kApb1Enable] = 0x0000'0008;  // TIM5, the kernel's
  EXPECT_EQ(call(Gate::PeriphPoke32, kApb1Enable, 0xFFFF'FFFF, 0x0002'0011), Status::OKAY);
  EXPECT_EQ(app.registers[kApb1Enable], 0x0002'0019U);
  EXPECT_EQ(call(Gate::PeriphPoke32, kApb1Enable, 0x10, 0), Status::OKAY);  // clear bit idiom
  EXPECT_EQ(app.registers[kApb1Enable], 0x0002'0009U);
  EXPECT_EQ(call(Gate::PeriphPoke32, kApb1Enable, 0, 1), Status::OKAY);  // toggle idiom
  EXPECT_EQ(app.registers[kApb1Enable], 0x0002'0008U);
  EXPECT_EQ(call(Gate::PeriphPeek32, kApb1Enable, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut), 0x0002'0008U);
  EXPECT_EQ(call(Gate::PeriphPeek32, kApb1Enable + 1, kOut), Status::PERIPHERALACCESSFAULT);
  EXPECT_EQ(call(Gate::PeriphPeek32, 0x4000'0000, kOut), Status::PERIPHERALACCESSFAULT);
  EXPECT_EQ(call(Gate::PeriphPeek32, kApb1Enable, kNowhere), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::PeriphPoke32, 0x4002'2040, 0, 1), Status::PERIPHERALACCESSFAULT);  // FLASH_OPTR
}

TEST_F(CallsTest, CloseWritesZeroIntoTheHandle) {
  set_up_centre();
  EXPECT_EQ(call(Gate::CloseNotifications, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut), 0U);
  EXPECT_EQ(call(Gate::CloseNotifications, kOut), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::CloseNotifications, FakeApplication::kFlash), Status::PARAMETERFAULT);
}

TEST_F(CallsTest, HandlesOfAnotherKindAreInvalid) {
  const auto centre = set_up_centre();
  const auto network = request_network(centre);
  app.write(kOut, network);
  EXPECT_EQ(call(Gate::CloseNotifications, kOut), Status::INVALIDHANDLE);
  app.write(kOut, centre);
  EXPECT_EQ(call(Gate::ReleaseNetwork, kOut), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::GetNetworkStatus, 0, kOut), Status::INVALIDHANDLE);
}

TEST_F(CallsTest, NetworkRequestsAreCountedAndGovern) {
  const auto reasons = [&] {
    EXPECT_EQ(call(Gate::GetNetworkReasons, kOut, kOut2), Status::OKAY);
    return app.read<std::uint32_t>(kOut);
  };
  services().connectivity.configure(0, 3600);
  services().connectivity.contact();
  services().application_present = true;
  services().wall_clock.set(1, 0);
  EXPECT_EQ(reasons(), 0x2U);  // never used
  const auto network = request_network(0);
  EXPECT_EQ(reasons(), 0x1U);
  EXPECT_EQ(app.read<std::uint32_t>(kOut2), 1U);
  services().link_status = abi::NetworkStatus::CONNECTED;
  EXPECT_EQ(call(Gate::GetNetworkStatus, network, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut), 1U);
  app.write(kOut, network);
  EXPECT_EQ(call(Gate::ReleaseNetwork, kOut), Status::OKAY);
  EXPECT_EQ(reasons(), 0U);
  EXPECT_FALSE(wants_network(reasons()));
  EXPECT_EQ(app.wakes, 2U);
}

TEST_F(CallsTest, NetworkRequestsAreChecked) {
  app.write(kParams, abi::RequestNetworkParams{2, 0, 0});
  EXPECT_EQ(call(Gate::RequestNetwork, kParams, kOut), Status::UNSUPPORTEDSTRUCTUREVERSION);
  app.write(kParams, abi::RequestNetworkParams{1, 12345, 0});
  EXPECT_EQ(call(Gate::RequestNetwork, kParams, kOut), Status::INVALIDHANDLE);
  app.write(kParams, abi::RequestNetworkParams{1, 0, 0});
  EXPECT_EQ(call(Gate::RequestNetwork, kParams, kNowhere), Status::PARAMETERFAULT);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(call(Gate::RequestNetwork, kParams, kOut), Status::OKAY);
  EXPECT_EQ(call(Gate::RequestNetwork, kParams, kOut), Status::PARAMETERFAULT);
}

TEST_F(CallsTest, SystemEventsReachTheirCentre) {
  const auto centre = set_up_centre();
  app.write(kParams, abi::OpenSystemNotificationParams{centre, 9, abi::SystemNotificationSource::UPDATE});
  EXPECT_EQ(call(Gate::OpenSystemNotification, kParams, kOut), Status::OKAY);
  Services& s = services();
  s.events.announce(abi::SystemNotificationSource::NETWORK, s.notifications, app.now);
  EXPECT_EQ(app.pended[45], 0U);
  s.events.announce(abi::SystemNotificationSource::UPDATE, s.notifications, app.now);
  const auto record = app.read<abi::Notification>(kRing);
  EXPECT_EQ(record.event_type, abi::EventType::UPDATEDOWNLOADED);
  EXPECT_EQ(record.tag, 9U);
  EXPECT_EQ(call(Gate::CloseSystemNotification, kOut), Status::OKAY);
  app.write(kParams,
            abi::OpenSystemNotificationParams{centre, 9, static_cast<abi::SystemNotificationSource>(2)});
  EXPECT_EQ(call(Gate::OpenSystemNotification, kParams, kOut), Status::INVALIDHANDLE);
}

TEST_F(CallsTest, WhoSubscribesWhileAnUpdateWaitsHearsOfIt) {
  const auto centre = set_up_centre();
  app.write(kParams, abi::OpenSystemNotificationParams{centre, 1, abi::SystemNotificationSource::UPDATE});
  EXPECT_EQ(call(Gate::OpenSystemNotification, kParams, kOut), Status::OKAY);
  EXPECT_EQ(app.pended[45], 0U) << "there is none yet";
  services().update_due = app.now + 1;
  app.write(kParams, abi::OpenSystemNotificationParams{centre, 2, abi::SystemNotificationSource::NETWORK});
  EXPECT_EQ(call(Gate::OpenSystemNotification, kParams, kOut), Status::OKAY);
  EXPECT_EQ(app.pended[45], 0U);
  app.write(kParams, abi::OpenSystemNotificationParams{centre, 3, abi::SystemNotificationSource::UPDATE});
  EXPECT_EQ(call(Gate::OpenSystemNotification, kParams, kOut), Status::OKAY);
  EXPECT_EQ(app.pended[45], 1U) << "only the new subscriber is told";
  EXPECT_EQ(app.read<abi::Notification>(kRing).event_type, abi::EventType::UPDATEDOWNLOADED);
  EXPECT_EQ(app.read<abi::Notification>(kRing).tag, 3U);
}

TEST_F(CallsTest, LogsOnceTheBufferIsThere) {
  app.write_text(kText, "hello");
  EXPECT_EQ(call(Gate::ServerLog, kText, 5), Status::UNAVAILABLE);
  EXPECT_EQ(call(Gate::ServerLoggingInit, FakeApplication::kRam + 0x1000, 1024), Status::OKAY);
  EXPECT_EQ(call(Gate::ServerLog, kText, 0xFFFF'0005), Status::OKAY);  // the length is 16 bits
  EXPECT_EQ(app.wakes, 1U);
  services().logging_refused = true;
  EXPECT_EQ(call(Gate::ServerLog, kText, 5), Status::LOGGINGDISABLEDBYSERVER);
}

TEST_F(CallsTest, FactoryCallsExistOnlyInTheFactory) {
  EXPECT_EQ(call(Gate::TestingComplete, 3), Status::UNAVAILABLE);
  EXPECT_EQ(call(Gate::TestLoggingInit, FakeApplication::kRam + 0x1000, 1024), Status::UNAVAILABLE);
  services().factory_test = true;
  EXPECT_EQ(call(Gate::TestLoggingInit, FakeApplication::kRam + 0x1000, 1024), Status::OKAY);
  EXPECT_EQ(call(Gate::TestLog, kText, 5), Status::OKAY);
  EXPECT_EQ(call(Gate::TestingComplete, 3), Status::OKAY);
  EXPECT_EQ(services().testing_status, 3U);
  EXPECT_EQ(app.end_requests, std::vector{EndRequest::TestingComplete});
}

class PowerCallsTest : public CallsTest {
 protected:
  /// No reason to be connected is left, and the link knows it.
  void SetUp() override {
    CallsTest::SetUp();
    Services& s = services();
    s.connectivity.configure(0, 3600);
    s.connectivity.contact();
    s.connectivity.disconnected(app.now);
    s.wall_clock.set(1, app.now);
    s.application_present = true;
    app.write(kOut, request_network(0));
    EXPECT_EQ(call(Gate::ReleaseNetwork, kOut), Status::OKAY);
    EXPECT_EQ(s.network_reasons(), 0U);
  }
};

TEST_F(PowerCallsTest, SleepIsForTheOfflineOnly) {
  EXPECT_EQ(call(Gate::PowerSave, 0xFFFF'FF03), Status::OKAY);  // the mode is one byte
  EXPECT_EQ(app.power_saves, std::vector{abi::PowerSavingMode::STOP2});
  EXPECT_EQ(call(Gate::DeepSleep, 1), Status::OKAY);
  EXPECT_EQ(app.deep_sleeps, std::vector{abi::DeepSleepMode::SHUTDOWN});
  EXPECT_EQ(call(Gate::PowerSave, 5), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::DeepSleep, 2), Status::PARAMETERFAULT);
  services().link_status = abi::NetworkStatus::DISCONNECTEDWITHLINKUP;
  EXPECT_EQ(call(Gate::PowerSave, 0), Status::MICROVISORBUSY);
  services().link_status = abi::NetworkStatus::DELIBERATELYOFFLINE;
  services().crash_to_report = true;  // the link is about to begin
  EXPECT_EQ(call(Gate::DeepSleep, 0), Status::MICROVISORBUSY);
  EXPECT_EQ(app.power_saves.size() + app.deep_sleeps.size(), 2U);
}

TEST_F(PowerCallsTest, AStopWaitsForTheWorkerAndSleepDoesNot) {
  app.ready_to_stop = false;
  EXPECT_EQ(call(Gate::PowerSave, 1), Status::MICROVISORBUSY);
  EXPECT_EQ(call(Gate::DeepSleep, 0), Status::MICROVISORBUSY);
  EXPECT_EQ(call(Gate::PowerSave, 0), Status::OKAY);
}

TEST_F(CallsTest, RestartKnowsOneMode) {
  EXPECT_EQ(call(Gate::Restart, 1), Status::PARAMETERFAULT);
  services().link_fetches_update = true;
  EXPECT_EQ(call(Gate::Restart, 0), Status::MICROVISORBUSY);
  services().link_fetches_update = false;
  EXPECT_TRUE(app.end_requests.empty());
  EXPECT_EQ(call(Gate::Restart, 0), Status::OKAY);
  EXPECT_EQ(app.end_requests, std::vector{EndRequest::Restart});
}

TEST_F(CallsTest, InterruptHandlersMayAskAndLogOnly) {
  in_handler = true;
  EXPECT_EQ(call(Gate::GetMicroseconds, kOut), Status::OKAY);
  EXPECT_EQ(call(Gate::NoOp), Status::OKAY);
  EXPECT_EQ(call(Gate::GetWakeReason, kOut), Status::UNAVAILABLE);
  EXPECT_EQ(call(Gate::Restart, 0), Status::UNAVAILABLE);
  EXPECT_EQ(call(Gate::SetupNotifications, kParams, kOut), Status::UNAVAILABLE);
  EXPECT_EQ(call(Gate::SystemLedEnable, 1), Status::UNAVAILABLE);
}

TEST_F(CallsTest, OnlyCallsInFlashWaitWhileItIsBusy) {
  for (unsigned slot = 0; slot < abi::kGateCount; ++slot) {
    app.flash_busy = false;
    const Status status = perform(slot, {});
    app.flash_busy = true;
    const bool in_flash = abi::lies_in_flash(static_cast<Gate>(slot));
    EXPECT_EQ(perform(slot, {}), in_flash ? kAgain : status) << slot;
    EXPECT_FALSE(in_flash && abi::allowed_in_handlers(static_cast<Gate>(slot))) << slot;
  }
}

TEST_F(CallsTest, ACallThatWaitsForTheFlashHasDoneNothing) {
  app.flash_busy = true;
  EXPECT_EQ(call(Gate::SystemLedEnable, 1), kAgain);
  EXPECT_FALSE(services().status_led);
  EXPECT_EQ(call(Gate::NoOp), Status::OKAY);
  in_handler = true;  // where it may not be made it does not wait either
  EXPECT_EQ(call(Gate::SystemLedEnable, 1), Status::UNAVAILABLE);
  in_handler = false;
  app.flash_busy = false;
  EXPECT_EQ(call(Gate::SystemLedEnable, 1), Status::OKAY);
  EXPECT_TRUE(services().status_led);
}

TEST_F(CallsTest, NestedStructuresAreFollowed) {
  app.write(kParams, abi::TemporaryTestVersionedStruct{1, 2, {3, kOut, 4}});
  EXPECT_EQ(call(Gate::TemporaryStructTest, kParams), Status::OKAY);
  app.write(kParams, abi::TemporaryTestVersionedStruct{1, 2, {3, kNowhere, 4}});
  EXPECT_EQ(call(Gate::TemporaryStructTest, kParams), Status::PARAMETERFAULT);
  app.write(kParams, abi::TemporaryTestVersionedStruct{2, 2, {3, kOut, 4}});
  EXPECT_EQ(call(Gate::TemporaryStructTest, kParams), Status::UNSUPPORTEDSTRUCTUREVERSION);
}

class ChannelCallsTest : public CallsTest {
 protected:
  static constexpr Address kSend = FakeApplication::kRam + 0x2000;
  static constexpr Address kData = FakeApplication::kRam + 0x8000;
  void SetUp() override {
    CallsTest::SetUp();
    centre = set_up_centre();
    network = request_network(centre);
    services().link_status = abi::NetworkStatus::CONNECTED;
    app.write_text(kText, "log");
  }
  abi::OpenChannelParams params() {
    return {1,
            centre,
            7,
            network,
            FakeApplication::kRam + 0x1000,
            64,
            kSend,
            4096,
            abi::ChannelType::OPAQUEBYTES,
            {kText, 3}};
  }
  Status open(const abi::OpenChannelParams& p) {
    app.write(kParams, p);
    return call(Gate::OpenChannel, kParams, kOut);
  }
  abi::NotificationHandle centre = 0;
  abi::NetworkHandle network = 0;
};

TEST_F(ChannelCallsTest, OpenIsRefusedForTheRightReason) {
  auto p = params();
  p.version = 2;
  EXPECT_EQ(open(p), Status::UNSUPPORTEDSTRUCTUREVERSION);
  p = params();
  p.endpoint.data = kNowhere;
  EXPECT_EQ(open(p), Status::PARAMETERFAULT);
  p = params();
  p.receive_buffer = kNowhere;
  EXPECT_EQ(open(p), Status::PARAMETERFAULT);
  p = params();
  p.network_handle = centre;
  EXPECT_EQ(open(p), Status::INVALIDHANDLE);
  services().link_status = abi::NetworkStatus::CONNECTING;
  EXPECT_EQ(open(params()), Status::NETWORKNOTCONNECTED);
  services().link_status = abi::NetworkStatus::CONNECTED;
  EXPECT_EQ(open(params()), Status::OKAY);
  EXPECT_EQ(open(params()), Status::BUFFERALREADYINUSE);
}

TEST_F(ChannelCallsTest, StreamWriteCountsItsBytes) {
  ASSERT_EQ(open(params()), Status::OKAY);
  const auto channel = app.read<std::uint32_t>(kOut);
  EXPECT_EQ(call(Gate::WriteChannelStream, channel, kData, 14, kOut2), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut2), 14U);
  EXPECT_EQ(call(Gate::WriteChannelStream, channel, kData, 14, kNowhere), Status::LATEFAULT);
  EXPECT_EQ(call(Gate::WriteChannel, channel, 0, 0, kOut2), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut2), 4096U - 28U);
  EXPECT_EQ(call(Gate::CloseChannel, kOut), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut), 0U);
}

TEST_F(ChannelCallsTest, LongWritesAreRepeatedByTheCaller) {
  ASSERT_EQ(open(params()), Status::OKAY);
  const auto channel = app.read<std::uint32_t>(kOut);
  const abi::Registers registers{{channel, kData, 2048, kOut2}};
  const auto slot = static_cast<unsigned>(Gate::WriteChannel);
  constexpr std::uint32_t kOther = 0x2000'A000;  // stack of another task that makes the same call
  for (unsigned i = 0; i < 2048 / Pieces::kPiece; ++i) EXPECT_EQ(perform(slot, registers), kAgain);
  EXPECT_EQ(perform(slot, registers), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut2), 2048U);
  EXPECT_EQ(perform(slot, registers, kOther), kAgain);
  app.write(kOut, channel);
  EXPECT_EQ(call(Gate::CloseChannel, kOut), Status::OKAY);
  EXPECT_EQ(perform(slot, registers, kOther), Status::INVALIDHANDLE);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
