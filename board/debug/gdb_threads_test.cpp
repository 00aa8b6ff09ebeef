// Threads from the memory of an RTOS: a small target whose memory is laid out here as FreeRTOS documents its
// structures (list.h, tasks.c), in the configurations that change them, and then damaged in every word.
#include "board/debug/gdb_threads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "board/debug/gdb_session.hpp"

namespace microvisor::board {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kRam = 0x2000'0000, kRamSize = 0x4000;
constexpr std::uint32_t kHeap = kRam + 0x1000, kStacks = kRam + 0x2000;

Halt stop(HaltReason reason) { return {.reason = reason, .watch = {}, .pc = 0}; }

struct Configuration {
  const char* name = "";
  std::uint32_t head = 4;        // bytes of a control block before its state item: more with an MPU
  std::uint32_t list_size = 20;  // 28 with a full end item
  std::uint32_t priorities = 5;
};

/// In the name of the test.
void PrintTo(const Configuration& configuration, std::ostream* to) { *to << configuration.name; }

/// RAM, the general registers, psplim and d8.
class RtosTarget final : public DebugTarget {
 public:
  std::vector<std::uint8_t> ram = std::vector<std::uint8_t>(kRamSize);
  std::map<std::string, std::uint32_t> registers;
  unsigned reads = 0;
  std::string log;

  void poke(std::uint32_t address, std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) ram.at(address - kRam + i) = static_cast<std::uint8_t>(value >> 8 * i);
  }
  std::uint32_t peek(std::uint32_t address) const {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{ram.at(address - kRam + i)} << 8 * i;
    return value;
  }

  std::string_view description() const override { return ""; }
  std::string_view memory_map() const override { return ""; }
  std::string state() const override { return "thread mode"; }
  unsigned register_count() const override { return static_cast<unsigned>(std::size(kNames)); }
  std::string_view register_name(unsigned number) const override { return kNames[number]; }
  std::vector<std::uint8_t> read_register(unsigned number) const override {
    const auto found = registers.find(kNames[number]);
    const std::uint32_t value = found == registers.end() ? 0 : found->second;
    std::vector<std::uint8_t> bytes(kNames[number][0] == 'd' ? 8 : 4);
    for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> 8 * i);
    return bytes;
  }
  bool write_register(unsigned, std::span<const std::uint8_t>) override {
    log += "register written;";
    return true;
  }
  std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) override {
    ++reads;
    const std::uint32_t offset = address - kRam;
    if (offset >= ram.size()) return {};
    const auto end = std::min<std::size_t>(ram.size(), std::size_t{offset} + size);
    return {ram.begin() + offset, ram.begin() + static_cast<std::ptrdiff_t>(end)};
  }
  bool write_memory(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  bool erase_flash(std::uint32_t, std::uint32_t) override { return false; }
  bool write_flash(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  void set_breakpoint(std::uint32_t) override {}
  void clear_breakpoint(std::uint32_t) override {}
  void add_watch(const Watch&) override {}
  void remove_watch(const Watch&) override {}
  void halt() override {}
  void go_on(bool stepping) override { log += stepping ? "step;" : "go on;"; }
  bool reset() override { return true; }
  void release() override {}
  void kill() override {}
  std::optional<std::string> monitor(std::string_view) override { return std::nullopt; }

 private:
  static constexpr const char* kNames[] = {"r0",   "r1",     "r2",  "r3",  "r4",     "r5",    "r6",     "r7",
                                           "r8",   "r9",     "r10", "r11", "r12",    "sp",    "lr",     "pc",
                                           "xpsr", "psplim", "d8",  "msp", "psp_ns", "psp_s", "control"};
};

/// Puts tasks and lists into memory.
class Kernel {
 public:
  Kernel(RtosTarget& target, Configuration configuration) : target_(target), is_(configuration) {
    std::uint32_t at = kRam + 0x100;
    const auto place = [&](RtosSymbol symbol, std::uint32_t size) {
      addresses_[symbol] = at;
      at += size;
    };
    place(RtosSymbol::ReadyLists, is_.priorities * is_.list_size);
    for (const RtosSymbol list :
         {RtosSymbol::DelayedList1, RtosSymbol::DelayedList2, RtosSymbol::PendingReadyList,
          RtosSymbol::TerminationList, RtosSymbol::SuspendedList})
      place(list, is_.list_size);
    for (const RtosSymbol word : {RtosSymbol::CurrentTask, RtosSymbol::TaskCount, RtosSymbol::TaskNumber,
                                  RtosSymbol::SchedulerRunning})
      place(word, 4);
    for (std::uint32_t i = 0; i < is_.priorities; ++i) clear(ready(i));
    for (const RtosSymbol list :
         {RtosSymbol::DelayedList1, RtosSymbol::DelayedList2, RtosSymbol::PendingReadyList,
          RtosSymbol::TerminationList, RtosSymbol::SuspendedList})
      clear(addresses_[list]);
    event_list_ = at;
    clear(event_list_);
    end_ = at + is_.list_size;
    target_.poke(addresses_[RtosSymbol::SchedulerRunning], 1);
  }

  std::uint32_t address(RtosSymbol symbol) const { return addresses_.at(symbol); }
  std::uint32_t ready(std::uint32_t priority) const {
    return address(RtosSymbol::ReadyLists) + priority * is_.list_size;
  }
  std::uint32_t event_list() const { return event_list_; }
  std::uint32_t end() const { return end_; }

  std::uint32_t create(const std::string& name, std::uint32_t priority, std::uint32_t list) {
    const std::uint32_t block = kHeap + 0x200 * tasks_;
    const std::uint32_t stack = kStacks + 0x200 * tasks_;
    ++tasks_;
    for (unsigned i = 0; i <= name.size(); ++i)
      target_.ram.at(block + is_.head + 48 - kRam + i) =
          static_cast<std::uint8_t>(i < name.size() ? name[i] : 0);
    target_.poke(block, stack + 0x100);
    target_.poke(block + is_.head + 40, priority);
    target_.poke(block + is_.head + 44, stack);
    insert(list, state_item(block), block);
    target_.poke(address(RtosSymbol::TaskCount), tasks_);
    target_.poke(address(RtosSymbol::TaskNumber), tasks_);
    return block;
  }
  void run(std::uint32_t block) { target_.poke(address(RtosSymbol::CurrentTask), block); }
  std::uint32_t state_item(std::uint32_t block) const { return block + is_.head; }
  std::uint32_t event_item(std::uint32_t block) const { return block + is_.head + 20; }
  void insert(std::uint32_t list, std::uint32_t item, std::uint32_t owner) {
    const std::uint32_t end = list + 8, last = target_.peek(end + 8);
    target_.poke(item + 4, end);
    target_.poke(item + 8, last);
    target_.poke(item + 12, owner);
    target_.poke(item + 16, list);
    target_.poke(last + 4, item);
    target_.poke(end + 8, item);
    target_.poke(list, target_.peek(list) + 1);
  }

 private:
  void clear(std::uint32_t list) {
    const std::uint32_t end = list + 8;
    target_.poke(list, 0);
    target_.poke(list + 4, end);
    target_.poke(end, 0xFFFF'FFFF);
    target_.poke(end + 4, end);
    target_.poke(end + 8, end);
  }

  RtosTarget& target_;
  Configuration is_;
  std::map<RtosSymbol, std::uint32_t> addresses_;
  std::uint32_t event_list_ = 0, end_ = 0;
  std::uint32_t tasks_ = 0;
};

class GdbThreadsTest : public ::testing::Test {
 protected:
  explicit GdbThreadsTest(Configuration configuration = {}) : kernel(target, configuration) {
    idle = kernel.create("IDLE", 0, kernel.ready(0));
    led = kernel.create("led", 2, kernel.ready(2));
    sensor = kernel.create("sensor", 3, kernel.address(RtosSymbol::SuspendedList));
    kernel.insert(kernel.event_list(), kernel.event_item(sensor), sensor);
    spare = kernel.create("spare", 4, kernel.address(RtosSymbol::SuspendedList));
    late = kernel.create("late", 1, kernel.address(RtosSymbol::DelayedList2));
    kernel.run(led);
  }

  std::string ask(std::string_view packet) {
    line.clear();
    session.receive(gdb::make_packet(packet));
    return answer();
  }
  std::string halted(const Halt& halt) {
    line.clear();
    session.halted(halt);
    return answer();
  }
  std::string answer() const {
    std::string all;
    gdb::PacketReader reader;
    reader.take(line, [&](auto event, const std::string& data) {
      if (event == gdb::PacketReader::Event::Packet) all += data;
    });
    return all;
  }
  /// GDB offers to look symbols up; it finds those that `has` says.
  void offer_symbols(const std::function<bool(RtosSymbol)>& has = [](RtosSymbol) { return true; }) {
    std::string answer = ask("qSymbol::");
    while (answer != "OK") {
      ASSERT_TRUE(answer.starts_with("qSymbol:")) << answer;
      const std::string name = answer.substr(8);
      std::string value;
      for (unsigned i = 0; i < kRtosSymbols; ++i) {
        const auto symbol = static_cast<RtosSymbol>(i);
        if (gdb::to_hex(name_of(symbol)) == name && has(symbol)) value = fmt_hex(kernel.address(symbol));
      }
      value.insert(0, "qSymbol:").append(":").append(name);
      answer = ask(value);
    }
  }
  static std::string fmt_hex(std::uint32_t value) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[value >> shift & 15];
    return text;
  }
  std::string info(const std::string& thread) {
    const auto bytes = gdb::from_hex(ask("qThreadExtraInfo," + thread));
    return bytes ? std::string(bytes->begin(), bytes->end()) : "error";
  }
  /// What a context switch has saved of a task, below its frame.
  void save_context(std::uint32_t block, std::vector<std::uint32_t> words) {
    const std::uint32_t top = kStacks + 0x200 * ((block - kHeap) / 0x200) + 0x100;
    target.poke(block, top);
    for (std::uint32_t i = 0; i < words.size(); ++i) target.poke(top + 4 * i, words[i]);
  }

  RtosTarget target;
  Kernel kernel;
  std::string line;
  GdbSession session{target, [this](std::string_view bytes) { line += bytes; }};
  std::uint32_t idle = 0, led = 0, sensor = 0, spare = 0, late = 0;
};

class InEachConfiguration : public GdbThreadsTest, public ::testing::WithParamInterface<Configuration> {
 protected:
  InEachConfiguration() : GdbThreadsTest(GetParam()) {}
};

TEST_P(InEachConfiguration, TasksAreThreadsWithNameAndState) {
  offer_symbols();
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5");
  EXPECT_EQ(ask("qsThreadInfo"), "l");
  EXPECT_EQ(ask("qC"), "QC1") << "the one that GDB has known as the core";
  EXPECT_EQ(info("1"), "led, priority 2, running, thread mode");
  EXPECT_EQ(info("2"), "IDLE, priority 0, ready");
  EXPECT_EQ(info("3"), "sensor, priority 3, blocked") << "for ever, on an event";
  EXPECT_EQ(info("4"), "spare, priority 4, suspended");
  EXPECT_EQ(info("5"), "late, priority 1, blocked");
  EXPECT_EQ(ask("T5"), "OK");
  EXPECT_EQ(ask("T6"), "E16");
  EXPECT_EQ(ask("Hg6"), "E16");
}

INSTANTIATE_TEST_SUITE_P(OfFreeRtos, InEachConfiguration,
                         ::testing::Values(Configuration{.name = "usual"},
                                           Configuration{.name = "full_end_items", .list_size = 28},
                                           Configuration{.name = "mpu_settings", .head = 4 + 22 * 4},
                                           Configuration{.name = "one_priority_more", .priorities = 56}),
                         [](const auto& configuration) { return configuration.param.name; });

TEST_F(GdbThreadsTest, WithoutSymbolsThereIsTheCore) {
  EXPECT_EQ(ask("qfThreadInfo"), "m1");
  offer_symbols([](RtosSymbol symbol) { return symbol != RtosSymbol::CurrentTask; });
  EXPECT_EQ(ask("qfThreadInfo"), "m1");
  offer_symbols([](RtosSymbol symbol) { return symbol != RtosSymbol::DelayedList2; });
  EXPECT_EQ(ask("qfThreadInfo"), "m1");
  EXPECT_EQ(target.reads, 0U) << "and nothing is read";
  EXPECT_EQ(info("1"), "thread mode");
}

TEST_F(GdbThreadsTest, SomeSymbolsAreNotInEveryConfiguration) {
  offer_symbols([](RtosSymbol symbol) { return symbol < RtosSymbol::SuspendedList; });
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3") << "those that are suspended are not seen";
}

TEST_F(GdbThreadsTest, BeforeTheSchedulerRunsThereIsTheCore) {
  target.poke(kernel.address(RtosSymbol::SchedulerRunning), 0);
  offer_symbols();
  EXPECT_EQ(ask("qfThreadInfo"), "m1");
  EXPECT_EQ(info("1"), "thread mode");
  target.poke(kernel.address(RtosSymbol::SchedulerRunning), 1);
  ask("c");
  EXPECT_THAT(halted(stop(HaltReason::Breakpoint)), HasSubstr("thread:1;"));
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5");
}

TEST_F(GdbThreadsTest, AStopSaysWhichTaskRuns) {
  offer_symbols();
  ask("qfThreadInfo");
  ask("c");
  kernel.run(spare);
  EXPECT_THAT(halted(stop(HaltReason::Breakpoint)), HasSubstr("thread:4;"));
  EXPECT_EQ(info("4"), "spare, priority 4, running, thread mode");
  EXPECT_EQ(info("1"), "led, priority 2, ready");
}

/// A stop brings its registers with it: PSPLIM tells the task, and a step reads nothing.
TEST_F(GdbThreadsTest, AStepAsksForNothing) {
  offer_symbols();
  ask("qfThreadInfo");
  for (unsigned i = 0; i < 3; ++i) {
    target.registers["psplim"] = kStacks + 0x200 * (i % 2 == 0 ? 2 : 0);
    ask("s");
    target.reads = 0;
    EXPECT_THAT(halted(stop(HaltReason::Step)), HasSubstr(i % 2 == 0 ? "thread:3;" : "thread:2;"));
    EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5");
    EXPECT_EQ(target.reads, 0U);
  }
}

TEST_F(GdbThreadsTest, WhileNoTaskComesOrGoesTheListsAreNotWalked) {
  offer_symbols();
  ask("qfThreadInfo");
  target.registers["psplim"] = kStacks;
  ask("c");
  target.reads = 0;
  halted(stop(HaltReason::Breakpoint));
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5");
  EXPECT_LE(target.reads, 4U) << "the counters";
  kernel.create("new", 1, kernel.ready(1));
  ask("c");
  halted(stop(HaltReason::Breakpoint));
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5,6");
  EXPECT_EQ(info("6"), "new, priority 1, ready");
}

const std::vector<std::uint32_t> kFrame = {0x100, 0x101,       0x102,       0x103,
                                           0x10C, 0x0800'0301, 0x0800'0200, 0x0100'0000};

TEST_F(GdbThreadsTest, RegistersOfATaskThatDoesNotRunAreThoseItHasSaved) {
  std::vector<std::uint32_t> words = {kStacks, 0xFFFF'FFBC, 4, 5,  6,
                                      7,       8,           9, 10, 11};  // PSPLIM, EXC_RETURN, r4 to r11
  words.insert(words.end(), kFrame.begin(), kFrame.end());
  save_context(idle, words);
  target.registers = {
      {"r4", 0xAAAA}, {"psplim", 0x1234}, {"msp", 0xCCCC}, {"psp_ns", 0xBBBB}, {"psp_s", 0xDDDD}};
  offer_symbols();
  ask("qfThreadInfo");
  ask("Hg2");
  EXPECT_EQ(ask("p0"), "00010000");
  EXPECT_EQ(ask("p4"), "04000000");
  EXPECT_EQ(ask("pb"), "0b000000");
  EXPECT_EQ(ask("pc"), "0c010000") << "r12";
  EXPECT_EQ(ask("pd"), "48210020") << "behind what was saved: 18 words above 0x20002100";
  EXPECT_EQ(ask("pe"), "01030008");
  EXPECT_EQ(ask("pf"), "00020008");
  EXPECT_EQ(ask("p10"), "00000001");
  EXPECT_EQ(ask("p11"), "00200020") << "its stack limit";
  EXPECT_EQ(ask("p13"), "cccc0000") << "msp is for all";
  EXPECT_EQ(ask("p14"), "48210020") << "psp_ns is its own";
  EXPECT_EQ(ask("p15"), "dddd0000") << "psp_s is not";
  EXPECT_EQ(ask("p16"), "xxxxxxxx") << "control is not known";
  EXPECT_EQ(ask("p12"), "xxxxxxxxxxxxxxxx") << "it had no floating-point state";
  EXPECT_THAT(ask("P4=00000000"), "E16");
  EXPECT_EQ(target.log, "");
  ask("Hg1");
  EXPECT_EQ(ask("p4"), "aaaa0000") << "the core's";
  ask("Hg2");
  ask("c");
  halted(stop(HaltReason::Breakpoint));
  EXPECT_EQ(ask("p4"), "aaaa0000") << "after a stop it is the core's again";
}

TEST_F(GdbThreadsTest, SavedFloatingPointStateAndThePortForCortexM4) {
  std::vector<std::uint32_t> words = {4, 5, 6, 7, 8, 9, 10, 11, 0xFFFF'FFED};  // r4 to r11, EXC_RETURN
  for (std::uint32_t i = 16; i < 32; ++i) words.push_back(0x5000 + i);         // s16 to s31
  words.insert(words.end(), kFrame.begin(), kFrame.end());
  words.back() |= 1u << 9;                                             // padded
  for (std::uint32_t i = 0; i < 18; ++i) words.push_back(0x5000 + i);  // s0 to s15, FPSCR, nothing
  save_context(idle, words);
  offer_symbols();
  ask("qfThreadInfo");
  ask("Hg2");
  EXPECT_EQ(ask("p7"), "07000000");
  EXPECT_EQ(ask("p12"), "1050000011500000") << "d8 is s16 and s17";
  EXPECT_EQ(ask("pd"), "d0210020") << "9 + 16 + 26 words and a padding one above 0x20002100";
}

/// PSPLIM and CONTROL, or a secure context and PSPLIM, in front of EXC_RETURN.
TEST_F(GdbThreadsTest, SavedRegistersOfPortsWithAWordMore) {
  std::vector<std::uint32_t> words = {kStacks, 3, 0xFFFF'FFBC, 4, 5, 6, 7, 8, 9, 10, 11};
  words.insert(words.end(), kFrame.begin(), kFrame.end());
  save_context(idle, words);
  offer_symbols();
  ask("qfThreadInfo");
  ask("Hg2");
  EXPECT_EQ(ask("p4"), "04000000");
  EXPECT_EQ(ask("pb"), "0b000000");
  EXPECT_EQ(ask("pf"), "00020008");
  EXPECT_EQ(ask("pd"), "4c210020") << "19 words above 0x20002100";
  EXPECT_EQ(ask("p11"), "xxxxxxxx") << "which word the limit is cannot be seen";
}

TEST_F(GdbThreadsTest, WithoutAContextThatIsKnownRegistersAreUnavailable) {
  save_context(idle, std::vector<std::uint32_t>(30, 0xA5A5'A5A5));
  offer_symbols();
  ask("qfThreadInfo");
  ask("Hg2");
  EXPECT_EQ(ask("p4"), "xxxxxxxx");
  EXPECT_EQ(ask("pf"), "xxxxxxxx");
}

TEST_F(GdbThreadsTest, ATaskOnItsWayBetweenListsIsStillThere) {
  target.poke(kernel.ready(2), 0);  // led, which runs, has left the ready list
  target.poke(kernel.ready(2) + 12, kernel.ready(2) + 8);
  target.poke(kernel.ready(2) + 16, kernel.ready(2) + 8);
  offer_symbols();
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5");
}

TEST_F(GdbThreadsTest, APendingTaskIsReady) {
  target.poke(kernel.event_list(), 0);
  kernel.insert(kernel.address(RtosSymbol::PendingReadyList), kernel.event_item(sensor), sensor);
  offer_symbols();
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2,3,4,5");
  EXPECT_EQ(info("3"), "sensor, priority 3, ready");
}

/// Whatever stands in any word of the kernel's lists and tasks: either all is told, or there is the core
/// alone. Each walk is bounded.
TEST_F(GdbThreadsTest, DamagedMemoryIsNeverShownAsTasks) {
  const auto intact = target.ram;
  const auto names = [&] {
    std::vector<std::string> all;
    RtosSymbols symbols;
    for (unsigned i = 0; i < kRtosSymbols; ++i)
      symbols.set(static_cast<RtosSymbol>(i), kernel.address(static_cast<RtosSymbol>(i)));
    const auto census = read_census(target, symbols);
    const auto tasks = census ? read_tasks(target, symbols, *census) : std::nullopt;
    if (tasks) {
      for (const RtosTask& task : *tasks) all.push_back(task.name);
    }
    return all;
  };
  const auto whole = names();
  ASSERT_THAT(whole, ElementsAre("IDLE", "led", "sensor", "spare", "late"));
  std::vector<std::uint32_t> places;
  for (std::uint32_t at = kRam + 0x100; at < kernel.end(); at += 4) places.push_back(at);
  for (const std::uint32_t block : {idle, led, sensor, spare, late}) {
    for (std::uint32_t at = 0; at < 52; at += 4) places.push_back(block + at);
  }
  unsigned refused = 0;
  for (const std::uint32_t at : places) {
    for (const std::uint32_t value :
         {0u, 1u, 0xFFFF'FFFFu, at, kernel.ready(0) + 8, led, kernel.state_item(led), 0x2000'0000u}) {
      target.ram = intact;
      target.poke(at, value);
      target.reads = 0;
      const auto found = names();
      EXPECT_LT(target.reads, 2000U);
      refused += found.empty() ? 1 : 0;
      for (const std::string& name : found)
        EXPECT_NE(std::find(whole.begin(), whole.end(), name), whole.end()) << name;
      EXPECT_LE(found.size(), whole.size());
    }
  }
  EXPECT_GT(refused, places.size()) << "most of it is noticed";
}

TEST_F(GdbThreadsTest, StepsAreOfTheCoreWhicheverTaskGdbMeans) {
  offer_symbols();
  ask("qfThreadInfo");
  ask("vCont;s:3;c");
  EXPECT_EQ(target.log, "step;");
  halted(stop(HaltReason::Step));
  ask("vCont;s:9;c:1");
  EXPECT_EQ(target.log, "step;go on;") << "there is no thread 9";
}

}  // namespace
}  // namespace microvisor::board
