// How an opened crash report is shown.
#include "cli/crash_view.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace microvisor::cli {
namespace {

const board::Symbols kSymbols = {{0x0800'0200, {"main"}}, {0x0800'0300, {"work"}}};

microvisor::crash::CrashReport report() {
  microvisor::crash::CrashReport result;
  result.set_text("application crashed: undefined instruction");
  auto& registers = *result.mutable_registers();
  registers.set_frame_known(true);
  registers.set_callee_known(true);
  for (std::uint32_t i = 0; i < 13; ++i) registers.add_r(0x1000 + i);
  registers.set_pc(0x0800'0312);
  registers.set_lr(0x0800'0201);
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
  const std::string text = format_crash(report(), kSymbols);
  for (const char* part : {"application crashed: undefined instruction", "0x08000312 work+0x12",
                           "0x08000201 main", "UNDEFINSTR", "r0  0x00001000", "r12 0x0000100c",
                           "20001000:  08000305 12345678", "20001000: 0x08000305 work+0x4"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(CrashView, SaysWhatIsNotKnown) {
  auto without = report();
  without.mutable_registers()->set_frame_known(false);
  const auto json = crash_as_json(without, kSymbols);
  EXPECT_TRUE(json.at("pc").is_null());
  EXPECT_TRUE(json.at("r").at(0).is_null());
  EXPECT_EQ(json.at("r").at(4), "0x00001004");
  EXPECT_NE(format_crash(without, kSymbols).find("unknown"), std::string::npos);
}

}  // namespace
}  // namespace microvisor::cli
