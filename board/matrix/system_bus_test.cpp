// Decoding, checking and dispatch: what each kind of access gets, and which flag it leaves.
#include "board/matrix/system_bus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "board/bus/chip_map.hpp"
#include "board/bus/register_file.hpp"
#include "board/bus/unmodelled_registers.hpp"
#include "board/memory/board_memories.hpp"
#include "board/peripherals/caches.hpp"
#include "board/peripherals/flash.hpp"
#include "board/peripherals/gtzc.hpp"
#include "board/peripherals/ramcfg.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kTim2 = 0x4000'0000;
constexpr Access kSecureFetch{.secure = true, .privileged = true, .fetch = true};
constexpr Access kNonSecureFetch{.secure = false, .privileged = true, .fetch = true};

class GatedClocks final : public Clocks {
 public:
  [[nodiscard]] std::uint32_t hclk() const override { return 4'000'000; }
  [[nodiscard]] std::uint32_t pclk1() const override { return 4'000'000; }
  [[nodiscard]] std::uint32_t pclk2() const override { return 4'000'000; }
  [[nodiscard]] std::uint32_t pclk3() const override { return 4'000'000; }
  [[nodiscard]] std::uint32_t kernel_clock(std::uint32_t) const override { return 4'000'000; }
  [[nodiscard]] bool enabled(std::uint32_t base) const override { return base != stopped; }
  void on_change(std::function<void()>) override {}
  std::uint32_t stopped = 0;
};

class Listener final : public BusObserver {
 public:
  void memory_changed(std::uint32_t physical, std::uint32_t) override { last_physical = physical; }
  void permissions_changed() override { ++permissions; }
  std::uint32_t last_physical = ~0U;
  unsigned permissions = 0;
};

class SystemBusTest : public ::testing::Test {
 protected:
  SystemBusTest() {
    OptionBytes options = memories.flash().options();
    options.bank[0].watermark = PageRange{127, 0}.word();
    memories.flash().set_options(options);
    for (const auto& [base, block] : gtzc.blocks()) {
      block->reset(Reset::PowerOn);
      bus.place(base, block);
    }
    flash.reset(Reset::PowerOn);
    ramcfg.reset(Reset::PowerOn);
    icache.reset(Reset::PowerOn);
    bus.place(kFlashRegisters, &flash);
    bus.place(kTim2, &timer);
    bus.attach({.flash = &flash,
                .gtzc = &gtzc,
                .ramcfg = &ramcfg,
                .icache = &icache,
                .sram = &sram,
                .clocks = &clocks,
                .external = {},
                .unique_id = memories.identity().uid});
    bus.set_observer(&listener);
    gtzc.on_change([this] { bus.permissions_changed(); });
  }

  Outcome load(std::uint32_t address, const Access& access, std::uint32_t& value, unsigned size = 4) {
    value = 0xDEAD'BEEF;
    return bus.read(address, size, access, value);
  }
  std::uint32_t get(std::uint32_t address, const Access& access = kSecure, unsigned size = 4) {
    std::uint32_t value = 0;
    EXPECT_EQ(load(address, access, value, size), Outcome::Ok) << std::hex << address;
    return value;
  }
  void put(std::uint32_t address, std::uint32_t value, const Access& access = kSecure, unsigned size = 4) {
    EXPECT_EQ(bus.write(address, size, access, value), Outcome::Ok) << std::hex << address;
  }
  /// All flags of both TZIC, and clears them.
  std::array<std::uint32_t, 6> flags() {
    return {get(0x5003'2810), get(0x5003'2814), get(0x5003'2818),
            get(0x5003'281C), get(0x5602'3410), get(0x5602'3414)};
  }
  bool no_flags() { return flags() == std::array<std::uint32_t, 6>{}; }
  /// Gives SRAM1 to the non-secure world, unprivileged too.
  void release_sram1() {
    for (std::uint32_t word = 0; word < 12; ++word) {
      put(0x5003'2C00 + 0x100 + 4 * word, 0);
      put(0x5003'2C00 + 0x200 + 4 * word, 0);
    }
  }

  BoardMemories memories = *BoardMemories::in_memory(BoardIdentity::from_seed(5));
  Scheduler scheduler;
  RecordedLines lines;
  GatedClocks clocks;
  Sram sram;
  SystemBus bus;
  Listener listener;
  Gtzc gtzc{lines};
  Flash flash{
      memories.flash(),
      {.scheduler = scheduler,
       .interrupts = lines,
       .report_registers = [this] { gtzc.report_illegal_access(kFlashRegisters); },
       .report_array = [this] { gtzc.report_illegal_access(kFlashMemory); },
       .permissions_changed = [this] { bus.permissions_changed(); },
       .cells_changed = [this](std::uint32_t cell,
                               std::uint32_t size) { bus.memory_changed(kPhysicalFlash + cell, size); },
       .launch_options = [] {},
       .wipe_memories = [] {}}};
  Ramcfg ramcfg{{.erase = [](Ram) {}, .permissions_changed = [] {}, .option_register = [] { return ~0U; }}};
  Icache icache{{&lines, 107}, [] {}};
  RegisterFile timer{*block_with_base(kTim2), {}};
};

// --- the map
// -------------------------------------------------------------------------------------------------------

TEST(ChipMap, BlocksAreSortedAndDoNotOverlap) {
  const auto blocks = chip_blocks();
  for (std::size_t index = 1; index < blocks.size(); ++index) {
    EXPECT_LE(std::uint64_t{blocks[index - 1].base} + blocks[index - 1].size, blocks[index].base)
        << blocks[index].name;
  }
}

TEST(ChipMap, FlagsAreUniqueButForSharedOnes) {
  std::map<std::tuple<int, int, int>, std::string_view> seen;
  for (const ChipBlock& block : chip_blocks()) {
    if (!block.flag.exists()) continue;
    const auto [place, fresh] =
        seen.try_emplace({block.flag.instance, block.flag.reg, block.flag.bit}, block.name);
    // One bit serves DCMI and PSSI, FDCAN and its RAM, and both FMC banks.
    const bool shared = block.name == "PSSI" || block.name == "FDCAN1_RAM" || block.name == "FMC_BANK3";
    EXPECT_TRUE(fresh || shared) << block.name << " and " << place->second;
  }
}

TEST(ChipMap, FindsBlocksByAddress) {
  EXPECT_EQ(block_at(0x4000'4412)->name, "USART2");
  EXPECT_EQ(block_at(0x4002'0FFF)->name, "GPDMA1");
  EXPECT_EQ(block_at(0x4202'2000)->name, "GPIOI");
  EXPECT_EQ(block_at(0x4600'27FF)->name, "LPUART1");
  EXPECT_EQ(block_at(0xE004'4004)->name, "DBGMCU");
  EXPECT_EQ(block_at(0x4000'2400), nullptr);
  EXPECT_EQ(block_at(0x4002'2400), nullptr);
}

// --- decoding
// ------------------------------------------------------------------------------------------------------

TEST_F(SystemBusTest, AllAliasesOfSramLeadToTheSameByte) {
  put(0x3004'0010, 0x1122'3344);
  for (const std::uint32_t base : {0x2004'0000U, 0x3004'0000U, 0x0A04'0000U, 0x0E04'0000U}) {
    EXPECT_EQ(get(base + 0x10), 0x1122'3344U);
    EXPECT_EQ(get(base + 0x11, kSecure, 1), 0x33U);
    EXPECT_EQ(get(base + 0x12, kSecure, 2), 0x1122U);
  }
}

TEST_F(SystemBusTest, BothAliasesOfFlashAndRegisters) {
  memories.flash().load(kFlashBankSize, std::vector<std::uint8_t>(4, 0x5C));
  EXPECT_EQ(get(0x0C10'0000), 0x5C5C'5C5CU);
  EXPECT_EQ(get(0x0810'0000), 0x5C5C'5C5CU);  // the attribute counts, not the address
  put(0x5000'0024, 77);
  EXPECT_EQ(get(0x4000'0024), 77U);
}

TEST_F(SystemBusTest, EngineeringData) {
  const auto& uid = memories.identity().uid;
  EXPECT_EQ(get(0x0BFA'0700, kNonSecure) & 0xFF, uid[0]);
  EXPECT_EQ(get(0x0BFA'070B, kNonSecure, 1), uid[11]);
  EXPECT_EQ(get(0x0BFA'07A0, kNonSecure, 2), 2048U);
  EXPECT_EQ(get(0x0BFA'0000, kNonSecure), ~0U);  // OTP
}

TEST_F(SystemBusTest, NothingThereIsABusError) {
  std::uint32_t value = 0;
  for (const std::uint32_t address : {0x0000'0000U, 0x0A0C'0000U, 0x200C'0000U, 0x2800'4000U, 0x4000'2400U,
                                      0x6000'0000U, 0x9000'0000U, 0xA000'0000U}) {
    EXPECT_EQ(load(address, kSecure, value), Outcome::BusError) << std::hex << address;
    EXPECT_EQ(value, 0U);
    EXPECT_EQ(bus.write(address, 4, kSecure, 0), Outcome::BusError) << std::hex << address;
    EXPECT_FALSE(bus.direct(address, kSecure)) << std::hex << address;
  }
  EXPECT_TRUE(no_flags());
}

// --- illegal accesses
// ----------------------------------------------------------------------------------------------

TEST_F(SystemBusTest, NonSecureToSecureSram) {
  put(0x3000'0000, 42);
  EXPECT_EQ(get(0x2000'0000, kNonSecure), 0U);
  EXPECT_EQ(flags()[3], 1U << 24);
  put(0x2000'0000, 1, kNonSecure);
  EXPECT_EQ(get(0x3000'0000), 42U);
  std::uint32_t value = 0;
  EXPECT_EQ(load(0x2000'0000, kNonSecureFetch, value), Outcome::BusError);
}

TEST_F(SystemBusTest, EachSramHasItsFlag) {
  const std::tuple<std::uint32_t, unsigned, std::uint32_t> places[] = {{0x2000'0000, 3, 1U << 24},
                                                                       {0x2003'FFFC, 3, 1U << 26},
                                                                       {0x200B'FFFC, 3, 1U << 28},
                                                                       {0x2800'0000, 5, 1U << 24}};
  for (const auto& [address, index, flag] : places) {
    for (const auto& [base, block] : gtzc.blocks()) block->reset(Reset::System);
    get(address, kNonSecure);
    EXPECT_EQ(flags()[index], flag) << std::hex << address;
  }
}

TEST_F(SystemBusTest, SecureToNonSecureSram) {
  release_sram1();
  put(0x2000'0000, 42, kNonSecure);
  EXPECT_EQ(get(0x3000'0000, kSecure), 0U);
  EXPECT_EQ(flags()[3], 1U << 24);
  put(0x5003'2C00, 1U << 31);  // SRWILADIS
  EXPECT_EQ(get(0x3000'0000, kSecure), 42U);
  std::uint32_t value = 0;
  EXPECT_EQ(load(0x3000'0000, kSecureFetch, value), Outcome::BusError);
}

TEST_F(SystemBusTest, UnprivilegedToPrivilegedSramIsSilent) {
  release_sram1();
  put(0x5003'2E00, 1);  // PRIVCFGR0: first block
  put(0x2000'0000, 42, kNonSecure);
  EXPECT_EQ(get(0x2000'0000, kUnprivileged), 0U);
  put(0x2000'0000, 1, kUnprivileged);
  EXPECT_EQ(get(0x2000'0000, kNonSecure), 42U);
  EXPECT_TRUE(no_flags());
  put(0x2000'0200, 7, kUnprivileged);
  EXPECT_EQ(get(0x2000'0200, kUnprivileged), 7U);
}

TEST_F(SystemBusTest, NonSecureToSecurePeripheral) {
  put(0x5000'0024, 5);
  put(0x5003'2410, 1);  // TIM2SEC
  EXPECT_EQ(get(0x4000'0024, kNonSecure), 0U);
  put(0x4000'0024, 9, kNonSecure);
  EXPECT_EQ(get(0x5000'0024), 5U);
  EXPECT_EQ(flags()[0], 1U);
}

TEST_F(SystemBusTest, SecureToNonSecurePeripheralIsLegal) {
  put(0x4000'0024, 5);
  EXPECT_EQ(get(0x4000'0024, kNonSecure), 5U);
  EXPECT_TRUE(no_flags());
}

TEST_F(SystemBusTest, UnprivilegedToPrivilegedPeripheralIsSilent) {
  put(0x4000'0024, 5);
  put(0x5003'2420, 1);  // TIM2PRIV
  EXPECT_EQ(get(0x4000'0024, kUnprivileged), 0U);
  put(0x4000'0024, 6, kUnprivileged);
  EXPECT_EQ(get(0x4000'0024), 5U);
  EXPECT_TRUE(no_flags());
}

TEST_F(SystemBusTest, FetchFromRegistersIsABusError) {
  std::uint32_t value = 0;
  EXPECT_EQ(load(0x4000'0000, kNonSecureFetch, value), Outcome::BusError);
  EXPECT_EQ(load(0x5002'2000, kSecureFetch, value), Outcome::BusError);
}

TEST_F(SystemBusTest, NonSecureToSecureFlashLeavesTheFlashFlag) {
  EXPECT_EQ(get(0x0810'0000, kNonSecure), 0U);
  EXPECT_EQ(flags()[3], 1U << 2);
}

TEST_F(SystemBusTest, BackupSramIsClosedToTheNonSecureWorld) {
  put(0x5003'6400, 3);
  EXPECT_EQ(get(0x4003'6400, kNonSecure), 0U);
  EXPECT_EQ(flags()[3], 1U << 18);
  EXPECT_EQ(get(0x5003'6400), 3U);
}

TEST_F(SystemBusTest, ExternalMemoryIsClosedToTheNonSecureWorld) {
  EXPECT_EQ(get(0x9000'0000, kNonSecure), 0U);
  EXPECT_EQ(flags()[3], 1U << 16);
}

// --- clocks
// --------------------------------------------------------------------------------------------------------

TEST_F(SystemBusTest, StoppedBlockReadsZeroAndKeepsItsState) {
  put(0x4000'0024, 5);
  clocks.stopped = kTim2;
  EXPECT_EQ(get(0x4000'0024), 0U);
  put(0x4000'0024, 6);
  clocks.stopped = 0;
  EXPECT_EQ(get(0x4000'0024), 5U);
}

TEST_F(SystemBusTest, RegisterWindowIsThereWhileTheBlockAnswers) {
  const auto window = bus.register_window(0x5000'0024, kSecure);
  ASSERT_TRUE(window);
  EXPECT_EQ(window->block, &timer);
  EXPECT_EQ(window->base, 0x5000'0000U);
  EXPECT_EQ(window->size, 0x400U);
  clocks.stopped = kTim2;
  EXPECT_FALSE(bus.register_window(0x5000'0024, kSecure));
  clocks.stopped = 0;
  put(0x5003'2410, 1);  // TZSC1_SECCFGR1.TIM2SEC
  EXPECT_TRUE(bus.register_window(0x4000'0024, kSecure));
  EXPECT_FALSE(bus.register_window(0x4000'0024, kNonSecure));
  put(0x5003'2410, 0);
  put(0x5003'2420, 1);  // TZSC1_PRIVCFGR1.TIM2PRIV
  EXPECT_TRUE(bus.register_window(0x4000'0024, kNonSecure));
  EXPECT_FALSE(bus.register_window(0x4000'0024, kUnprivileged));
  EXPECT_FALSE(bus.register_window(0x5000'0024, kSecureFetch));
  EXPECT_FALSE(bus.register_window(0x3000'0000, kSecure)) << "memory";
  EXPECT_FALSE(bus.register_window(0x4000'1800, kSecure)) << "nothing there";
}

TEST_F(SystemBusTest, BackupSramNeedsItsClock) {
  clocks.stopped = kBackupSram;
  put(0x5003'6400, 3);
  EXPECT_EQ(get(0x5003'6400), 0U);
  clocks.stopped = 0;
  EXPECT_EQ(get(0x5003'6400), 0U);
}

// --- direct spans
// --------------------------------------------------------------------------------------------------

TEST_F(SystemBusTest, DirectSpanOfSramEndsWhereAttributesChange) {
  put(0x5003'2D00, ~0U << 8);  // SRAM1: first 4 KiB non-secure
  put(0x5003'2E00, ~0U << 8);  // and unprivileged
  const auto open = bus.direct(0x2000'0800, kUnprivileged);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->base, 0x2000'0000U);
  EXPECT_EQ(open->size, 0x1000U);
  EXPECT_TRUE(open->writable);
  EXPECT_EQ(open->physical, std::uint32_t{kPhysicalSram});
  EXPECT_FALSE(bus.direct(0x2000'1000, kNonSecure));
  const auto secure = bus.direct(0x3000'1000, kSecure);
  ASSERT_TRUE(secure);
  EXPECT_EQ(secure->base, 0x3000'1000U);
  EXPECT_EQ(secure->base + secure->size, 0x3003'0000U);
  EXPECT_EQ(secure->physical, kPhysicalSram + 0x1000U);
}

TEST_F(SystemBusTest, DirectSpanShowsTheMemoryItself) {
  put(0x3004'0000, 0x0403'0201);
  const auto span = bus.direct(0x0E04'0000, kSecure);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->base, 0x0E04'0000U);
  EXPECT_EQ(span->host[0], 1);
  span->host[1] = 9;
  EXPECT_EQ(get(0x3004'0000), 0x0403'0901U);
}

TEST_F(SystemBusTest, DirectSpanOfFlashByEitherAlias) {
  const auto secure = bus.direct(0x0C10'2000, kSecure);
  ASSERT_TRUE(secure);
  EXPECT_EQ(secure->base, 0x0C10'0000U);
  EXPECT_EQ(secure->size, kFlashBankSize);
  EXPECT_FALSE(secure->writable);
  EXPECT_EQ(secure->physical, kPhysicalFlash + kFlashBankSize);
  EXPECT_FALSE(bus.direct(0x0800'0000, kSecure));
  EXPECT_EQ(bus.direct(0x0800'0000, kNonSecure)->base, 0x0800'0000U);
}

TEST_F(SystemBusTest, WriteProtectedSram2IsNotDirectlyWritable) {
  write(ramcfg, 0x58, 1);
  EXPECT_FALSE(bus.direct(0x3003'0000, kSecure)->writable);
  put(0x3003'0000, 1);
  EXPECT_EQ(get(0x3003'0000), 0U);
  put(0x3003'0400, 1);
  EXPECT_EQ(get(0x3003'0400), 1U);
}

// --- observer and debugger
// -----------------------------------------------------------------------------------------

TEST_F(SystemBusTest, ObserverHearsOfAttributesAndOfOtherMasters) {
  const unsigned before = listener.permissions;
  put(0x5003'2D00, 0);
  EXPECT_GT(listener.permissions, before);
  put(0x3004'0100, 1, {.secure = true, .privileged = true, .fetch = false, .master = Master::Gpdma});
  EXPECT_EQ(listener.last_physical, kPhysicalSram + 0x4'0100U);
}

// --- other masters
// -------------------------------------------------------------------------------------------------

constexpr Access kGpdma{.secure = false, .privileged = true, .fetch = false, .master = Master::Gpdma};
constexpr Access kLpdma{.secure = false, .privileged = true, .fetch = false, .master = Master::Lpdma};

TEST_F(SystemBusTest, DmaMeetsTheCheckersOfTheCore) {
  put(0x3004'0000, 0x1234'5678);
  EXPECT_EQ(get(0x2004'0000, kGpdma), 0U);
  put(0x2004'0000, 0xFFFF'FFFF, kGpdma);
  EXPECT_EQ(get(0x3004'0000), 0x1234'5678U);
  EXPECT_EQ(flags(), (std::array<std::uint32_t, 6>{0, 0, 0, 1U << 28, 0, 0}));
}

TEST_F(SystemBusTest, LowPowerDmaReachesTheSmartRunDomainOnly) {
  std::uint32_t value = 0;
  put(0x5602'3800 + 0x100, 0);  // MPCBB4: SRAM4 to the non-secure world
  put(0x2800'0000, 7, kLpdma);
  EXPECT_EQ(get(0x2800'0000, kLpdma), 7U);
  EXPECT_EQ(load(0x2000'0000, kLpdma, value), Outcome::BusError);
  EXPECT_EQ(load(0x0810'0000, kLpdma, value), Outcome::BusError);
  EXPECT_EQ(load(kTim2, kLpdma, value), Outcome::BusError);
  EXPECT_EQ(load(0x4602'3010, kLpdma, value), Outcome::Ok);
}

TEST_F(SystemBusTest, ThePrivateBusAndTheRemapAreTheCores) {
  RegisterFile debug(*block_with_base(kDbgmcu), {});
  bus.place(kDbgmcu, &debug);
  std::uint32_t value = 0;
  EXPECT_EQ(load(kDbgmcu, kSecure, value), Outcome::Ok);
  EXPECT_EQ(load(kDbgmcu, kGpdma, value), Outcome::BusError);
  // ICACHE region 0: 2 MiB at 0x1000'0000 lead to 0x2000'0000.
  write(icache, 0x20, 0x80 | 1U << 9 | 1U << 15 | 0x100U << 16);
  write(icache, 0x00, 1);
  put(0x3000'0000, 0x55);
  EXPECT_EQ(get(0x1000'0000), 0x55U);
  EXPECT_EQ(load(0x1000'0000, {.secure = true, .privileged = true, .master = Master::Gpdma}, value),
            Outcome::BusError);
}

TEST_F(SystemBusTest, PeekHasNoSideEffectsAndNoChecks) {
  put(0x3000'0000, 42);
  std::uint32_t value = 0;
  EXPECT_TRUE(bus.peek(0x2000'0000, 4, value));
  EXPECT_EQ(value, 42U);
  memories.flash().mark(kFlashBankSize, RowState::Bad);
  EXPECT_TRUE(bus.peek(0x0C10'0000, 4, value));
  EXPECT_EQ(lines.nmis, 0U);
  EXPECT_FALSE(bus.peek(0x2000'0000 + kSramSize, 4, value));
  EXPECT_TRUE(no_flags());
}

TEST_F(SystemBusTest, PokeReachesFlashAndTellsTheCore) {
  EXPECT_TRUE(bus.poke(0x0C10'0010, 4, 0x1234'5678));
  EXPECT_EQ(get(0x0C10'0010), 0x1234'5678U);
  EXPECT_EQ(listener.last_physical, kPhysicalFlash + kFlashBankSize + 0x10U);
  EXPECT_FALSE(bus.poke(0x0BFA'0700, 4, 0));
}

// --- unmodelled blocks
// ---------------------------------------------------------------------------------------------

TEST(RegisterFile, StartsWithTheChipsResetValuesAndReportsEachRegisterOnce) {
  std::vector<std::string> reports;
  RegisterFile spi(*block_with_base(0x4001'3000), [&](std::string_view name) { reports.emplace_back(name); });
  EXPECT_EQ(spi.peek(0x14), 0x1002U);  // SPI_SR
  EXPECT_TRUE(reports.empty());
  EXPECT_EQ(read(spi, 0x08), 0x0007'0007U);
  write(spi, 0x09, 0x12, kSecure, 1);
  EXPECT_EQ(read(spi, 0x08), 0x0007'1207U);
  write(spi, 0x00, 1);
  EXPECT_EQ(reports, (std::vector<std::string>{"SPI1.CFG1", "SPI1.CR1"}));
  spi.reset(Reset::System);
  EXPECT_EQ(read(spi, 0x08), 0x0007'0007U);
  EXPECT_EQ(reports.size(), 2U);
}

TEST(RegisterFile, MessageRamGoesByTheNameOfItsBlock) {
  std::vector<std::string> reports;
  RegisterFile ram(*block_with_base(0x4000'AC00), [&](std::string_view name) { reports.emplace_back(name); });
  EXPECT_EQ(read(ram, 0x00), 0U);
  write(ram, 0x34C, 7);
  EXPECT_EQ(read(ram, 0x34C), 7U);
  EXPECT_EQ(reports, std::vector<std::string>{"FDCAN1_RAM"});
}

/// The four regions of OTFDEC are 0x30 apart (RM0456, OTFDEC register map); the vendor's SVD has R4ENDADDR
/// where R3NONCER0 is.
TEST(UnmodelledRegisters, RegionsOfOtfdecAreAlike) {
  const auto registers = unmodelled_registers(0x420C'5000);
  for (std::uint32_t region = 1; region <= 4; ++region) {
    for (const auto& [offset, name] : {std::pair{0U, "CFGR"},
                                       {4U, "STARTADDR"},
                                       {8U, "ENDADDR"},
                                       {0xCU, "NONCER0"},
                                       {0x10U, "NONCER1"},
                                       {0x14U, "KEYR0"},
                                       {0x20U, "KEYR3"}}) {
      const auto found =
          std::ranges::find(registers, 0x20 + 0x30 * (region - 1) + offset, &UnmodelledRegister::offset);
      ASSERT_NE(found, registers.end()) << region << name;
      EXPECT_EQ(found->name, "R" + std::to_string(region) + name);
    }
  }
}

TEST(UnmodelledRegisters, AreInOrderAndInsideTheirBlock) {
  unsigned blocks = 0;
  for (const ChipBlock& info : chip_blocks()) {
    const auto registers = unmodelled_registers(info.base);
    if (registers.empty()) continue;
    ++blocks;
    EXPECT_TRUE(std::ranges::is_sorted(registers, std::less{}, &UnmodelledRegister::offset)) << info.name;
    EXPECT_LT(registers.back().offset, info.size) << info.name;
  }
  EXPECT_EQ(blocks, 31U);
}

}  // namespace
}  // namespace microvisor::board
