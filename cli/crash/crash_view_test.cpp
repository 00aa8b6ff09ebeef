// How an opened crash report is shown.
#include "cli/crash/crash_view.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/crash/trace_view.hpp"

namespace microvisor::cli {
namespace {

const board::Symbols kSymbols = {{0x0800'0200, {"main"}}, {0x0800'0300, {"work"}}};

/// An ELF file without debug information.
Program program() { return {.symbols = kSymbols, .image = {}, .debug = {}}; }

microvisor::crash::CrashReport report() {
  microvisor::crash::CrashReport result;
  result.set_text("application crashed: undefined instruction");
  auto& registers = *result.mutable_registers();
  registers.set_frame_known(true);
  registers.set_callee_known(true);
  for (std::uint32_t i = 0; i < 13; ++i) registers.add_r(0x1000 + i);
  registers.set_pc(0x0800'0312);
  registers.set_lr(0x0800'0221);
  registers.set_sp(0x2000'1000);
  result.mutable_faults()->set_cfsr_nonsecure(1U << 16);
  result.set_stack_address(0x2000'1000);
  const std::uint32_t words[] = {0x0800'0305, 0x1234'5678};
  result.set_stack(words, sizeof words);
  return result;
}

TEST(CrashView, NamesCode) {
  EXPECT_EQ(name_of_code(kSymbols, 0x0800'0200), "main");
  EXPECT_EQ(name_of_code(kSymbols, 0x0800'0201), "main") << "the Thumb bit is no part of the address";
  EXPECT_EQ(name_of_code(kSymbols, 0x0800'0312), "work+0x12");
  EXPECT_EQ(name_of_code(kSymbols, 0x0800'0100), "") << "before the first";
  EXPECT_EQ(name_of_code(kSymbols, 0x2000'0000), "") << "no code";
  EXPECT_EQ(name_of_code({}, 0x0800'0200), "");
}

TEST(CrashView, NamesFaultsAsTheArchitectureDoes) {
  microvisor::crash::FaultStatus faults;
  faults.set_sfsr(0x48);
  faults.set_hfsr(1U << 30);
  faults.set_cfsr_nonsecure(1U << 25);
  EXPECT_EQ(fault_bits(faults), (std::vector<std::string>{"DIVBYZERO", "FORCED", "AUVIOL", "SFARVALID"}));
}

TEST(CrashView, ShowsRegistersNamesAndStack) {
  const std::string text = format_crash(report(), program());
  for (const char* part :
       {"application crashed: undefined instruction", "0x08000312 work+0x12", "0x08000221 main+0x20",
        "UNDEFINSTR", "r0  0x00001000", "r12 0x0000100c", "20001000:  08000305 12345678",
        "20001000: 0x08000305 work+0x4", "what happened", "undefined instruction",
        "#0  0x08000312 work+0x12\n", "#1  0x08000220 main+0x20 (taken from LR)\n", ".debug_frame"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(CrashView, HasTheBackTraceAsJson) {
  const auto json = crash_as_json(report(), program());
  ASSERT_EQ(json.at("backtrace").size(), 2U);
  EXPECT_EQ(json.at("backtrace").at(0).at("function"), "work+0x12");
  EXPECT_EQ(json.at("backtrace").at(1).at("address"), "0x08000220");
  EXPECT_EQ(json.at("backtrace").at(1).at("taken_from_lr"), true);
  EXPECT_TRUE(json.at("backtrace").at(1).at("line").is_null());
  EXPECT_EQ(json.at("explanation"), "undefined instruction");
}

TEST(CrashView, ShowsInlinedFunctionsAndExceptions) {
  BackTrace trace;
  trace.frames = {
      {.pc = 0x0800'0100,
       .places = {{.function = "clamp", .file = "a.c", .line = 3, .inlined = true},
                  {.function = "handler", .file = "a.c", .line = 9}}},
      {.pc = 0x0800'0200, .exception = 15, .places = {{.function = "main", .file = "b.c", .line = 7}}}};
  trace.end = "the outermost function";
  EXPECT_EQ(format_trace(trace, {}),
            "\n  #0  0x08000100 clamp at a.c:3, inlined\n  #1  0x08000100 handler at a.c:9"
            "\n      exception 15 (SysTick) interrupted\n  #2  0x08000200 main at b.c:7\n      the outermost "
            "function");
}

TEST(CrashView, SaysWhatIsNotKnown) {
  auto without = report();
  without.mutable_registers()->set_frame_known(false);
  const auto json = crash_as_json(without, program());
  EXPECT_TRUE(json.at("pc").is_null());
  EXPECT_TRUE(json.at("r").at(0).is_null());
  EXPECT_EQ(json.at("r").at(4), "0x00001004");
  EXPECT_NE(format_crash(without, program()).find("unknown"), std::string::npos);
}

}  // namespace
}  // namespace microvisor::cli
