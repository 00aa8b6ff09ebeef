// A crash report as GDB sees it, by the packets of the GDB manual (E.2): what is known is answered, what is
// not is said to be unavailable, and nothing that GDB asks for changes or starts anything.
#include "cli/crash/crash_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/debug/gdb_session.hpp"

namespace microvisor::cli {
namespace {

using microvisor::crash::CrashReport;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint32_t kStack = 0x2000'1000;

CrashReport report() {
  CrashReport report;
  auto& registers = *report.mutable_registers();
  registers.set_frame_known(true);
  for (std::uint32_t i = 0; i < 13; ++i) registers.add_r(0x1100 + i);
  registers.set_sp(kStack);
  registers.set_lr(0x0800'0201);
  registers.set_pc(0x0800'0312);
  registers.set_msp(kStack - 0x20);
  registers.set_control(4);
  report.mutable_faults()->set_cfsr_nonsecure(1u << 16);
  report.set_stack_address(kStack);
  report.set_stack("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  return report;
}

class CrashTargetTest : public ::testing::Test {
 protected:
  std::string ask(std::string_view packet) {
    line.clear();
    session.receive(board::gdb::make_packet(packet));
    return answer();
  }
  /// What the server does between packets.
  std::string turn() {
    line.clear();
    if (const auto event = target.poll(std::chrono::milliseconds(0))) {
      session.console(event->text);
      if (event->halt) session.halted(*event->halt);
    }
    return answer();
  }
  std::string answer() const {
    std::string all;
    board::gdb::PacketReader reader;
    reader.take(line, [&](auto event, const std::string& data) {
      if (event == board::gdb::PacketReader::Event::Packet) all += data + "|";
    });
    return all;
  }

  CrashReport given = report();
  CrashTarget target{given,
                     KnownMemory(given, {.segments = {{.address = 0x0800'0300, .bytes = {0xAA, 0xBB}},
                                                      {.address = 0x2000'2000, .bytes = {0xCC, 0xDD}}}}),
                     "the text"};
  std::string line;
  board::GdbSession session{target, [this](std::string_view bytes) { line += bytes; }, target.last_halt()};
};

TEST_F(CrashTargetTest, StopsWithTheSignalOfTheFault) {
  EXPECT_THAT(ask("?"), StartsWith("T04thread:1;0d:00100020;0f:12030008;")) << "SIGILL";
}

TEST_F(CrashTargetTest, RegistersThatTheReportHasNotAreUnavailable) {
  EXPECT_EQ(ask("p3"), "03110000|");
  EXPECT_EQ(ask("p4"), "xxxxxxxx|") << "the callee's";
  EXPECT_EQ(ask("p11"), "00100020|") << "msp, before the frame was pushed";
  EXPECT_EQ(ask("p18"), "04|") << "control";
  EXPECT_EQ(ask("p19"), "xxxxxxxxxxxxxxxx|") << "d0";
  EXPECT_EQ(ask("p29"), "xxxxxxxx|") << "fpscr";
}

TEST_F(CrashTargetTest, WithoutAFrameOnlyTheSpecialRegistersAreThere) {
  given.mutable_registers()->set_frame_known(false);
  CrashTarget blind(given, KnownMemory(given, {}), "");
  board::GdbSession other(
      blind, [this](std::string_view bytes) { line += bytes; }, blind.last_halt());
  other.receive(board::gdb::make_packet("?"));
  EXPECT_EQ(answer(), "T04thread:1;|");
  line.clear();
  other.receive(board::gdb::make_packet("pf"));
  EXPECT_EQ(answer(), "xxxxxxxx|");
  line.clear();
  other.receive(board::gdb::make_packet("p11"));
  EXPECT_EQ(answer(), "e00f0020|") << "msp as it stood";
}

TEST_F(CrashTargetTest, MemoryIsTheStackAndFlashAndNothingElse) {
  EXPECT_EQ(ask("m20001000,4"), "01020304|");
  EXPECT_EQ(ask("m20001006,10"), "0708|") << "as far as it is known";
  EXPECT_EQ(ask("m8000300,2"), "aabb|");
  EXPECT_THAT(ask("m8000302,2"), StartsWith("E"));
  EXPECT_THAT(ask("m20000ffc,4"), StartsWith("E"));
  EXPECT_THAT(ask("m20002000,2"), StartsWith("E")) << "what RAM began with is not what it was";
  EXPECT_THAT(ask("m40000000,4"), StartsWith("E"));
}

TEST_F(CrashTargetTest, NothingCanBeChanged) {
  EXPECT_THAT(ask("M20001000,1:00"), StartsWith("E"));
  EXPECT_THAT(ask("P0=00000000"), StartsWith("E"));
  EXPECT_THAT(ask("vFlashErase:8000000,2000"), StartsWith("E"));
  EXPECT_EQ(ask("m20001000,1"), "01|");
}

TEST_F(CrashTargetTest, GoingOnIsAnsweredByWordsAndTheSameStop) {
  for (const char* packet : {"c", "s", "vCont;c:1", "vCont;r8000300,8000320:1"}) {
    EXPECT_EQ(ask(packet), "") << packet;
    EXPECT_THAT(turn(), ::testing::AllOf(StartsWith("O"), HasSubstr("|T04thread:1;"))) << packet;
    EXPECT_EQ(turn(), "") << "once";
  }
}

TEST_F(CrashTargetTest, MonitorCrashTellsTheReport) {
  EXPECT_EQ(ask("qRcmd,6372617368"), board::gdb::to_hex(std::string_view("the text\n")) + "|");
}

}  // namespace
}  // namespace microvisor::cli
