// Runs every scenario on the core and on QEMU (mps2-an505, Cortex-M33 with TrustZone) and compares what they
// logged.
//
// The scenarios keep away from where QEMU 7.2 differs from the architecture; one of them goes there, and both
// logs are what the table of docs/core.md says.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "board/cpu/scenario/scenario_board.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint64_t kInstructionLimit = 2'000'000;

/// What QEMU writes into its file "log".
std::vector<std::uint32_t> run_on_qemu(const std::string& name) {
  const std::string directory = std::string(SCENARIO_DIRECTORY) + "/qemu-" + name;
  std::filesystem::create_directories(directory);
  std::filesystem::remove(directory + "/log");
  const std::string command = "cd '" + directory +
                              "' && timeout 60 " SCENARIO_QEMU
                              " -M mps2-an505 -nographic -serial null -monitor none"
                              " -semihosting-config enable=on,target=native -kernel '" SCENARIO_DIRECTORY
                              "/" +
                              name + ".elf' >qemu.out 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << "see " << directory << "/qemu.out";
  const std::vector<std::uint8_t> bytes = read_file(directory + "/log");
  std::vector<std::uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), words.size() * 4);
  return words;
}

std::string as_text(const std::vector<std::uint32_t>& words) {
  std::string text;
  for (std::size_t index = 0; index < words.size(); ++index) {
    char line[32];
    std::snprintf(line, sizeof line, "%3zu: %08x\n", index, words[index]);
    text += line;
  }
  return text;
}

class Scenario : public ::testing::TestWithParam<const char*> {};

TEST_P(Scenario, LogsWhatQemuLogs) {
  ASSERT_STRNE(SCENARIO_QEMU, "") << "qemu-system-arm is not installed: script/setup --tests";
  ScenarioBoard board(std::string(SCENARIO_DIRECTORY) + "/" + GetParam() + ".elf");
  const bool ended = board.run(kInstructionLimit);
  const std::vector<std::uint32_t> log = board.log();
  EXPECT_TRUE(ended) << "PC " << std::hex << board.core.state.r[15] << "\n" << as_text(log);
  const std::vector<std::uint32_t> reference = run_on_qemu(GetParam());
  EXPECT_FALSE(reference.empty());
  EXPECT_EQ(as_text(log), as_text(reference));
}

/// Frames, vectors, gateways and pages that are remembered must be what the long way gives.
TEST_P(Scenario, TakesTheSameCourseWithoutTranslations) {
  const std::string image = std::string(SCENARIO_DIRECTORY) + "/" + GetParam() + ".elf";
  ScenarioBoard fast(image);
  ScenarioBoard slow(image);
  slow.switch_translations_off();
  EXPECT_TRUE(fast.run(kInstructionLimit));
  EXPECT_TRUE(slow.run(kInstructionLimit));
  EXPECT_EQ(fast.core.retired, slow.core.retired);
  EXPECT_EQ(as_text(fast.log()), as_text(slow.log()));
  EXPECT_EQ(fast.core.state.r, slow.core.state.r);
  EXPECT_EQ(fast.core.state.stack, slow.core.state.stack);
}

/// One word that both log.
struct Difference {
  const char* what;
  std::uint32_t architecture, qemu;
};

// Names are those of the Armv8-M Architecture Reference Manual, D1.2, where the rules stand.
constexpr Difference kDifferences[] = {
    {"CPUID: IMPLEMENTATION DEFINED; r0p4 here, r0p3 there", 0x410F'D214, 0x410F'D213},
    {"BASEPRI: unimplemented priority bits read as zero; 4 of 8 bits", 0xF0, 0xFF},
    {"DEMCR: TRCENA and MON_EN keep what is written", 0x0101'0000, 0},
    {"FP_CTRL: eight comparators, version 2", 0x1000'0080, 0},
    {"DWT_CTRL: four comparators", 0x4000'0000, 0},
    {"BKPT that nobody takes: HardFault", 3, 3},
    {"HFSR: DEBUGEVT, not FORCED", 0x8000'0000, 0x4000'0000},
    {"DFSR: BKPT", 2, 0},
    {"Load of Secure memory from Non-secure state: SecureFault", 7, 7},
    {"SFSR: AUVIOL with SFARVALID", 0x48, 0x08},
    {"DFSR", 0, 0},
    {"AIRCR.PRIS moves Non-secure priorities only: 0x80 is pre-empted by SecureFault at 0x40", 7, 3},
    {"SFSR: INVEP; of QEMU, which escalates, HFSR: FORCED", 1, 0x4000'0000},
    {"DFSR", 0, 0},
};

TEST(OracleDiffers, AsTheListSays) {
  ASSERT_STRNE(SCENARIO_QEMU, "") << "qemu-system-arm is not installed: script/setup --tests";
  ScenarioBoard board(std::string(SCENARIO_DIRECTORY) + "/oracle_differs.elf");
  EXPECT_TRUE(board.run(kInstructionLimit));
  const std::vector<std::uint32_t> here = board.log(), there = run_on_qemu("oracle_differs");
  ASSERT_EQ(here.size(), std::size(kDifferences));
  ASSERT_EQ(there.size(), std::size(kDifferences));
  for (std::size_t index = 0; index < std::size(kDifferences); ++index) {
    EXPECT_EQ(here[index], kDifferences[index].architecture) << kDifferences[index].what;
    EXPECT_EQ(there[index], kDifferences[index].qemu) << kDifferences[index].what;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Scenario, ::testing::Values(SCENARIO_NAMES),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace microvisor::board
