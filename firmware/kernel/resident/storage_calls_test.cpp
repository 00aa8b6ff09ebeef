// Calls that wait for the worker: each is made again until the worker has done its pieces, whatever comes
// between.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "firmware/kernel/calls/external_flash.hpp"
#include "firmware/kernel/resident/calls.hpp"
#include "firmware/kernel/resident/fake_application.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::Gate;
using abi::Status;

constexpr Address kOut = FakeApplication::kRam + 0x40;
constexpr Address kParams = FakeApplication::kRam + 0x80;
constexpr Address kData = FakeApplication::kRam + 0x1000;
constexpr Address kBack = FakeApplication::kRam + 0x8000;

class StorageCallsTest : public testing::Test {
 protected:
  void SetUp() override {
    services() = Services{};
    services().reset_application(99);
    services().external_flash_chip = 0xC2853A;
    EXPECT_EQ(call(Gate::ExternalFlashOpen, kOut), Status::OKAY);
    handle = app.read<std::uint32_t>(kOut);
    std::iota(app.at(kData), app.at(kData) + 4096, std::uint8_t{1});
  }

  struct Step {
    bool done;
    Status status;
  };
  /// Four traps of the call made by the task whose stack is at `stack`: one notes that it is under way, one
  /// claims the job, one fills it, one posts it.
  static Step step(Gate gate, const abi::Registers& registers, std::uint32_t stack = 0x2000'7000) {
    caller = {registers, stack, 0x0800'0101, 0};
    Status status = perform_call(static_cast<unsigned>(gate), false);
    for (unsigned more = 0; more < 3 && status == kAgain; ++more)
      status = perform_call(static_cast<unsigned>(gate), false);
    return {status != kAgain, status};
  }
  /// The whole call, with the worker at work between its traps.
  Status call(Gate gate, std::uint32_t r0 = 0, std::uint32_t r1 = 0, std::uint32_t r2 = 0,
              std::uint32_t r3 = 0) {
    const abi::Registers registers{{r0, r1, r2, r3}};
    for (Step s = step(gate, registers);; s = step(gate, registers)) {
      if (s.done) return s.status;
      work();
    }
  }

  /// What the worker does with a job (RM of any NOR flash: programming clears bits, erasing sets a sector's).
  void work() {
    StorageJob* job = services().storage_jobs.take();
    if (job == nullptr) return;
    ++jobs;
    std::uint8_t* at = nor.data() + (job->offset - calls::kExternalFlashStart);
    switch (job->kind) {
      case StorageJob::Kind::NorRead: std::copy_n(at, job->length, job->data.begin()); break;
      case StorageJob::Kind::NorProgram:
        EXPECT_EQ(job->offset / 256, (job->offset + job->length - 1) / 256) << "across a page";
        for (std::uint32_t i = 0; i < job->length; ++i) at[i] &= job->data[i];
        break;
      case StorageJob::Kind::NorErase: std::fill_n(at, 4096, 0xFF); break;
      case StorageJob::Kind::WifiStore:
        services().wifi = WifiSettings::parse(std::span(job->data).first(2u + job->data[0] + job->data[1]));
        break;
      case StorageJob::Kind::WifiClear: services().wifi = {}; break;
    }
    services().storage_jobs.finish(works, app.now);
  }

  FakeApplication app;
  std::vector<std::uint8_t> nor = std::vector<std::uint8_t>(0x1'0000, 0xFF);
  std::uint32_t handle = 0;
  unsigned jobs = 0;
  bool works = true;
};

TEST_F(StorageCallsTest, WritesByPagesAndReadsBack) {
  app.largest_copy = 0;
  EXPECT_EQ(call(Gate::ExternalFlashWriteBlocking, handle, 100, 1000, kData), Status::OKAY);
  EXPECT_EQ(jobs, 5u);  // 156, 256, 256, 256, 76
  EXPECT_EQ(call(Gate::ExternalFlashReadBlocking, handle, 100, 1000, kBack), Status::OKAY);
  EXPECT_TRUE(std::equal(app.at(kData), app.at(kData) + 1000, app.at(kBack)));
  EXPECT_EQ(nor[99], 0xFF);
  EXPECT_EQ(nor[1100], 0xFF);
  EXPECT_LE(app.largest_copy, 1024u);
}

TEST_F(StorageCallsTest, NothingIsErasedByItself) {
  app.write(kData, std::uint32_t{0xF0F0'F0F0});
  EXPECT_EQ(call(Gate::ExternalFlashWriteBlocking, handle, 0, 4, kData), Status::OKAY);
  app.write(kData, std::uint32_t{0x3333'3333});
  EXPECT_EQ(call(Gate::ExternalFlashWriteBlocking, handle, 0, 4, kData), Status::OKAY);
  EXPECT_EQ(nor[0], 0xF0 & 0x33);
  nor[4096] = nor[8191] = 0;
  EXPECT_EQ(call(Gate::ExternalFlashEraseBlocking, handle, 0, 8192), Status::OKAY);
  EXPECT_EQ(std::count(nor.begin(), nor.begin() + 8192, 0xFF), 8192);
}

TEST_F(StorageCallsTest, TasksTakeTurns) {
  const abi::Registers first{{handle, 0, 512, kData}}, second{{handle, 4096, 512, kData}};
  for (Step one{}, two{}; !one.done || !two.done;) {
    if (!one.done) one = step(Gate::ExternalFlashWriteBlocking, first, 0x2000'1000);
    if (!two.done) two = step(Gate::ExternalFlashWriteBlocking, second, 0x2000'2000);
    work();
    app.now += 10;
  }
  EXPECT_EQ(jobs, 4u);
  EXPECT_TRUE(std::equal(nor.begin(), nor.begin() + 512, app.at(kData)));
  EXPECT_TRUE(std::equal(nor.begin() + 4096, nor.begin() + 4608, app.at(kData)));
}

TEST_F(StorageCallsTest, ATaskThatIsGoneGivesWay) {
  EXPECT_FALSE(step(Gate::ExternalFlashReadBlocking, {{handle, 0, 4, kBack}}, 0x2000'1000).done);
  work();
  const abi::Registers other{{handle, 0, 4, kBack + 16}};
  EXPECT_FALSE(step(Gate::ExternalFlashReadBlocking, other, 0x2000'2000).done);
  EXPECT_EQ(services().storage_jobs.take(), nullptr) << "the result still waits for its owner";
  app.now += StorageJobs::kPatience;
  EXPECT_FALSE(step(Gate::ExternalFlashReadBlocking, other, 0x2000'2000).done);
  work();
  EXPECT_TRUE(step(Gate::ExternalFlashReadBlocking, other, 0x2000'2000).done);
}

TEST_F(StorageCallsTest, FailuresOfTheMemoryAreTold) {
  works = false;
  EXPECT_EQ(call(Gate::ExternalFlashEraseBlocking, handle, 0, 4096), Status::INTERNALERROR);
  works = true;
  EXPECT_EQ(call(Gate::ExternalFlashEraseBlocking, handle, 0, 4096), Status::OKAY);
}

TEST_F(StorageCallsTest, AJobOutlivesItsApplicationOnlyIfItHasBegun) {
  EXPECT_FALSE(step(Gate::ExternalFlashEraseBlocking, {{handle, 0, 4096, 0}}).done);
  services().reset_application(5);
  EXPECT_EQ(services().storage_jobs.take(), nullptr);
  EXPECT_EQ(call(Gate::ExternalFlashOpen, kOut), Status::OKAY);
  handle = app.read<std::uint32_t>(kOut);
  EXPECT_FALSE(step(Gate::ExternalFlashReadBlocking, {{handle, 0, 4, kBack}}).done);
  StorageJob* job = services().storage_jobs.take();
  ASSERT_NE(job, nullptr);
  services().reset_application(6);
  EXPECT_EQ(call(Gate::ExternalFlashOpen, kOut), Status::OKAY);
  handle = app.read<std::uint32_t>(kOut);
  EXPECT_FALSE(step(Gate::ExternalFlashEraseBlocking, {{handle, 0, 4096, 0}}).done);
  EXPECT_EQ(job->kind, StorageJob::Kind::NorRead) << "nobody writes into a job under way";
  services().storage_jobs.finish(true, app.now);
  EXPECT_EQ(call(Gate::ExternalFlashEraseBlocking, handle, 0, 4096), Status::OKAY);
}

TEST_F(StorageCallsTest, AClosedHandleEndsTheCallsThatUseIt) {
  const abi::Registers registers{{handle, 0, 512, kData}};
  EXPECT_FALSE(step(Gate::ExternalFlashWriteBlocking, registers).done);
  app.write(kOut, handle);
  EXPECT_EQ(call(Gate::ExternalFlashClose, kOut), Status::OKAY);
  EXPECT_EQ(step(Gate::ExternalFlashWriteBlocking, registers).status, Status::INVALIDHANDLE);
}

TEST_F(StorageCallsTest, WithoutAChipThereIsNothingToOpen) {
  services().external_flash_chip = 0;
  EXPECT_EQ(call(Gate::ExternalFlashOpen, kOut), Status::UNAVAILABLE);
}

TEST_F(StorageCallsTest, WifiSettingsAreToldButForThePassword) {
  app.write_text(kData, "home");
  app.write_text(kData + 16, "12345678");
  const auto config = [&](std::uint32_t ssid, std::uint32_t password) {
    app.write(kParams,
              abi::WifiConfig{1, abi::WifiConfigMode::APPLYNOW, {kData, ssid}, {kData + 16, password}});
    return call(Gate::SetWifiConfig, kParams);
  };
  EXPECT_EQ(config(4, 64), Status::INPUTTOOLONG);
  EXPECT_EQ(config(33, 8), Status::INPUTTOOLONG);
  EXPECT_EQ(config(0, 8), Status::PARAMETERFAULT);
  EXPECT_EQ(config(4, 7), Status::PARAMETERFAULT);
  EXPECT_EQ(jobs, 0u);
  EXPECT_EQ(config(4, 8), Status::OKAY);
  app.write(kParams, abi::WifiConfigOut{1, {kBack, 32, kOut}, kOut + 8});
  EXPECT_EQ(call(Gate::GetWifiConfig, kParams), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut), 4u);
  EXPECT_EQ(app.read<std::uint8_t>(kOut + 8), 1u);
  EXPECT_TRUE(std::equal(app.at(kBack), app.at(kBack) + 4, app.at(kData)));
  app.write(kParams, abi::WifiConfig{1, abi::WifiConfigMode::CLEARNOW, {0, 0}, {0, 0}});
  EXPECT_EQ(call(Gate::SetWifiConfig, kParams), Status::OKAY);
  app.write(kParams, abi::WifiConfigOut{1, {kBack, 32, kOut}, kOut + 8});
  EXPECT_EQ(call(Gate::GetWifiConfig, kParams), Status::OKAY);
  EXPECT_EQ(app.read<std::uint32_t>(kOut), 0u);
}

TEST(WifiSettings, DamagedSettingsAreNone) {
  for (const std::vector<std::uint8_t>& stored :
       {std::vector<std::uint8_t>{}, {33, 0}, {4, 0, 'a'}, {1, 8, 'a', 'b'}}) {
    EXPECT_EQ(WifiSettings::parse(stored).ssid_length, 0u);
  }
  EXPECT_FALSE(WifiSettings::parse(std::vector<std::uint8_t>{1, 0, 'a'}).has_password);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
