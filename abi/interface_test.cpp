// Facts of the published interface, restated here by hand and held against what the generator made of the
// table.
#include <gtest/gtest.h>

#include "abi/dispatch.hpp"
#include "abi/interface.hpp"

namespace microvisor::abi {
namespace {

TEST(Interface, StructuresLieAsExistingBinariesUseThem) {
  EXPECT_EQ(sizeof(Notification), 16U);
  EXPECT_EQ(offsetof(Notification, event_type), 8U);
  EXPECT_EQ(offsetof(Notification, tag), 12U);
  EXPECT_EQ(sizeof(NotificationSetup), 12U);
  EXPECT_EQ(sizeof(RequestNetworkParams), 12U);
  EXPECT_EQ(sizeof(OpenChannelParams), 44U);
  EXPECT_EQ(offsetof(OpenChannelParams, network_handle), 12U);
  EXPECT_EQ(offsetof(OpenChannelParams, send_buffer), 24U);
  EXPECT_EQ(offsetof(OpenChannelParams, channel_type), 32U);
  EXPECT_EQ(offsetof(OpenChannelParams, endpoint), 36U);
  // The one string whose length comes first.
  EXPECT_EQ(offsetof(HttpHeader, length), 0U);
  EXPECT_EQ(offsetof(HttpHeader, data), 4U);
  EXPECT_EQ(offsetof(SizedString, data), 0U);
  EXPECT_EQ(sizeof(HttpRequest), 36U);
  EXPECT_EQ(sizeof(MqttConnectRequest), 60U);
  EXPECT_EQ(offsetof(MqttConnectRequest, authentication), 24U);
  EXPECT_EQ(offsetof(MqttConnectRequest, tls_credentials), 44U);
  EXPECT_EQ(offsetof(MqttConnectRequest, clean_start), 52U);
  EXPECT_EQ(sizeof(MqttMessage), 36U);
  EXPECT_EQ(sizeof(WifiConfig), 24U);
  // Microvisor's own.
  EXPECT_EQ(sizeof(OpenNetworkInterfaceParams), 32U);
  EXPECT_EQ(sizeof(PacketRing), 8U);
  EXPECT_EQ(offsetof(PacketRing, taken), 4U);
  EXPECT_EQ(sizeof(NetworkInterfaceState), 40U);
  EXPECT_EQ(sizeof(TemporaryTestVersionedStruct), 20U);
  EXPECT_EQ(offsetof(TemporaryTestVersionedStruct, b) + offsetof(TemporaryTestNested, b), 12U);
}

TEST(Interface, OnlyFiveEnumerationsAreOneByte) {
  EXPECT_EQ(sizeof(WakeReason), 1U);
  EXPECT_EQ(sizeof(PowerSavingMode), 1U);
  EXPECT_EQ(sizeof(DeepSleepMode), 1U);
  EXPECT_EQ(sizeof(MqttAuthenticationMethod), 1U);
  EXPECT_EQ(sizeof(WifiConfigMode), 1U);
  EXPECT_EQ(sizeof(Status), 4U);
  EXPECT_EQ(sizeof(RestartMode), 4U);
}

TEST(Interface, ValuesAreThePublishedOnes) {
  EXPECT_EQ(static_cast<unsigned>(Status::UNAVAILABLE), 0x0AU);
  EXPECT_EQ(static_cast<unsigned>(Status::LOGGINGDISABLEDBYSERVER), 0x1AU);
  EXPECT_EQ(static_cast<unsigned>(Status::INPUTTOOLONG), 0x26U);
  EXPECT_EQ(static_cast<unsigned>(NetworkStatus::CONNECTED), 1U);
  EXPECT_EQ(static_cast<unsigned>(NetworkReason::ENHANCECALM), 0x800U);
  EXPECT_EQ(static_cast<unsigned>(WakeReason::DEEPSLEEPOTHER), 16U);
  EXPECT_EQ(static_cast<unsigned>(ConfigKeyFetchStore::SECRET), 0U);
}

TEST(Interface, ArgumentsComeFromTheRegistersInOrderAndAreNarrowed) {
  const Registers registers{{0x11, 0xABCD'1234, 0x33, 0x44}};
  EXPECT_EQ(ServerLogArguments::from(registers).length_bytes, 0x1234);
  EXPECT_EQ(PowerSaveArguments::from(Registers{{0xFFFF'FF02, 0, 0, 0}}).mode, PowerSavingMode::STOP1);
  const auto poke = PeriphPoke32Arguments::from(registers);
  EXPECT_EQ(poke.reg, 0x11U);
  EXPECT_EQ(poke.mask, 0xABCD'1234U);
  EXPECT_EQ(poke.xorvalue, 0x33U);
}

// --- dispatch
// ---------------------------------------------------------------------------------------------------------
template <Gate>
struct Body {};
template <>
struct Body<Gate::NoOp> {
  static Status run(const NoOpArguments&) { return Status::OKAY; }
};
template <>
struct Body<Gate::PeriphPoke32> {
  static Status run(const PeriphPoke32Arguments& arguments) {
    return arguments.reg == 7 ? Status::INTERNALERROR : Status::OKAY;
  }
};
template <Gate>
struct BodyInFlash {};
template <>
struct BodyInFlash<Gate::GetWifiConfig> {
  static Status run(const GetWifiConfigArguments& arguments) {
    return arguments.params == 7 ? Status::TIMENOTSET : Status::OKAY;
  }
};
constexpr auto kFlashTable = flash_table<BodyInFlash>();
template <unsigned kIndex>
struct InFlash {
  static Status run(const Registers& registers) { return kFlashTable[kIndex](registers); }
};

TEST(Dispatch, ReachesWhatIsThereAndAnswersUnavailableElsewhere) {
  constexpr auto kTable = dispatch_table<Body, InFlash>();
  ASSERT_EQ(kTable.size(), 78U);
  const Registers registers{{7, 0, 0, 0}};
  unsigned available = 0;
  for (const CallFunction call : kTable) available += call(registers) != Status::UNAVAILABLE ? 1 : 0;
  EXPECT_EQ(available, 3U);
  EXPECT_EQ(kTable[(0x0C1F'E0D8 - kGateBase) / kGateStride](registers), Status::OKAY);
  EXPECT_EQ(kTable[(0x0C1F'E0A8 - kGateBase) / kGateStride](registers), Status::INTERNALERROR);
  EXPECT_EQ(kTable[(0x0C1F'E248 - kGateBase) / kGateStride](registers), Status::TIMENOTSET);
  EXPECT_EQ(kTable[(0x0C1F'E0A0 - kGateBase) / kGateStride](registers), Status::UNAVAILABLE);
  EXPECT_EQ(kTable[(0x0C1F'E238 - kGateBase) / kGateStride](registers), Status::UNAVAILABLE);
}

TEST(Dispatch, WhatMayBeCalledFromHandlersNeverWaitsForTheFlash) {
  unsigned in_flash = 0;
  for (unsigned slot = 0; slot < kGateCount; ++slot) {
    const Gate gate = static_cast<Gate>(slot);
    in_flash += lies_in_flash(gate) ? 1 : 0;
    EXPECT_FALSE(lies_in_flash(gate) && allowed_in_handlers(gate)) << slot;
  }
  EXPECT_EQ(in_flash, kFlashCallCount);
}

}  // namespace
}  // namespace microvisor::abi
