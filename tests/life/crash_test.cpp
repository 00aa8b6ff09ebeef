// The whole way of a crash report on the board: crash, registers and stack, encryption, NOR, link; opened
// here with the private key. What must stand in it is known from the guest's source (guests/crash.c).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "abi/interface.hpp"
#include "board/debug/elf_symbols.hpp"
#include "protocol/crash/crash_report.hpp"
#include "tests/kernel/pointer_calls.hpp"
#include "tests/kernel/stack_watermarks.hpp"
#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

using microvisor::crash::CrashReport;

class CrashReportOnBoard : public ::testing::Test {
 protected:
  [[nodiscard]] protocol::BundleOptions policy(std::uint32_t stack_bytes) const {
    protocol::BundleOptions options;
    options.crash_key = key.public_key();
    options.crash_stack_bytes = stack_bytes;
    return options;
  }
  /// Deploys and runs until `count` reports have come; opens the last.
  CrashReport run(const protocol::BundleOptions& options, std::uint32_t kind, std::size_t count = 1) {
    machine.deploy("crash", options, kind);
    EXPECT_TRUE(machine.run_until([&] { return machine.gateway.seen().crashes.size() >= count; }, 60))
        << machine.describe();
    return last();
  }
  CrashReport last() {
    const auto crashes = machine.gateway.seen().crashes;
    if (crashes.empty()) return {};
    const auto report = protocol::open_crash_report(crashes.back(), key, LifeMachine::kSid);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    return report.value_or(CrashReport());
  }
  static std::uint32_t symbol(const std::string& name) {
    const auto symbols = board::load_symbols(std::string(MICROVISOR_LIFE_GUESTS) + "/crash.elf");
    for (const auto& [address, symbol] : *symbols) {
      if (symbol.name == name) return address;
    }
    return 0;
  }
  static void expect_known_registers(const CrashReport& report) {
    const auto& registers = report.registers();
    ASSERT_TRUE(registers.frame_known() && registers.callee_known());
    ASSERT_EQ(registers.r_size(), 13);
    for (int i = 0; i < 13; ++i) EXPECT_EQ(registers.r(i), 0xC0DE'0000U + static_cast<std::uint32_t>(i)) << i;
    EXPECT_EQ(registers.lr(), 0xC0DE'00FFU);
    EXPECT_EQ(registers.pc(), symbol("crash_here"));
    EXPECT_EQ(registers.xpsr() & 0x1FF, 0U) << "thread mode";
  }
  static std::vector<std::uint32_t> stack_of(const CrashReport& report) {
    std::vector<std::uint32_t> words(report.stack().size() / 4);
    std::memcpy(words.data(), report.stack().data(), 4 * words.size());
    return words;
  }

  protocol::SigningKey key = protocol::SigningKey::generate();
  LifeMachine machine;
};

TEST_F(CrashReportOnBoard, HasRegistersStackAndCircumstances) {
  const CrashReport report = run(policy(48), 0);
  expect_known_registers(report);
  EXPECT_EQ(report.text().rfind("application crashed: undefined instruction", 0), 0U) << report.text();
  EXPECT_EQ(report.cause(), microvisor::crash::CAUSE_FAULT);
  EXPECT_EQ(report.wake_reason(), 9U);
  EXPECT_NE(report.faults().cfsr_nonsecure() & (1U << 16), 0U) << "UNDEFINSTR";
  EXPECT_FALSE(report.registers().process_stack());
  EXPECT_EQ(report.registers().primask(), 0U);
  EXPECT_EQ(report.stack_address(), report.registers().sp());
  const auto stack = stack_of(report);
  ASSERT_EQ(stack.size(), 12U);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(stack[i], 0xC0DE'0000U + i);
  const auto events = machine.gateway.seen().events;
  EXPECT_NE(std::find(events.begin(), events.end(), report.text()), events.end()) << machine.describe();
}

TEST_F(CrashReportOnBoard, IsMadeAndSentWithinTheBoundsOfTheStacks) {
  tests::fill_stacks(machine.board());
  const tests::PointerCallWatch pointer_calls(machine.board());
  static_cast<void>(run(policy(7168), 0));
  pointer_calls.expect_as_listed();
  tests::expect_stacks_within_bounds(machine.board());
}

TEST_F(CrashReportOnBoard, SaysThatTheProcessStackWasInUse) {
  const CrashReport report = run(policy(7168), 1);
  expect_known_registers(report);
  EXPECT_TRUE(report.registers().process_stack());
  EXPECT_EQ(report.registers().control() & 2, 2U);
  EXPECT_EQ(stack_of(report)[7], 0xC0DE'0007U);
}

TEST_F(CrashReportOnBoard, AStackIsNeverMoreThanTheApplicationsMemory) {
  const CrashReport report = run(policy(0xFFFF'FFFF), 0);
  // The main stack ends with the application's RAM, 0x2008'0000, behind which Microvisor's begins.
  EXPECT_EQ(report.stack_address() + report.stack().size(), 0x2008'0000U);
  EXPECT_EQ(stack_of(report)[0], 0xC0DE'0000U);
}

TEST_F(CrashReportOnBoard, TellsOfAReservedPeripheral) {
  const CrashReport report = run(policy(0), 2);
  EXPECT_EQ(report.cause(), microvisor::crash::CAUSE_RESERVED_RESOURCE);
  EXPECT_NE(report.text().find("IWDG"), std::string::npos) << report.text();
  EXPECT_TRUE(report.registers().frame_known());
  EXPECT_TRUE(report.stack().empty());
  const auto& flags = report.faults().illegal_accesses();
  EXPECT_TRUE(std::any_of(flags.begin(), flags.end(), [](std::uint32_t word) { return word != 0; }));
}

TEST_F(CrashReportOnBoard, WithoutAKeyNothingButTheLineLeavesTheDevice) {
  protocol::BundleOptions options;
  options.crash_stack_bytes = 100;
  machine.deploy("crash", options, 0);
  ASSERT_FALSE(machine.await_line("start 8", 60).empty()) << machine.describe();
  ASSERT_FALSE(machine.await_line("start 8", 10).empty());
  EXPECT_TRUE(machine.gateway.seen().crashes.empty());
  EXPECT_FALSE(machine.gateway.seen().events.empty());
}

TEST_F(CrashReportOnBoard, SurvivesPowerOffWithoutAConnection) {
  machine.deploy("crash", policy(32), 0);
  ASSERT_TRUE(machine.run_until([&] { return machine.gateway.seen().reports.size() == 2; }, 60));
  machine.reachable = false;  // the device resets to install, and finds nobody any more
  ASSERT_FALSE(machine.await_line("start 8", 60).empty()) << machine.describe();
  EXPECT_TRUE(machine.gateway.seen().crashes.empty());
  ASSERT_TRUE(machine.board().power_cycle().has_value());
  machine.reachable = true;
  ASSERT_TRUE(machine.run_until([&] { return machine.gateway.seen().crashes.size() >= 2; }, 60))
      << machine.describe();
  const auto first = protocol::open_crash_report(machine.gateway.seen().crashes[0], key, LifeMachine::kSid);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->wake_reason(), 9U) << "the oldest comes first";
  expect_known_registers(*first);
}

TEST_F(CrashReportOnBoard, AtWhateverMomentOfTheLinksLifeItHappens) {
  machine.deploy("crash", policy(1000), 3);
  std::size_t seen = 0;
  for (unsigned round = 0; round < 8; ++round) {
    ASSERT_TRUE(machine.run_until([&] { return machine.gateway.seen().crashes.size() >= seen + 2; }, 60))
        << machine.describe();
    seen = machine.gateway.seen().crashes.size();
    expect_known_registers(last());
    ASSERT_TRUE(machine.board().power_cycle().has_value());
  }
  for (const auto& line : machine.gateway.seen().events)
    EXPECT_EQ(line.find("Microvisor failed"), std::string::npos) << line;
}

}  // namespace
}  // namespace microvisor::test
