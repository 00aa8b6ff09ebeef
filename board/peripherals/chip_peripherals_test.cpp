// The wiring between blocks: what one does that another has to notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "board/bus/chip_map.hpp"
#include "board/memory/board_memories.hpp"
#include "board/peripherals/backup_domain.hpp"
#include "board/peripherals/i2c_slave.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/registry.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

class NoProtection final : public Protection {
 public:
  bool secure(std::uint32_t base) const override { return secured.contains(base); }
  bool privileged(std::uint32_t) const override { return false; }
  void report_illegal_access(std::uint32_t base) override { reported.push_back(base); }
  void on_change(std::function<void()>) override {}
  std::set<std::uint32_t> secured;
  std::vector<std::uint32_t> reported;
};

/// Nothing behind any address: what a master finds that nobody lets work.
class EmptyBus final : public Bus {
 public:
  Outcome read(std::uint32_t, unsigned, const Access&, std::uint32_t&) override { return Outcome::BusError; }
  Outcome write(std::uint32_t, unsigned, const Access&, std::uint32_t) override { return Outcome::BusError; }
  std::optional<DirectSpan> direct(std::uint32_t, const Access&) override { return std::nullopt; }
  Time stalled_until() const override { return 0; }
  bool peek(std::uint32_t, unsigned, std::uint32_t&) const override { return false; }
  bool poke(std::uint32_t, unsigned, std::uint32_t) override { return false; }
  void set_observer(BusObserver*) override {}
};

class ChipTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  RecordedLines lines;
  NoProtection protection;
  EmptyBus bus;
  std::vector<ResetCause> resets;
  alignas(BackupDomain) std::array<std::uint8_t, 4096> backup{};
  BoardMemories memories = *BoardMemories::in_memory(BoardIdentity::from_seed(1));
  std::unique_ptr<ChipPeripherals> chip;
  std::vector<PlacedBlock> blocks;
  unsigned tampers = 0;
  std::uint32_t options = 0xFFFF'FFFF;
  bool flash_busy = false;

  void SetUp() override { build(); }
  void build() {
    blocks.clear();
    chip = make_chip_peripherals(
        ChipPorts{.scheduler = scheduler,
                  .interrupts = lines,
                  .bus = bus,
                  .protection = protection,
                  .request_reset = [this](ResetCause cause) { resets.push_back(cause); },
                  .reset_block = [this](std::uint32_t base) { at(base).reset(Reset::System); },
                  .option_register = [this] { return options; },
                  .backup_domain = backup,
                  .nor = memories.nor(),
                  .erase_on_tamper = [this] { ++tampers; },
                  .lose_memory = [](std::uint32_t, std::uint32_t) {},
                  .flash_busy = [this] { return flash_busy; },
                  .seed = 1});
    blocks = chip->take_blocks();
  }
  Peripheral& at(std::uint32_t base) {
    const auto found =
        std::ranges::find_if(blocks, [&](const PlacedBlock& placed) { return placed.base == base; });
    if (found == blocks.end()) throw std::out_of_range("no such block");
    return *found->block;
  }
  void system_reset(ResetCause cause) {
    chip->note_reset(cause);
    for (const PlacedBlock& placed : blocks) placed.block->reset(Reset::System);
  }
  Peripheral& rcc() { return at(0x4602'0C00); }
  Peripheral& pwr() { return at(0x4602'0800); }
  PowerMode sleep_deeply(std::uint32_t lpms) {
    write(pwr(), 0x00, lpms);
    return chip->power().core_asleep(true);
  }
};

TEST_F(ChipTest, EveryBlockStandsWhereTheMapSays) {
  std::set<std::uint32_t> seen;
  for (const PlacedBlock& placed : blocks) {
    const ChipBlock* known = block_with_base(placed.base);
    ASSERT_NE(known, nullptr) << placed.block->name();
    EXPECT_EQ(known->name, placed.block->name());
    EXPECT_TRUE(seen.insert(placed.base).second) << placed.block->name();
  }
}

TEST_F(ChipTest, PwmOfTim2ComesOutAtPa5) {
  std::vector<std::uint32_t> duties;
  chip->pins().on_duty_change([&](PinId pin, std::uint32_t, std::uint32_t permille) {
    if (pin == PinId{0, 5}) duties.push_back(permille);
  });
  Peripheral& gpio = at(0x4202'0000);
  write(gpio, 0x30, 0);
  write(gpio, 0x00, (read(gpio, 0x00) & ~(3U << 10)) | (2U << 10));
  write(gpio, 0x20, 1U << 20);
  Peripheral& tim2 = at(0x4000'0000);
  set_bits(rcc(), 0x9C, 1);  // TIM2EN
  write(tim2, 0x28, 3);
  write(tim2, 0x2C, 999);
  write(tim2, 0x18, 6U << 4);
  write(tim2, 0x34, 250);
  write(tim2, 0x14, 1);
  write(tim2, 0x20, 1);
  write(tim2, 0x00, 1);
  EXPECT_EQ(duties, std::vector<std::uint32_t>{250});
  set_bits(rcc(), 0x74, 1);  // TIM2RST
  EXPECT_EQ(read(tim2, 0x2C), 0xFFFF'FFFFU);
}

TEST_F(ChipTest, ButtonRaisesItsInterrupt) {
  Peripheral& gpio = at(0x4202'0400);
  write(gpio, 0x00, read(gpio, 0x00) & ~(3U << 22));
  Peripheral& exti = at(0x4602'2000);
  write(exti, 0x68, 1U << 24);
  write(exti, 0x00, bit(11));
  write(exti, 0x80, bit(11));
  chip->pins().drive({1, 11}, true);
  EXPECT_TRUE(lines.level(22));
}

TEST_F(ChipTest, WatchdogKeepsLsiAndResets) {
  Peripheral& iwdg = at(0x4000'3000);
  EXPECT_FALSE(test(read(rcc(), 0xF0), 27));
  write(iwdg, 0, 0xCCCC);
  EXPECT_TRUE(test(read(rcc(), 0xF0), 27));
  run_for(scheduler, seconds(1));
  ASSERT_EQ(resets, std::vector{ResetCause::IndependentWatchdog});
  system_reset(resets[0]);
  EXPECT_TRUE(test(read(rcc(), 0xF4), 29));
  EXPECT_EQ(scheduler.next_due(), kNever);
}

TEST_F(ChipTest, BackupDomainNeedsAccessAndOutlivesPower) {
  Peripheral& tamp = at(0x4600'7C00);
  write(tamp, 0x100, 7);
  EXPECT_EQ(read(tamp, 0x100), 0U);
  write(pwr(), 0x28, 1);
  write(tamp, 0x100, 7);
  write(rcc(), 0xF0, bit(0) | (1U << 8) | bit(15));
  EXPECT_EQ(chip->clocks().kernel_clock(0x4600'7800), 32'768U);
  system_reset(ResetCause::Software);
  EXPECT_EQ(read(tamp, 0x100), 7U);
  build();  // the process is killed and starts again
  EXPECT_EQ(read(at(0x4600'7C00), 0x100), 7U);
  EXPECT_EQ(chip->clocks().kernel_clock(0x4600'7800), 32'768U);
  write(pwr(), 0x28, 1);
  write(rcc(), 0xF0, bit(16));
  EXPECT_EQ(read(at(0x4600'7C00), 0x100), 0U);
}

TEST_F(ChipTest, RtcWakesFromStandby) {
  write(pwr(), 0x28, 1);
  write(rcc(), 0xF0, bit(0) | (1U << 8) | bit(15));
  Peripheral& rtc = at(0x4600'7800);
  write(rtc, 0x24, 0xCA);
  write(rtc, 0x24, 0x53);
  write(rtc, 0x14, 2047);
  write(rtc, 0x18, bit(10) | bit(14));
  write(pwr(), 0x1C, 3U << 12);  // WKUP7 from RTC and TAMP
  write(pwr(), 0x14, bit(6));
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  run_for(scheduler, seconds(1));
  EXPECT_EQ(resets, std::vector{ResetCause::Standby});
}

TEST_F(ChipTest, StopFreezesTimersButNotTheRtc) {
  write(pwr(), 0x28, 1);
  write(rcc(), 0xF0, bit(0) | (1U << 8) | bit(15));
  Peripheral& tim5 = at(0x4000'0C00);
  set_bits(rcc(), 0x9C, bit(3));  // TIM5EN
  write(tim5, 0x00, 1);
  run_for(scheduler, milliseconds(1));
  ASSERT_EQ(sleep_deeply(0), PowerMode::Stop0);
  run_for(scheduler, seconds(2));
  chip->power().core_awake();
  EXPECT_EQ(read(tim5, 0x24), 4000U);
  EXPECT_EQ(read(at(0x4600'7800), 0x00), 2U);
}

// RM0456 66.5.20: with UESM set a USART asks for its clock in Stop 1 when the line moves; without, it is
// deaf.
TEST_F(ChipTest, UsartHearsInStopWithUesm) {
  set_bits(rcc(), 0x9C, bit(17));  // USART2EN
  write(rcc(), 0xE0, 2U << 2);     // HSI16, which is off
  Peripheral& usart = at(0x4000'4400);
  write(usart, 0x0C, 139);  // 115 200 baud
  write(usart, 0x00, bit(5) | bit(2) | bit(0));
  sleep_deeply(1);
  chip->serial(0x4000'4400)->byte_to_chip('x');
  EXPECT_FALSE(lines.level(62));
  chip->power().core_awake();
  set_bits(usart, 0x00, bit(1));
  sleep_deeply(1);
  chip->serial(0x4000'4400)->byte_to_chip('y');
  EXPECT_TRUE(lines.level(62));
  chip->power().core_awake();
  EXPECT_EQ(read(usart, 0x24), unsigned{'y'});
  // In Stop 2 its domain has no clock at all.
  sleep_deeply(2);
  chip->serial(0x4000'4400)->byte_to_chip('z');
  EXPECT_FALSE(lines.level(62));
}

// RM0456 table 100: from Stop 3 on EXTI and the ports are without supply; the wake-up pins and the pulls of
// PWR are there.
TEST_F(ChipTest, Stop3LeavesWakeupPinsAndAppliedPulls) {
  Peripheral& gpio = at(0x4202'0000);
  set_bits(rcc(), 0x8C, 1);
  write(gpio, 0x00, (read(gpio, 0x00) & ~0xF0FU) | (1U << 10));  // PA0, PA1 and PA4 inputs, PA5 output
  write(gpio, 0x18, bit(5));
  Peripheral& exti = at(0x4602'2000);
  write(exti, 0x00, bit(1));
  write(exti, 0x80, bit(1));
  write(pwr(), 0x50, bit(3));  // pull-up of PA3
  write(pwr(), 0x4C, 1);
  write(pwr(), 0x14, bit(0));  // WKUP1 on PA0
  Pins& pins = chip->pins();
  ASSERT_TRUE(pins.level({0, 5}));
  ASSERT_EQ(sleep_deeply(3), PowerMode::Stop3);
  EXPECT_FALSE(pins.level({0, 5}));
  EXPECT_TRUE(pins.level({0, 3}));
  pins.drive({0, 1}, true);
  EXPECT_FALSE(lines.level(12));
  pins.drive({0, 0}, true);
  EXPECT_TRUE(lines.level(77));
  chip->power().core_awake();
  EXPECT_TRUE(pins.level({0, 5}));
  EXPECT_FALSE(pins.level({0, 3}));
}

// FLASH_OPTR.IWDG_STOP = 0: the watchdog stands still in Stop modes (RM0456 61.4.4).
TEST_F(ChipTest, WatchdogStandsStillInStopIfTheOptionSaysSo) {
  options = ~bit(17);
  Peripheral& iwdg = at(0x4000'3000);
  write(iwdg, 0, 0xCCCC);  // 4096 periods of 32 kHz / 4: 512 ms
  run_for(scheduler, milliseconds(400));
  ASSERT_EQ(sleep_deeply(1), PowerMode::Stop1);
  run_for(scheduler, seconds(60));
  EXPECT_TRUE(resets.empty());
  chip->power().core_awake();
  run_for(scheduler, milliseconds(112) - 1);
  EXPECT_TRUE(resets.empty());
  run_for(scheduler, 1);
  EXPECT_EQ(resets, std::vector{ResetCause::IndependentWatchdog});
}

TEST_F(ChipTest, WatchdogEndsStandby) {
  write(at(0x4000'3000), 0, 0xCCCC);
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  run_for(scheduler, milliseconds(512));
  EXPECT_EQ(resets, std::vector{ResetCause::IndependentWatchdog});
}

TEST_F(ChipTest, StopWaitsForTheFlash) {
  flash_busy = true;
  EXPECT_EQ(sleep_deeply(1), PowerMode::Sleep);
  flash_busy = false;
  EXPECT_EQ(chip->power().core_asleep(true), PowerMode::Stop1);
}

TEST_F(ChipTest, ClockBitsOfSecureBlocksAreGuarded) {
  protection.secured.insert(0x4600'2400);
  write(rcc(), 0xA8, bit(6) | bit(1), kNonSecure);
  EXPECT_EQ(read(rcc(), 0xA8), bit(1));
  // All pins of a port are secure after reset, and one is enough.
  write(rcc(), 0x8C, 3, kNonSecure);
  EXPECT_EQ(read(rcc(), 0x8C) & 3, 0U);
  write(at(0x4202'0000), 0x30, 0);
  write(rcc(), 0x8C, 3, kNonSecure);
  EXPECT_EQ(read(rcc(), 0x8C) & 3, 1U);
  write(rcc(), 0x110, 0, kNonSecure);
  EXPECT_EQ(protection.reported, std::vector<std::uint32_t>{0x4602'0C00});
}

TEST_F(ChipTest, PortsAndBusesAreFoundByBase) {
  EXPECT_NE(chip->serial(0x4600'2400), nullptr);
  EXPECT_NE(chip->serial(0x4000'4400), nullptr);
  EXPECT_EQ(chip->serial(0x4000'0000), nullptr);
  EXPECT_NE(chip->i2c(0x4000'5400), nullptr);
  EXPECT_EQ(chip->i2c(0), nullptr);
  EXPECT_NE(chip->external(0), nullptr);
  EXPECT_NE(chip->external(1), nullptr);
  EXPECT_EQ(chip->external(2), nullptr);
}

/// Clocks of HASH, RNG, PKA, SAES and AES; SHSI for SAES; HSI48 for the RNG as far as wanted.
void enable_cryptography(Peripheral& rcc, bool noise) {
  set_bits(rcc, 0x8C, field(20, 16));
  set_bits(rcc, 0x00, noise ? bit(12) | bit(14) : bit(14));
}

TEST_F(ChipTest, PkaAndSaesWaitForTheClockOfTheRng) {
  enable_cryptography(rcc(), false);
  Peripheral& pka = at(0x420C'2000);
  Peripheral& saes = at(0x420C'0C00);
  write(pka, 0, 1);
  run_for(scheduler, seconds(1));
  EXPECT_EQ(read(pka, 4), 0U);
  EXPECT_EQ(read(saes, 4), bit(3));
  enable_cryptography(rcc(), true);
  run_for(scheduler, milliseconds(1));
  EXPECT_EQ(read(pka, 4), 1U);
  EXPECT_EQ(read(saes, 4), 0U);
}

/// The boot hardware key goes from the locked backup registers, which read as zero, to SAES.
TEST_F(ChipTest, BootKeyReachesSaesThroughTheBackupRegisters) {
  enable_cryptography(rcc(), true);
  run_for(scheduler, milliseconds(1));
  write(pwr(), 0x28, 1);
  Peripheral& tamp = at(0x4600'7C00);
  const std::array<std::uint32_t, 4> key = {0x09CF'4F3C, 0xABF7'1588, 0x28AE'D2A6, 0x2B7E'1516};
  for (std::uint32_t i = 0; i < 4; ++i) write(tamp, 0x100 + 4 * i, key[i]);
  write(tamp, 0x20, bit(30) | 8);
  Peripheral& saes = at(0x420C'0C00);
  write(saes, 0, 2U << 28);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(read(tamp, 0x100 + 4 * i), 0U);
  run_for(scheduler, milliseconds(1));
  ASSERT_EQ(read(saes, 4), bit(7));
  write(saes, 0, 2U << 28 | 1);
  for (const std::uint32_t word : {0x6BC1'BEE2U, 0x2E40'9F96U, 0xE93D'7E11U, 0x7393'172AU}) {
    write(saes, 8, word);
  }
  run_for(scheduler, milliseconds(1));
  EXPECT_EQ(read(saes, 0xC), 0x3AD7'7BB4U);  // NIST SP 800-38A F.1.1
}

TEST_F(ChipTest, TamperErasesSecretsOfTheCryptographicBlocks) {
  enable_cryptography(rcc(), true);
  run_for(scheduler, milliseconds(1));
  write(pwr(), 0x28, 1);
  Peripheral& tamp = at(0x4600'7C00);
  Peripheral& aes = at(0x420C'0000);
  Peripheral& pka = at(0x420C'2000);
  for (std::uint32_t i = 0; i < 4; ++i) write(aes, 0x10 + 4 * i, i);
  write(pka, 0x400, 7);
  ASSERT_EQ(read(aes, 4), bit(7));
  // A point that is not on the curve raises internal event 9; it is enabled in CR1.
  write(tamp, 0x00, bit(24));
  write(pka, 0, 1);
  run_for(scheduler, milliseconds(1));
  for (const std::uint32_t offset : {0x400U, 0x408U}) write(pka, offset, 256);
  write(pka, 0, 1 | 0x20 << 8);
  write(pka, 0, 1 | 0x20 << 8 | bit(1));
  run_for(scheduler, seconds(2));
  EXPECT_TRUE(test(read(tamp, 0x30), 24));
  EXPECT_EQ(tampers, 1U);
  EXPECT_EQ(read(aes, 4), 0U);
  EXPECT_EQ(read(pka, 0x400), 0U);
}

TEST_F(ChipTest, SnapshotOfAllBlocksRoundTrips) {
  Peripheral& tim6 = at(0x4000'1000);
  set_bits(rcc(), 0x9C, bit(4));  // TIM6EN
  write(tim6, 0x2C, 999);
  write(tim6, 0x0C, 1);
  write(tim6, 0x00, 1);
  run_for(scheduler, microseconds(100));
  Archive saved;
  for (const PlacedBlock& placed : blocks) placed.block->serialise(saved);
  for (const PlacedBlock& placed : blocks) placed.block->reset(Reset::PowerOn);
  Archive loaded(saved.bytes());
  for (const PlacedBlock& placed : blocks) placed.block->serialise(loaded);
  Archive again;
  for (const PlacedBlock& placed : blocks) placed.block->serialise(again);
  EXPECT_EQ(again.bytes().size(), saved.bytes().size());
  EXPECT_EQ(read(tim6, 0x24), 400U);
}

}  // namespace
}  // namespace microvisor::board
