// Back-traces of programs that have really run: a board executes guests/chain.c up to `stop_here`, and what
// it then has in registers and memory is the report. Which functions and lines must come is known from the
// source, where the lines are marked.
#include "cli/crash/back_trace.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "board/board.hpp"
#include "board/cpu/psr.hpp"
#include "board/debug/board_target.hpp"
#include "cli/crash/program.hpp"
#include "cli/crash/trace_view.hpp"

/// Under a sanitizer: libdw 0.188 loses memory of its own where a file is damaged.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libdw"; }

namespace microvisor::cli {
namespace {

using microvisor::crash::CrashReport;

constexpr unsigned kException = 16 + 60;

/// Lines of the source by the mark at their end.
std::map<std::string, unsigned> marked_lines() {
  std::ifstream source(std::string(MICROVISOR_CRASH_SOURCES) + "/chain.c");
  std::map<std::string, unsigned> lines;
  unsigned number = 0;
  for (std::string line; std::getline(source, line);) {
    ++number;
    const auto begin = line.find("; /* ");
    if (begin != std::string::npos && line.ends_with(" */"))
      lines[line.substr(begin + 5, line.size() - begin - 8)] = number;
  }
  return lines;
}

class BackTraceOf : public ::testing::Test {
 protected:
  /// Runs the program until it is at `stop_here` for the `count`th time, and makes a report with so many
  /// bytes of stack of it.
  CrashReport report_of(const std::string& name, std::uint32_t stack_bytes = 4096, unsigned count = 2) {
    program = read_program(std::string(MICROVISOR_CRASH_GUESTS) + "/" + name + ".elf");
    auto created =
        board::Board::create(std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1))),
                             board::BoardOptions{});
    EXPECT_TRUE(created) << created.error().message;
    auto& board = **created;
    const auto booted = board.boot_image(program.image);
    EXPECT_TRUE(booted) << booted.error().message;
    board::BoardTarget target(board);
    target.set_breakpoint(address_of("stop_here"));
    board.on_halt([&](board::HaltReason) { board.stop(); });
    for (unsigned i = 0; i < count; ++i) {
      if (i != 0) board.go_on(false);
      EXPECT_EQ(board.run({.until = board::kNever, .instructions = 100'000}), board::RunEnd::Stopped);
    }
    return report_from(board, target, stack_bytes);
  }

  std::uint32_t address_of(const std::string& name) const {
    for (const auto& [address, symbol] : program.symbols) {
      if (symbol.name == name) return address;
    }
    ADD_FAILURE() << "no symbol " << name;
    return 0;
  }

  static CrashReport report_from(board::Board& board, board::BoardTarget& target, std::uint32_t stack_bytes) {
    const auto& state = board.core().state;
    CrashReport report;
    auto& registers = *report.mutable_registers();
    registers.set_frame_known(true);
    registers.set_callee_known(true);
    for (unsigned i = 0; i < 13; ++i) registers.add_r(state.r[i]);
    registers.set_sp(state.r[13]);
    registers.set_lr(state.r[14]);
    registers.set_pc(state.r[15]);
    registers.set_xpsr(board::read_xpsr(state));
    registers.set_psp(state.stack[board::kSecure][board::kProcess]);
    const auto stack = target.read_memory(state.r[13], stack_bytes);
    report.set_stack_address(state.r[13]);
    report.set_stack(stack.data(), stack.size());
    return report;
  }

  BackTrace trace(const CrashReport& report) const {
    return trace_back(report, KnownMemory(report, program.image), program.debug);
  }

  /// "function:mark" of each place, with "inlined " and "exception N: " in front where it is so.
  static std::vector<std::string> chain(const BackTrace& trace) {
    const auto lines = marked_lines();
    std::vector<std::string> all;
    for (const Frame& frame : trace.frames) {
      if (frame.exception != 0) all.push_back("exception " + std::to_string(frame.exception));
      for (const SourcePlace& place : frame.places) {
        std::string mark = "?";
        for (const auto& [name, line] : lines) {
          if (line == place.line && place.file.ends_with("chain.c")) mark = name;
        }
        all.push_back(place.function + ":" + mark);
      }
    }
    return all;
  }

  Program program;
};

const std::vector<std::string> kWhole = {
    "innermost:innermost", "add_twice:add_twice", "handle:handle",   "interrupt:interrupt", "any_line:?",
    "exception 76",        "work:work",           "work:work calls", "work:work calls",     "run:run"};

class WholeBackTraceOf : public BackTraceOf, public ::testing::WithParamInterface<const char*> {};

TEST_P(WholeBackTraceOf, NamesFunctionsAndLinesThroughInliningAndAnException) {
  static_assert(kException == 76);
  const BackTrace found = trace(report_of(GetParam()));
  EXPECT_EQ(chain(found), kWhole) << format_trace(found, program.symbols);
  EXPECT_TRUE(found.complete) << found.end;
}

INSTANTIATE_TEST_SUITE_P(CompiledAs, WholeBackTraceOf,
                         ::testing::Values("chain_og", "chain_o2", "chain_float"));

TEST_F(BackTraceOf, TellsWhichFunctionsAreInlined) {
  const BackTrace found = trace(report_of("chain_o2"));
  std::vector<std::string> inlined;
  for (const Frame& frame : found.frames) {
    for (const SourcePlace& place : frame.places) {
      if (place.inlined) inlined.push_back(place.function);
    }
  }
  ASSERT_FALSE(inlined.empty());
  EXPECT_EQ(inlined.front(), "add_twice") << "always_inline";
}

/// However little of the stack there is: what is there is shown, and the end is told. Never another chain.
TEST_F(BackTraceOf, EndsWhereTheSavedStackEnds) {
  const CrashReport whole = report_of("chain_og");
  const auto all = chain(trace(whole));
  ASSERT_EQ(all, kWhole);
  std::size_t longest = 0;
  for (std::uint32_t size = 4; size < whole.stack().size(); size += 4) {
    CrashReport cut = whole;
    cut.set_stack(whole.stack().substr(0, size));
    const BackTrace found = trace(cut);
    const auto some = chain(found);
    ASSERT_LE(some.size(), all.size());
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << size;
    EXPECT_GE(some.size(), longest) << size;
    longest = some.size();
    if (found.complete) continue;
    EXPECT_TRUE(found.end.starts_with("the report's copy of the stack ends here")) << found.end;
  }
  EXPECT_EQ(longest, all.size());
}

TEST_F(BackTraceOf, ADamagedStackEndsItAndNamesNothingThatIsNot) {
  CrashReport report = report_of("chain_og");
  std::string stack(report.stack().size(), '\0');
  for (const char byte : {'\0', '\xFF', '\x55'}) {
    report.set_stack(std::string(stack.size(), byte));
    const BackTrace found = trace(report);
    EXPECT_LE(found.frames.size(), 3U) << format_trace(found, program.symbols);
    EXPECT_FALSE(found.end.empty());
  }
}

TEST_F(BackTraceOf, WithoutDebugInformationThereIsPcAndLr) {
  const BackTrace found = trace(report_of("chain_bare"));
  ASSERT_EQ(found.frames.size(), 2U);
  EXPECT_TRUE(found.frames[1].by_link_register);
  EXPECT_NE(found.end.find(".debug_frame"), std::string::npos) << found.end;
  EXPECT_FALSE(found.complete);
}

TEST_F(BackTraceOf, WithoutAFrameThereIsNone) {
  CrashReport report = report_of("chain_og");
  report.mutable_registers()->set_frame_known(false);
  const BackTrace found = trace(report);
  EXPECT_TRUE(found.frames.empty());
  EXPECT_EQ(found.end, "the registers at the fault are not in the report");
}

/// A call through a null pointer: PC is nowhere, LR says who called.
TEST_F(BackTraceOf, ACallToNowhereIsTakenBackToItsCaller) {
  CrashReport report = report_of("chain_og");
  report.mutable_registers()->set_pc(0);
  const BackTrace found = trace(report);
  ASSERT_GE(found.frames.size(), 2U);
  EXPECT_TRUE(found.frames[0].places.empty());
  EXPECT_TRUE(found.frames[1].by_link_register);
  ASSERT_FALSE(found.frames[1].places.empty());
  EXPECT_EQ(found.frames[1].places[0].function, "add_twice");
  EXPECT_TRUE(found.complete) << found.end;
}

/// EXC_RETURN of a Non-secure handler with a frame on a Secure stack (B3.22: ES 0, S 1).
TEST_F(BackTraceOf, WhatMicrovisorDidIsNotShown) {
  CrashReport report = report_of("chain_og");
  std::string stack = report.stack();
  for (std::size_t at = 0; at + 4 <= stack.size(); at += 4) {
    if (stack.substr(at, 4) == "\xFD\xFF\xFF\xFF") stack.replace(at, 4, "\xF0\xFF\xFF\xFF");
  }
  report.set_stack(stack);
  const BackTrace found = trace(report);
  EXPECT_EQ(found.end, "the exception had interrupted Microvisor");
  EXPECT_EQ(chain(found).back(), "any_line:?");
}

TEST(DebugInformation, OfAFileThatIsNoneIsAnError) {
  EXPECT_FALSE(DebugInformation::parse({1, 2, 3}).has_value());
  EXPECT_FALSE(DebugInformation::parse({}).has_value());
  EXPECT_TRUE(DebugInformation().places_of(0x0800'0000).empty());
}

/// Of a file that is cut or has wrong bytes less is known; nothing else comes of it.
TEST(DebugInformation, StaysWithinADamagedFile) {
  const auto file = board::read_image_file(std::string(MICROVISOR_CRASH_GUESTS) + "/chain_o2.elf");
  ASSERT_TRUE(file);
  std::uint32_t random = 1;
  for (int round = 0; round < 300; ++round) {
    auto bytes = *file;
    if (round % 3 == 0) bytes.resize(bytes.size() * static_cast<std::size_t>(round) / 300);
    for (int i = 0; i < 40 && !bytes.empty(); ++i) {
      random = random * 1664525 + 1013904223;
      bytes[(random >> 8) % bytes.size()] = static_cast<std::uint8_t>(random);
    }
    const auto damaged = DebugInformation::parse(std::move(bytes));
    if (!damaged) continue;
    KnownRegisters registers{};
    registers.fill(0x3000'0000);
    for (std::uint32_t address = 0x0C00'0200; address < 0x0C00'0400; address += 30) {
      EXPECT_LT(damaged->places_of(address).size(), 100U);
      static_cast<void>(
          damaged->caller_of(address, registers, true, [](auto at) { return std::optional(at); }));
    }
  }
}

}  // namespace
}  // namespace microvisor::cli
