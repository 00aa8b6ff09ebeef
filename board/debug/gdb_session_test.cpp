// What each packet does to a small target, and that nothing on the line can do more. Packets as in the GDB
// manual, E.2 "Packets", E.4 "General Query Packets".
#include "board/debug/gdb_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include <algorithm>
#include <map>
#include <random>

namespace microvisor::board {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Sixteen registers, 64 bytes of memory from 0x20000000 on, a page of flash at 0x08000000.
class SmallTarget final : public DebugTarget {
 public:
  static constexpr std::uint32_t kRam = 0x2000'0000, kFlash = 0x0800'0000;

  std::array<std::uint32_t, 16> registers{};
  std::vector<std::uint8_t> ram = std::vector<std::uint8_t>(64), flash = std::vector<std::uint8_t>(0x2000);
  std::vector<std::uint32_t> breakpoints;
  std::vector<Watch> watches;
  std::size_t room = 4;  // for each
  std::vector<std::string> log;
  bool running = false;
  std::function<void()> on_halt;  // some halt at once
  bool has_past = false;

  bool reversible() const override { return has_past; }
  void go_back(bool stepping) override {
    running = true;
    log.emplace_back(stepping ? "step back" : "go back");
  }
  std::string_view description() const override { return "<target/>"; }
  std::string_view memory_map() const override { return "<memory-map/>"; }
  std::string state() const override { return "secure"; }
  unsigned register_count() const override { return 16; }
  std::vector<std::uint8_t> read_register(unsigned number) const override {
    std::vector<std::uint8_t> bytes;
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<std::uint8_t>(registers.at(number) >> shift));
    }
    return bytes;
  }
  bool write_register(unsigned number, std::span<const std::uint8_t> bytes) override {
    if (number >= 16 || bytes.size() != 4) return false;
    registers[number] = 0;
    for (unsigned index = 0; index < 4; ++index)
      registers[number] |= std::uint32_t{bytes[index]} << 8 * index;
    return true;
  }
  std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) override {
    const std::uint32_t offset = address - kRam;
    if (offset >= ram.size()) return {};
    const std::size_t end = std::min<std::size_t>(ram.size(), std::size_t{offset} + size);
    return {ram.begin() + offset, ram.begin() + static_cast<std::ptrdiff_t>(end)};
  }
  bool write_memory(std::uint32_t address, std::span<const std::uint8_t> bytes) override {
    return write(ram, address - kRam, bytes);
  }
  bool erase_flash(std::uint32_t address, std::uint32_t size) override {
    if (address != kFlash || size != flash.size()) return false;
    std::ranges::fill(flash, std::uint8_t{0xFF});
    return true;
  }
  bool write_flash(std::uint32_t address, std::span<const std::uint8_t> bytes) override {
    return write(flash, address - kFlash, bytes);
  }
  [[nodiscard]] bool takes_breakpoint(std::uint32_t) const override { return breakpoints.size() < room; }
  [[nodiscard]] bool takes_watch(const Watch&) const override { return watches.size() < room; }
  void set_breakpoint(std::uint32_t address) override { breakpoints.push_back(address); }
  void clear_breakpoint(std::uint32_t address) override { std::erase(breakpoints, address); }
  void add_watch(const Watch& watch) override { watches.push_back(watch); }
  void remove_watch(const Watch& watch) override { std::erase(watches, watch); }
  void halt() override {
    log.emplace_back("halt");
    if (on_halt) on_halt();
  }
  void go_on(bool stepping) override {
    running = true;
    log.emplace_back(stepping ? "step" : "go on");
  }
  bool reset() override {
    log.emplace_back("reset");
    return true;
  }
  void release() override { log.emplace_back("release"); }
  void kill() override { log.emplace_back("kill"); }
  std::optional<std::string> monitor(std::string_view line) override {
    return line == "silent" ? "" : "you said " + std::string(line) + "\n";
  }

 private:
  static bool write(std::vector<std::uint8_t>& memory, std::uint32_t offset,
                    std::span<const std::uint8_t> bytes) {
    if (offset > memory.size() || bytes.size() > memory.size() - offset) return false;
    std::ranges::copy(bytes, memory.begin() + offset);
    return true;
  }
};

class GdbSessionTest : public ::testing::Test {
 protected:
  GdbSessionTest() : session(target, [this](std::string_view bytes) { line += bytes; }) {}

  /// The data of the packets sent back for one packet; the acknowledgement is checked and left out.
  std::vector<std::string> ask_all(std::string_view data) {
    line.clear();
    session.receive(gdb::make_packet(data));
    EXPECT_TRUE(line.starts_with("+")) << line;
    return packets();
  }
  std::string ask(std::string_view data) {
    const auto answers = ask_all(data);
    EXPECT_EQ(answers.size(), 1u) << data;
    return answers.empty() ? "(none)" : answers.front();
  }
  std::vector<std::string> packets() {
    std::vector<std::string> found;
    gdb::PacketReader reader;
    reader.take(line, [&](gdb::PacketReader::Event event, const std::string& data) {
      if (event == gdb::PacketReader::Event::Packet) found.push_back(data);
    });
    line.clear();
    return found;
  }
  std::vector<std::string> halted(const Halt& halt) {
    line.clear();
    target.running = false;
    session.halted(halt);
    return packets();
  }

  SmallTarget target;
  std::string line;
  GdbSession session;
};

TEST_F(GdbSessionTest, OffersWhatItCan) {
  const std::string answer = ask("qSupported:multiprocess+;swbreak+;xmlRegisters=i386");
  EXPECT_THAT(answer, HasSubstr("PacketSize=4000"));
  EXPECT_THAT(answer, HasSubstr("qXfer:features:read+"));
  EXPECT_THAT(answer, HasSubstr("QStartNoAckMode+"));
}

TEST_F(GdbSessionTest, UnknownPacketsGetTheEmptyAnswer) {
  for (const char* packet :
       {"vMustReplyEmpty", "qTStatus", "QNonStop:1", "_", "bs", "vCtrlC", "Z9,0,0", ""}) {
    EXPECT_EQ(ask(packet), "") << packet;
  }
}

TEST_F(GdbSessionTest, GoesBackWhereTheTargetCan) {
  EXPECT_THAT(ask("qSupported"), Not(HasSubstr("Reverse")));
  EXPECT_EQ(ask("bc"), "");
  target.has_past = true;
  EXPECT_THAT(ask("qSupported"), HasSubstr(";ReverseStep+;ReverseContinue+"));
  EXPECT_TRUE(ask_all("bs").empty());
  EXPECT_THAT(halted({.reason = HaltReason::Step, .watch = {}}), ElementsAre(StartsWith("T05thread:1;0d:")));
  EXPECT_TRUE(ask_all("bc").empty());
  EXPECT_EQ(ask("bc"), "E16");  // it is on its way
  EXPECT_THAT(halted({.reason = HaltReason::RecordingBegins, .watch = {}}),
              ElementsAre(StartsWith("T05thread:1;replaylog:begin;0d:")));
  EXPECT_TRUE(ask_all("c").empty());
  EXPECT_THAT(halted({.reason = HaltReason::RecordingEnds, .watch = {}}),
              ElementsAre(StartsWith("T05thread:1;replaylog:end;0d:")));
  EXPECT_TRUE(ask_all("c").empty());
  EXPECT_THAT(halted({.reason = HaltReason::Fault, .watch = {}}), ElementsAre(StartsWith("T0bthread:1;0d:")));
  EXPECT_THAT(target.log, ElementsAre("step back", "go back", "go on", "go on"));
  EXPECT_EQ(ask("bsx"), "");
}

TEST_F(GdbSessionTest, WithoutAcknowledgements) {
  EXPECT_EQ(ask("QStartNoAckMode"), "OK");
  session.receive("+$?#3f");
  EXPECT_THAT(line, StartsWith("$T"));
}

TEST_F(GdbSessionTest, RepeatsWhatWasRefused) {
  ask("?");
  session.receive("$?#3f");
  const std::string first = line.substr(1);
  line.clear();
  session.receive("-");
  EXPECT_EQ(line, first);
}

TEST_F(GdbSessionTest, RefusesADamagedPacket) {
  session.receive("$?#00");
  EXPECT_EQ(line, "-");
}

TEST_F(GdbSessionTest, Registers) {
  target.registers[3] = 0x1234'5678;
  EXPECT_EQ(ask("p3"), "78563412");
  EXPECT_EQ(ask("P4=efbeadde"), "OK");
  EXPECT_EQ(target.registers[4], 0xDEAD'BEEFu);
  const std::string all = ask("g");
  EXPECT_EQ(all.size(), 16u * 8);
  EXPECT_EQ(all.substr(24, 16), "78563412efbeadde");
  EXPECT_EQ(ask("G" + std::string(127, '0')), "E16");
  EXPECT_EQ(ask("G" + std::string(126, '0')), "E16");
  EXPECT_EQ(target.registers[4], 0xDEAD'BEEFu);
  EXPECT_EQ(ask("G" + std::string(128, '0')), "OK");
  EXPECT_EQ(target.registers[4], 0u);
}

TEST_F(GdbSessionTest, RegistersThatAreNotThere) {
  for (const char* packet :
       {"p10", "p", "pzz", "P10=00000000", "P0=00", "P0=0000000000", "P0", "Pff=zz", "p100000000"}) {
    EXPECT_EQ(ask(packet), "E16") << packet;
  }
}

TEST_F(GdbSessionTest, Memory) {
  EXPECT_EQ(ask("M20000004,3:0a0b0c"), "OK");
  EXPECT_EQ(ask("m20000003,5"), "000a0b0c00");
  EXPECT_EQ(ask("X20000000,2:" + std::string("}#")), "OK");  // escaped on the line
  EXPECT_EQ(ask("m20000000,2"), "7d23");
  EXPECT_EQ(ask("m2000003e,10"), "0000");  // as far as there is memory
  EXPECT_EQ(ask("m30000000,4"), "E0e");
  EXPECT_EQ(ask("M2000003f,2:0102"), "E0e");
  EXPECT_EQ(ask("X20000000,0:"), "OK");  // GDB asks in this way whether X is known
}

TEST_F(GdbSessionTest, MemoryWithBadArguments) {
  for (const char* packet : {"m", "m,", "m0", "m0,", "m0,z", "mffffffff1,4", "m0,1,2", "M0,1",
                             "M0,1:", "M0,2:00", "M0,1:0", "X0,5:ab", "X20000000", "m-1,4"}) {
    EXPECT_EQ(ask(packet), "E16") << packet;
  }
}

TEST_F(GdbSessionTest, Flash) {
  EXPECT_EQ(ask("vFlashErase:08000000,2000"), "OK");
  EXPECT_EQ(ask("vFlashWrite:8000010:" + std::string("\x01\x02", 2)), "OK");
  EXPECT_EQ(ask("vFlashDone"), "OK");
  EXPECT_EQ(target.flash[0x0F], 0xFF);
  EXPECT_EQ(target.flash[0x11], 0x02);
  EXPECT_EQ(ask("vFlashErase:20000000,2000"), "E0e");
  EXPECT_EQ(ask("vFlashWrite:20000000:xx"), "E.memtype");
}

TEST_F(GdbSessionTest, BreakpointsAndWatchpoints) {
  EXPECT_EQ(ask("Z0,8000100,2"), "OK");
  EXPECT_EQ(ask("Z1,8000200,3"), "OK");
  EXPECT_THAT(target.breakpoints, ElementsAre(0x0800'0100u, 0x0800'0200u));
  EXPECT_EQ(ask("z1,8000200,3"), "OK");
  EXPECT_THAT(target.breakpoints, ElementsAre(0x0800'0100u));
  EXPECT_EQ(ask("Z2,20000000,4"), "OK");
  EXPECT_EQ(ask("Z3,20000004,1"), "OK");
  EXPECT_EQ(ask("Z4,20000008,2"), "OK");
  EXPECT_THAT(target.watches,
              ElementsAre(Watch{0x2000'0000, 4, false, true}, Watch{0x2000'0004, 1, true, false},
                          Watch{0x2000'0008, 2, true, true}));
  for (const char* packet :
       {"Z", "Z0", "Z0,", "Z0,8000100", "Z0,8000100,2;X1,0", "Z2,20000000,0", "Z2,0,10001"}) {
    EXPECT_EQ(ask(packet), "E16") << packet;
  }
}

TEST_F(GdbSessionTest, StopReplySaysWhereAndWhy) {
  target.registers[13] = 0x3000'8000;
  target.registers[15] = 0x0C00'0400;
  EXPECT_TRUE(ask_all("vCont;c").empty());
  EXPECT_THAT(target.log, ElementsAre("go on"));
  EXPECT_THAT(halted({.reason = HaltReason::Breakpoint, .watch = {}, .pc = 0x0C00'0400}),
              ElementsAre("T05thread:1;0d:00800030;0f:0004000c;"));
  EXPECT_EQ(ask("?"), "T05thread:1;0d:00800030;0f:0004000c;");
}

TEST_F(GdbSessionTest, StopAtAWatchpoint) {
  ask_all("c");
  const Halt write{.reason = HaltReason::Watchpoint, .watch = {0x2000'0004, 4, false, true}, .pc = 0};
  EXPECT_THAT(halted(write), ElementsAre(StartsWith("T05thread:1;watch:20000004;")));
  ask_all("c");
  const Halt read{.reason = HaltReason::Watchpoint, .watch = {0x2000'0004, 4, true, false}, .pc = 0};
  EXPECT_THAT(halted(read), ElementsAre(StartsWith("T05thread:1;rwatch:20000004;")));
  ask_all("c");
  const Halt any{.reason = HaltReason::Watchpoint, .watch = {0x2000'0004, 4, true, true}, .pc = 0};
  EXPECT_THAT(halted(any), ElementsAre(StartsWith("T05thread:1;awatch:20000004;")));
}

TEST_F(GdbSessionTest, WaysToGoOn) {
  const std::pair<const char*, const char*> ways[] = {
      {"c", "go on"},          {"s", "step"},           {"C05", "go on"},       {"S05;8000", "step"},
      {"vCont;s:1;c", "step"}, {"vCont;c:-1", "go on"}, {"vCont;C05", "go on"}, {"vCont;s:7;c", "go on"}};
  for (const auto& [packet, what] : ways) {
    target.log.clear();
    EXPECT_TRUE(ask_all(packet).empty()) << packet;
    EXPECT_THAT(target.log, ElementsAre(what)) << packet;
    halted({.reason = HaltReason::Step, .watch = {}, .pc = 0});
  }
  EXPECT_EQ(target.registers[15], 0x8000u);
}

TEST_F(GdbSessionTest, WaysNotToGoOn) {
  for (const char* packet : {"vCont;", "vCont;x", "vCont;r1", "vCont;r1,", "vCont;s:7", "vCont;cc", "czz",
                             "C", "Cxx", "s100000000"}) {
    EXPECT_EQ(ask(packet), "E16") << packet;
  }
  EXPECT_TRUE(target.log.empty());
}

TEST_F(GdbSessionTest, StepsThroughARange) {
  EXPECT_TRUE(ask_all("vCont;r100,108:1").empty());
  EXPECT_TRUE(halted({.reason = HaltReason::Step, .watch = {}, .pc = 0x102}).empty());
  EXPECT_TRUE(halted({.reason = HaltReason::Step, .watch = {}, .pc = 0x106}).empty());
  EXPECT_EQ(halted({.reason = HaltReason::Step, .watch = {}, .pc = 0x108}).size(), 1u);
  EXPECT_THAT(target.log, ElementsAre("step", "step", "step"));
  EXPECT_TRUE(ask_all("vCont;r100,108:1").empty());
  EXPECT_EQ(halted({.reason = HaltReason::Breakpoint, .watch = {}, .pc = 0x104}).size(), 1u);
}

TEST_F(GdbSessionTest, CtrlCIsNotLostBesideABreakpointThatGdbGoesOnFrom) {
  const Halt breakpoint{.reason = HaltReason::Breakpoint, .watch = {}, .pc = 0};
  ask_all("c");
  session.receive("\x03");
  EXPECT_THAT(halted(breakpoint), ElementsAre(StartsWith("T02")));
  ask_all("c");
  EXPECT_THAT(halted(breakpoint), ElementsAre(StartsWith("T05")));
}

TEST_F(GdbSessionTest, CtrlCBetweenTwoStepsIsForTheNext) {
  session.receive("\x03");
  ask_all("c");
  EXPECT_THAT(target.log, ElementsAre("go on", "halt"));
  EXPECT_THAT(halted({.reason = HaltReason::Request, .watch = {}, .pc = 0}), ElementsAre(StartsWith("T02")));
  ask_all("vCont;r100,200:1");
  EXPECT_THAT(halted({.reason = HaltReason::Step, .watch = {}, .pc = 0x300}), ElementsAre(StartsWith("T05")));
  session.receive("\x03");
  ask_all("vCont;r100,200:1");
  EXPECT_THAT(halted({.reason = HaltReason::Step, .watch = {}, .pc = 0x104}), ElementsAre(StartsWith("T02")));
}

TEST_F(GdbSessionTest, CtrlCIsOverWithTheHaltThatItMakes) {
  target.on_halt = [this] { session.halted({.reason = HaltReason::Request, .watch = {}, .pc = 0}); };
  ask_all("c");
  session.receive("\x03");
  ask_all("c");
  EXPECT_THAT(target.log, ElementsAre("go on", "halt", "go on"));
}

TEST_F(GdbSessionTest, SaysWhenThereIsNoRoom) {
  target.room = 1;
  EXPECT_EQ(ask("Z0,8000100,2"), "OK");
  EXPECT_EQ(ask("Z1,8000200,2"), "E1c");
  EXPECT_EQ(ask("Z2,20000000,4"), "OK");
  EXPECT_EQ(ask("Z4,20000004,4"), "E1c");
  EXPECT_EQ(target.breakpoints.size() + target.watches.size(), 2u);
  EXPECT_EQ(ask("z0,8000100,2"), "OK");
  EXPECT_EQ(ask("Z1,8000200,2"), "OK");
}

TEST_F(GdbSessionTest, WhileRunningOnlyAnInterruptIsTaken) {
  ask_all("c");
  EXPECT_EQ(ask("g"), "E16");
  EXPECT_EQ(ask("c"), "E16");
  session.receive("\x03");
  EXPECT_THAT(target.log, ElementsAre("go on", "halt"));
  EXPECT_THAT(halted({.reason = HaltReason::Request, .watch = {}, .pc = 0}), ElementsAre(StartsWith("T02")));
  session.receive("\x03");  // halted already
  EXPECT_THAT(target.log, ElementsAre("go on", "halt"));
}

TEST_F(GdbSessionTest, ConsoleIsHeardWhileGdbWaits) {
  session.console("ho\n");
  EXPECT_TRUE(packets().empty()) << "kept";
  EXPECT_THAT(ask_all("c"), ElementsAre("O686f0a"));
  session.console("hi\n");
  EXPECT_THAT(packets(), ElementsAre("O68690a"));
  session.exited(3);
  EXPECT_THAT(packets(), ElementsAre("W03"));
  EXPECT_TRUE(session.over());
}

TEST_F(GdbSessionTest, LeavingAndEnding) {
  EXPECT_EQ(ask("D"), "OK");
  EXPECT_THAT(target.log, ElementsAre("release"));
  EXPECT_TRUE(session.over());
  line.clear();
  session.receive("$g#67");
  EXPECT_EQ(line, "");
}

TEST_F(GdbSessionTest, KillEndsTheTarget) {
  EXPECT_TRUE(ask_all("k").empty());
  EXPECT_THAT(target.log, ElementsAre("kill"));
  EXPECT_TRUE(session.over());
}

TEST_F(GdbSessionTest, InExtendedModeItCanBeRunAgain) {
  EXPECT_EQ(ask("!"), "OK");
  EXPECT_EQ(ask("vKill;a410"), "OK");
  EXPECT_FALSE(session.over());
  EXPECT_THAT(ask("vRun;"), StartsWith("T05"));
  EXPECT_THAT(target.log, ElementsAre("reset"));
}

TEST_F(GdbSessionTest, Documents) {
  EXPECT_EQ(ask("qXfer:features:read:target.xml:0,ffb"), "l<target/>");
  EXPECT_EQ(ask("qXfer:features:read:target.xml:2,3"), "marg");
  EXPECT_EQ(ask("qXfer:memory-map:read::0,100"), "l<memory-map/>");
  EXPECT_EQ(ask("qXfer:features:read:other.xml:0,100"), "");
  EXPECT_EQ(ask("qXfer:features:read:target.xml:0"), "E16");
}

TEST_F(GdbSessionTest, Threads) {
  EXPECT_EQ(ask("qfThreadInfo"), "m1");
  EXPECT_EQ(ask("qsThreadInfo"), "l");
  EXPECT_EQ(ask("qThreadExtraInfo,1"), "736563757265");
  EXPECT_EQ(ask("Hg1"), "OK");
  EXPECT_EQ(ask("Hc-1"), "OK");
  EXPECT_EQ(ask("Hg2"), "E16");
  EXPECT_EQ(ask("T1"), "OK");
  EXPECT_EQ(ask("T2"), "E16");
}

TEST_F(GdbSessionTest, Monitor) {
  EXPECT_EQ(ask("qRcmd," + gdb::to_hex("hi")), gdb::to_hex("you said hi\n"));
  EXPECT_EQ(ask("qRcmd," + gdb::to_hex("silent")), "OK");
  EXPECT_EQ(ask("qRcmd,6"), "E16");
}

/// What real packets begin with.
constexpr std::string_view kStarts[] = {"m",
                                        "M20000000,",
                                        "X20000000,",
                                        "G",
                                        "P",
                                        "p",
                                        "Z0,",
                                        "z2,",
                                        "vCont;",
                                        "vCont;r",
                                        "vFlashErase:",
                                        "vFlashWrite:",
                                        "qXfer:features:read:target.xml:",
                                        "qRcmd,",
                                        "H",
                                        "c",
                                        "S",
                                        "qThreadExtraInfo,",
                                        "T",
                                        "vKill;",
                                        "D",
                                        "!",
                                        "?"};

/// Random packets, and packets that begin as real ones: one answer each, or the target runs; never more than
/// the limit, never a byte outside of the target's memory (the sanitizers and the bounds above see to that).
TEST_F(GdbSessionTest, HostilePackets) {
  constexpr std::string_view kLikely = "0123456789abcdef,:;=-#$}*";
  std::mt19937 random(20240607);
  for (unsigned round = 0; round < 20'000; ++round) {
    GdbSession fresh(target, [this](std::string_view bytes) { line += bytes; });
    std::string data(kStarts[random() % std::size(kStarts)]);
    if (random() % 4 == 0) data.clear();
    for (unsigned count = random() % 24; count > 0; --count) {
      data += random() % 8 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    }
    line.clear();
    target.running = false;
    target.breakpoints.clear();
    target.watches.clear();
    fresh.receive(gdb::make_packet(data));
    const std::size_t answers = packets().size();
    EXPECT_TRUE(answers == 1 || (answers == 0 && (target.running || fresh.over() || data.starts_with("R"))))
        << data;
  }
}

/// The same as a stream of bytes that are no packets at all.
TEST_F(GdbSessionTest, HostileBytes) {
  std::mt19937 random(7);
  for (unsigned round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes)
      byte = random() % 3 == 0 ? "$#}+-\x03"[random() % 6] : static_cast<char>(random());
    line.clear();
    session.receive(bytes);
    if (target.running) halted({.reason = HaltReason::Request, .watch = {}, .pc = 0});
  }
  session.receive("#00");  // whatever it was in the middle of
  if (!session.over()) {
    EXPECT_EQ(ask("qC"), "QC1");
  }
}

}  // namespace
}  // namespace microvisor::board
