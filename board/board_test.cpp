// Whole boards running bare programs: boot, console, flash from within, sleep, resets, power cuts,
// repeatability.
#include "board/board.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "board/bus/chip_map.hpp"
#include "board/bus/register_file.hpp"
#include "board/bus/unmodelled_registers.hpp"
#include "board/debug/elf_image.hpp"
#include "board/peripherals/flash.hpp"
#include "board/testing/machine.hpp"

namespace microvisor::board {
namespace {

namespace fs = std::filesystem;

using testing::guest;
using testing::Machine;

TEST(Board, RunsABareProgramToItsExit) {
  Machine machine("hello");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.output, "hello from the board\n");
  EXPECT_EQ(machine.board->exit_status(), 7);
}

TEST(Board, InstructionTakesOneClockOfFourMegahertz) {
  Machine machine("hello");
  machine.run();
  const BoardStatistics statistics = machine.board->statistics();
  EXPECT_GT(statistics.instructions, 5U);
  EXPECT_NEAR(statistics.virtual_seconds, static_cast<double>(statistics.instructions) / 4e6, 1e-6);
}

TEST(Board, ProgramsTheFlashItRunsFrom) {
  Machine machine("flash");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
  // Two rows at 118 us and one page erase at 1.5 ms, during which the program's own bank stood still.
  EXPECT_GT(machine.board->statistics().virtual_seconds, 0.001736);
  EXPECT_LT(machine.board->statistics().virtual_seconds, 0.002);
  EXPECT_EQ(machine.board->memories().flash().erases(0, 7), 1U);
}

TEST(Board, SleepCostsNoInstructions) {
  Machine machine("sleep");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
  EXPECT_NEAR(machine.board->statistics().virtual_seconds, 1.0, 0.001);
  EXPECT_LT(machine.board->statistics().instructions, 5000U);
}

TEST(Board, SoftwareResetIsRecordedAndKeepsSram) {
  Machine machine("reset");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
  EXPECT_EQ(machine.board->resets(), 1U);
  EXPECT_EQ(machine.reports, std::vector<std::string>{"reset: software"});
}

TEST(Board, ReadingATornRowRaisesNmi) {
  Machine machine("torn");
  machine.board->memories().flash().mark(0x10'0020, RowState::Bad);
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
}

TEST(Board, OptionBytesAreLoadedByLaunchAndHideWhatTheySay) {
  Machine machine("options");
  const std::vector<std::uint8_t> secret{0x01, 0xEE, 0xFF, 0xC0};
  machine.board->memories().flash().load(kFlashBankSize, secret);
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
  EXPECT_EQ(machine.reports, std::vector<std::string>{"reset: option bytes loaded"});
}

// RM0456 7.6.2: from level 1 to 0.5 the pages outside the secure watermarks go, and all SRAMs and backup
// registers.
TEST(Board, RegressionToLevelHalfKeepsWhatTheWatermarksHold) {
  Machine machine("regression");
  FlashCells& flash = machine.board->memories().flash();
  OptionBytes options = flash.options();
  options.optr = (options.optr & ~optr::kRdp) | 0x00;  // level 1
  options.bank[1].watermark = PageRange{0, 3}.word();
  flash.set_options(options);
  flash.load(kFlashBankSize, std::vector<std::uint8_t>(16, 0x5A));
  flash.load(kFlashBankSize + 4 * kFlashPageSize, std::vector<std::uint8_t>(16, 0x5A));
  machine.board->power_cycle();
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
  EXPECT_EQ(flash.options().rdp(), optr::kRdpLevel0_5);
  EXPECT_FALSE(flash.erased(kFlashBankSize));
  EXPECT_TRUE(flash.erased(kFlashBankSize + 4 * kFlashPageSize));
}

// The register blocks of the chip (memory map of RM0456, the common registers of the ADC by themselves).
constexpr std::pair<std::uint32_t, std::string_view> kRegisterBlocks[] = {
    {0x4000'0000, "TIM2"},         {0x4000'0400, "TIM3"},         {0x4000'0800, "TIM4"},
    {0x4000'0C00, "TIM5"},         {0x4000'1000, "TIM6"},         {0x4000'1400, "TIM7"},
    {0x4000'2C00, "WWDG"},         {0x4000'3000, "IWDG"},         {0x4000'3800, "SPI2"},
    {0x4000'4400, "USART2"},       {0x4000'4800, "USART3"},       {0x4000'4C00, "UART4"},
    {0x4000'5000, "UART5"},        {0x4000'5400, "I2C1"},         {0x4000'5800, "I2C2"},
    {0x4000'6000, "CRS"},          {0x4000'8400, "I2C4"},         {0x4000'9400, "LPTIM2"},
    {0x4000'A400, "FDCAN1"},       {0x4000'AC00, "FDCAN1_RAM"},   {0x4000'DC00, "UCPD1"},
    {0x4001'2C00, "TIM1"},         {0x4001'3000, "SPI1"},         {0x4001'3400, "TIM8"},
    {0x4001'3800, "USART1"},       {0x4001'4000, "TIM15"},        {0x4001'4400, "TIM16"},
    {0x4001'4800, "TIM17"},        {0x4001'5400, "SAI1"},         {0x4001'5800, "SAI2"},
    {0x4002'0000, "GPDMA1"},       {0x4002'1000, "CORDIC"},       {0x4002'1400, "FMAC"},
    {0x4002'2000, "FLASH"},        {0x4002'3000, "CRC"},          {0x4002'4000, "TSC"},
    {0x4002'5000, "MDF1"},         {0x4002'6000, "RAMCFG"},       {0x4002'B000, "DMA2D"},
    {0x4003'0400, "ICACHE"},       {0x4003'1400, "DCACHE1"},      {0x4003'2400, "GTZC1_TZSC"},
    {0x4003'2800, "GTZC1_TZIC"},   {0x4003'2C00, "GTZC1_MPCBB1"}, {0x4003'3000, "GTZC1_MPCBB2"},
    {0x4003'3400, "GTZC1_MPCBB3"}, {0x4202'0000, "GPIOA"},        {0x4202'0400, "GPIOB"},
    {0x4202'0800, "GPIOC"},        {0x4202'0C00, "GPIOD"},        {0x4202'1000, "GPIOE"},
    {0x4202'1400, "GPIOF"},        {0x4202'1800, "GPIOG"},        {0x4202'1C00, "GPIOH"},
    {0x4202'2000, "GPIOI"},        {0x4202'8000, "ADC1"},         {0x4202'8300, "ADC1"},
    {0x4202'C000, "DCMI"},         {0x4202'C400, "PSSI"},         {0x4204'0000, "OTG_FS"},
    {0x420C'0000, "AES"},          {0x420C'0400, "HASH"},         {0x420C'0800, "RNG"},
    {0x420C'0C00, "SAES"},         {0x420C'2000, "PKA"},          {0x420C'4000, "OCTOSPIM"},
    {0x420C'5000, "OTFDEC1"},      {0x420C'5400, "OTFDEC2"},      {0x420C'8000, "SDMMC1"},
    {0x420C'8400, "DLYBSD1"},      {0x420C'8800, "DLYBSD2"},      {0x420C'8C00, "SDMMC2"},
    {0x420C'F000, "DLYBOS1"},      {0x420C'F400, "DLYBOS2"},      {0x420D'0400, "FMC"},
    {0x420D'1400, "OCTOSPI1"},     {0x420D'2400, "OCTOSPI2"},     {0x4600'0400, "SYSCFG"},
    {0x4600'2000, "SPI3"},         {0x4600'2400, "LPUART1"},      {0x4600'2800, "I2C3"},
    {0x4600'4400, "LPTIM1"},       {0x4600'4800, "LPTIM3"},       {0x4600'4C00, "LPTIM4"},
    {0x4600'5000, "OPAMP"},        {0x4600'5400, "COMP"},         {0x4600'7400, "VREFBUF"},
    {0x4600'7800, "RTC"},          {0x4600'7C00, "TAMP"},         {0x4602'0000, "LPGPIO1"},
    {0x4602'0800, "PWR"},          {0x4602'0C00, "RCC"},          {0x4602'1000, "ADC4"},
    {0x4602'1800, "DAC1"},         {0x4602'2000, "EXTI"},         {0x4602'3000, "GTZC2_TZSC"},
    {0x4602'3400, "GTZC2_TZIC"},   {0x4602'3800, "GTZC2_MPCBB4"}, {0x4602'4000, "ADF1"},
    {0x4602'5000, "LPDMA1"}};

TEST(Board, EveryRegisterBlockOfTheChipHasAPlace) {
  Machine machine("hello");
  unsigned unmodelled = 0;
  for (const auto& [base, name] : kRegisterBlocks) {
    const ChipBlock* info = block_at(base);
    ASSERT_NE(info, nullptr) << name;
    EXPECT_EQ(info->name, name);
    const Peripheral* block = machine.board->bus().block(info->base);
    ASSERT_NE(block, nullptr) << name;
    const bool file = dynamic_cast<const RegisterFile*>(block) != nullptr;
    // FDCAN1_RAM is memory: no registers to name.
    EXPECT_EQ(file, !unmodelled_registers(info->base).empty() || name == "FDCAN1_RAM") << name;
    unmodelled += file ? 1 : 0;
  }
  EXPECT_GT(unmodelled, 0U);
}

TEST(Board, UnmodelledRegistersKeepWhatIsWrittenAndAreNamedOnce) {
  Machine machine("unmodelled");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
  const auto said = [](const std::string& name) {
    return "the program uses " + name +
           ", which this board does not model: it keeps what is written, and does nothing";
  };
  EXPECT_EQ(machine.reports,
            (std::vector{said("SPI1.CFG1"), said("SPI1.CRCPOLY"), said("ADC1.CFGR1"), said("ADC1.CCR")}));
}

TEST(Board, MonitorOfItsOwnSeesBreakpointsByAliasAndWatchpoints) {
  Machine machine("debug");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
}

TEST(Board, ReadOutProtectionDrivesTheDebugInputsOfTheCore) {
  const auto inputs_at = [](std::uint32_t rdp, bool watchpoints_at_rdp2) {
    auto memories = BoardMemories::in_memory(BoardIdentity::from_seed(1));
    OptionBytes options = memories->flash().options();
    options.optr = (options.optr & ~optr::kRdp) | rdp;
    memories->flash().set_options(options);
    BoardOptions board_options;
    board_options.watchpoints_at_rdp2 = watchpoints_at_rdp2;
    const auto board = Board::create(std::move(*memories), board_options);
    EXPECT_TRUE(board) << board.error().message;
    return (*board)->core().signals.debug;
  };
  EXPECT_TRUE(inputs_at(optr::kRdpLevel0, false).secure_invasive);
  for (const std::uint32_t level : {optr::kRdpLevel0_5, std::uint32_t{0x00}}) {
    EXPECT_TRUE(inputs_at(level, false).invasive);
    EXPECT_FALSE(inputs_at(level, false).secure_invasive || inputs_at(level, false).secure_noninvasive);
  }
  EXPECT_FALSE(inputs_at(optr::kRdpLevel2, false).invasive || inputs_at(optr::kRdpLevel2, false).noninvasive);
  EXPECT_TRUE(inputs_at(optr::kRdpLevel2, true).noninvasive);
}

TEST(Board, OtpRowIsProgrammedOnce) {
  Machine machine("otp");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
}

TEST(Board, DmaMovesWakesAndMeetsTheCheckers) {
  Machine machine("dma");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
}

TEST(Board, RegistersVanishWithTheirClockAndTheirPermissions) {
  Machine machine("gates");
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0);
}

TEST(Board, WakesFromStop2ByDmaFromStop3ByPinAndFromStandbyByRtc) {
  Machine machine("stop");
  std::uint64_t milliseconds = 100;
  EXPECT_EQ(machine.run(milliseconds), RunEnd::Limit);
  for (const char byte : {'a', 'b', 'c', 'd'}) {
    ASSERT_EQ(machine.output, "stop 2\n");
    machine.board->serial(0x4600'2400)->byte_to_chip(static_cast<std::uint8_t>(byte));
    EXPECT_EQ(machine.run(milliseconds += 100), RunEnd::Limit);
  }
  ASSERT_EQ(machine.output, "stop 2\nstop 3\n");
  machine.board->pins().drive({0, 0}, true);
  machine.board->pins().drive({0, 0}, false);
  EXPECT_EQ(machine.run(5'000), RunEnd::Exited);
  EXPECT_EQ(machine.output, "stop 2\nstop 3\nstandby\n");
  EXPECT_EQ(machine.board->exit_status(), 0);
  EXPECT_EQ(machine.board->resets(), 1U);
}

TEST(Board, PowerCycleLosesSramAndKeepsFlash) {
  Machine machine("reset");
  machine.run();
  std::uint32_t mark = 0;
  ASSERT_TRUE(machine.board->bus().peek(0x3000'4000, 4, mark));
  EXPECT_EQ(mark, 0x600D'F00DU);
  ASSERT_TRUE(machine.board->power_cycle());
  ASSERT_TRUE(machine.board->bus().peek(0x3000'4000, 4, mark));
  EXPECT_EQ(mark, 0U);
  EXPECT_EQ(machine.run(), RunEnd::Exited);  // the program sees a first life again
  EXPECT_EQ(machine.board->exit_status(), 0);
}

TEST(Board, TwoRunsAreTheSame) {
  Machine first("flash");
  Machine second("flash");
  for (Machine* machine : {&first, &second}) machine->run();
  EXPECT_EQ(first.board->statistics().instructions, second.board->statistics().instructions);
  EXPECT_EQ(first.board->scheduler().now(), second.board->scheduler().now());
}

TEST(Board, RunInPiecesIsTheSameAsInOne) {
  Machine whole("sleep");
  whole.run();
  Machine pieces("sleep");
  for (std::uint64_t milliseconds = 1; pieces.run(milliseconds) == RunEnd::Limit; milliseconds += 7) continue;
  EXPECT_EQ(whole.board->statistics().instructions, pieces.board->statistics().instructions);
  EXPECT_EQ(whole.board->scheduler().now(), pieces.board->scheduler().now());
}

TEST(Board, LimitsEndTheRun) {
  Machine machine("sleep");
  EXPECT_EQ(machine.board->run({.until = kNever, .instructions = 3}), RunEnd::Limit);
  EXPECT_EQ(machine.board->statistics().instructions, 3U);
  EXPECT_EQ(machine.board->run({.until = 5000 * kTicksPerMicrosecond}), RunEnd::Limit);
  EXPECT_NEAR(machine.board->statistics().virtual_seconds, 0.005, 1e-6);
}

TEST(Board, StopAndPostFromAnotherThread) {
  BoardOptions options;
  options.real_time = true;
  auto created = Board::create(std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(1))), options);
  ASSERT_TRUE(created);
  auto image = load_elf(guest("sleep"));
  ASSERT_TRUE((*created)->boot_image(*image));
  bool posted = false;
  std::thread other([&] {
    (*created)->post([&] { posted = true; });
    (*created)->post([&] { (*created)->stop(); });
  });
  EXPECT_EQ((*created)->run(), RunEnd::Stopped);
  other.join();
  EXPECT_TRUE(posted);
}

TEST(Board, RealTimePacingKeepsToTheHost) {
  BoardOptions options;
  options.real_time = true;
  auto created = Board::create(std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(1))), options);
  ASSERT_TRUE(created);
  auto image = load_elf(guest("sleep"));
  ASSERT_TRUE((*created)->boot_image(*image));
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ((*created)->run({.until = 300'000 * kTicksPerMicrosecond}), RunEnd::Limit);
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(295));
}

TEST(Board, ErasedFlashLocksUp) {
  auto created = Board::create(std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(1))));
  ASSERT_TRUE(created);
  EXPECT_EQ((*created)->run({.until = kTicksPerSecond}), RunEnd::Limit);
  EXPECT_TRUE((*created)->core().state.locked_up);
  EXPECT_EQ((*created)->run(), RunEnd::LockedUp);
}

/// The chip map and RCC have to mean the same bits: each enable bit opens the block it is listed for.
TEST(Board, ClockGatesOfTheMapAreThoseOfRcc) {
  constexpr std::uint32_t kRcc = 0x4602'0C00;
  Machine machine("hello");
  SystemBus& bus = machine.board->bus();
  for (const ChipBlock& block : chip_blocks()) {
    if (!block.enable.exists() || block.guard == Guard::Memory || block.name == "WWDG") continue;
    std::uint32_t enables = 0;
    ASSERT_TRUE(bus.peek(kRcc + block.enable.offset, 4, enables));
    const auto running = [&] {
      // A block that ignores everything cannot be told from a stopped one: ask RCC what the bus asks.
      return machine.board->clocks().enabled(block.base);
    };
    ASSERT_TRUE(bus.poke(kRcc + block.enable.offset, 4, enables | 1U << block.enable.bit));
    EXPECT_TRUE(running()) << block.name;
    ASSERT_TRUE(bus.poke(kRcc + block.enable.offset, 4, enables & ~(1U << block.enable.bit)));
    EXPECT_FALSE(running()) << block.name;
    ASSERT_TRUE(bus.poke(kRcc + block.enable.offset, 4, enables));
  }
}

TEST(Board, EveryBlockOfTheMapAnswers) {
  Machine machine("hello");
  for (const ChipBlock& block : chip_blocks()) {
    if (block.guard == Guard::Memory) continue;
    std::uint32_t value = 0;
    EXPECT_TRUE(machine.board->bus().peek(block.base, 4, value)) << block.name;
  }
}

TEST(Board, OptionBytesThatLeadNowhereAreRefused) {
  auto memories = std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(1)));
  OptionBytes options = memories.flash().options();
  options.optr &= ~(optr::kBootPin | optr::kBoot0);  // nSWBOOT0 = 0, nBOOT0 = 0: root security services
  memories.flash().set_options(options);
  const auto created = Board::create(std::move(memories));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, BoardError::Kind::Unbootable);
}

TEST(ElfImage, RefusesWhatItCannotLoad) {
  const std::vector<std::uint8_t> text{'n', 'o', ' ', 'e', 'l', 'f'};
  EXPECT_EQ(parse_elf(text).error().kind, BoardError::Kind::BadImage);
  std::ifstream file(guest("hello"), std::ios::binary);
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  ASSERT_TRUE(parse_elf(bytes));
  auto cut = bytes;
  cut.resize(60);
  EXPECT_FALSE(parse_elf(cut));
  auto other_machine = bytes;
  other_machine[18] = 62;  // x86-64
  EXPECT_FALSE(parse_elf(other_machine));
  EXPECT_EQ(load_elf("/nonexistent.elf").error().kind, BoardError::Kind::Missing);
}

/// The process dies in the middle of an erase that the program has started; the next one finds what the chip
/// would.
TEST(Board, KillInTheMiddleOfAnErase) {
  std::string pattern = (fs::temp_directory_path() / "board-kill-XXXXXX").string();
  const fs::path root = mkdtemp(pattern.data());
  const fs::path directory = root / "board";
  ASSERT_TRUE(BoardMemories::create(directory, BoardIdentity::from_seed(11)));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Machine machine("flash", std::move(*BoardMemories::open(directory)));
    FlashCells& cells = machine.board->memories().flash();
    Time until = 0;
    while (cells.in_progress().operation != FlashOperation::PageErase && until < kTicksPerSecond) {
      machine.board->run({.until = until += 10 * kTicksPerMicrosecond});
    }
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto memories = BoardMemories::open(directory);
  ASSERT_TRUE(memories) << memories.error().message;
  EXPECT_EQ(memories->flash().in_progress().operation, FlashOperation::PageErase);
  EXPECT_EQ(memories->flash().in_progress().address, 0xE000U);
  memories->flash().power_on();
  EXPECT_EQ(memories->flash().last_cut().address, 0xE000U);
  EXPECT_EQ(memories->flash().cuts(), 1U);
  fs::remove_all(root);
}

}  // namespace
}  // namespace microvisor::board
