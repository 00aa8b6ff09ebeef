// Runs every scenario on the core and on QEMU (mps2-an505, Cortex-M33 with TrustZone) and compares what they
// logged.
//
// The scenarios keep away from where QEMU 7.2 differs from the architecture: no debug architecture at all,
// SecureFault is squeezed by AIRCR.PRIS in the escalation check, 8 priority bits, another CPUID and other
// IREGION numbers.
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
  if (std::string(SCENARIO_QEMU).empty()) GTEST_SKIP() << "qemu-system-arm is not installed";
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

INSTANTIATE_TEST_SUITE_P(All, Scenario, ::testing::Values(SCENARIO_NAMES),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace microvisor::board
