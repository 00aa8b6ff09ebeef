// The whole device under GDB and under the trace: boot chain, kernel and application as they would be
// flashed, with the symbols of each. The application is tests/kernel/guests/calls.c.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "abi/gates.hpp"
#include "board/debug/gdb_server.hpp"
#include "board/debug/trace_writer.hpp"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

using nlohmann::json;
using ::testing::ContainsRegex;

constexpr std::uint64_t kPlenty = 4'000'000'000;

/// Runs GDB against the machine, which waits at its first instruction, until GDB ends; what it printed.
std::string under_gdb(KernelMachine& machine, const std::vector<std::string>& commands) {
  auto server = board::GdbServer::listen("127.0.0.1:0", machine.board());
  if (!server) return server.error();
  machine.board().halt(board::HaltReason::Reset);
  std::string command = std::string(MICROVISOR_GDB) +
                        " -nx -batch -ex 'set confirm off' -ex 'set style enabled off' -ex 'target remote " +
                        (*server)->address() + "'";
  for (const std::string& line : commands) command += " -ex '" + line + "'";
  std::string output;
  std::thread gdb([&] {
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> buffer{};
    while (pipe != nullptr && fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
    if (pipe != nullptr) pclose(pipe);
    machine.board().stop();
  });
  machine.board().run({.instructions = kPlenty});
  server->reset();  // a GDB that still waits for something hears that it will not come
  gdb.join();
  return output;
}

std::string symbols(const char* file) { return std::string("symbol-file ") + file; }

TEST(GdbOnDevice, FromTheBootromToTheApplication) {
  KernelMachine machine("calls");
  const std::string output = under_gdb(
      machine, {symbols(MICROVISOR_BOOTROM_ELF), "break microvisor::firmware::stage_main", "continue",
                "backtrace", "delete", symbols(MICROVISOR_KERNEL_ELF), "break kernel_main", "continue",
                "print $secure", "delete", symbols(MICROVISOR_CALLS_ELF), "break main", "continue",
                "print $secure", "print/x $msp_s != $msp_ns", "next", "next", "print before", "delete"});
  EXPECT_THAT(output, ContainsRegex("Breakpoint 1, microvisor::firmware::stage_main .*bootrom.cpp"));
  EXPECT_THAT(output, ContainsRegex("Breakpoint 2, .*kernel_main"));
  EXPECT_THAT(output, ContainsRegex("\\$1 = 1"));
  EXPECT_THAT(output, ContainsRegex("Breakpoint 3, main .*calls.c"));
  EXPECT_THAT(output, ContainsRegex("\\$2 = 0"));
  EXPECT_THAT(output, ContainsRegex("\\$3 = 0x1"));
}

TEST(GdbOnDevice, SystemCallByItsName) {
  KernelMachine machine("calls");
  const std::string output = under_gdb(
      machine, {symbols(MICROVISOR_CALLS_ELF), "break *(int)&mvGetDeviceId", "continue", "print $secure",
                "print $r1", "info symbol $lr", "delete", symbols(MICROVISOR_KERNEL_ELF),
                "break secure_fault_handler", "continue", "print $secure", "print/x $lr & 0x41",
                "backtrace 2", "delete", symbols(MICROVISOR_CALLS_ELF), "finish"});
  EXPECT_THAT(output, ContainsRegex("Breakpoint 1, 0x0c1fe028"));
  EXPECT_THAT(output, ContainsRegex("\\$1 = 0"));
  EXPECT_THAT(output, ContainsRegex("\\$2 = 34"));
  EXPECT_THAT(output, ContainsRegex("main \\+ "));
  EXPECT_THAT(output, ContainsRegex("secure_fault_handler"));
  EXPECT_THAT(output, ContainsRegex("\\$3 = 1"));
  // EXC_RETURN of a Non-secure caller: S = 0, ES = 1 (DDI0553 D1.2.63).
  EXPECT_THAT(output, ContainsRegex("\\$4 = 0x1\n"));
}

class TraceFile {
 public:
  TraceFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trace-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~TraceFile() { std::filesystem::remove_all(directory_); }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  [[nodiscard]] std::filesystem::path path() const { return directory_ / "trace.json"; }
  [[nodiscard]] json read() const {
    std::ifstream file(path());
    return json::parse(file);
  }

 private:
  std::filesystem::path directory_;
};

board::Symbols gate_names() {
  board::Symbols names;
  for (const auto& gate : abi::kGates) names.emplace(gate.address, board::Symbol{.name = gate.name});
  return names;
}

/// The trace of a run until the guest has printed `line`, and what the board says of time and instructions.
struct Traced {
  json events;
  double milliseconds = 0;
  std::uint64_t instructions = 0;
};

Traced trace_until(const std::string& line, board::Symbols names = gate_names()) {
  KernelMachine machine("calls");
  const TraceFile file;
  {
    board::TraceWriter writer(file.path(), machine.board().core(), std::move(names));
    EXPECT_TRUE(machine.run_until_line(line, 2000));
    writer.close();
    EXPECT_EQ(writer.error(), 0);
  }
  const board::BoardStatistics statistics = machine.board().statistics();
  return {file.read(), statistics.virtual_seconds * 1000, statistics.instructions};
}

TEST(Trace, ParsesAndItsSlicesNest) {
  const Traced traced = trace_until("log init");
  std::vector<std::string> open;
  double last = 0;
  std::size_t entries = 0;
  for (const json& event : traced.events) {
    const std::string kind = event.at("ph");
    if (kind == "M") continue;
    const double time = event.at("ts");
    if (kind == "B") {
      open.push_back(event.at("name"));
      ++entries;
    }
    if (kind == "E") {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), event.at("name"));
      open.pop_back();
    }
    if (kind == "B" || kind == "E") {
      EXPECT_GE(time, last);
      last = time;
    }
    EXPECT_LE(time, traced.milliseconds * 1000 + 1);
  }
  EXPECT_TRUE(open.empty());
  EXPECT_GT(entries, 10u);
}

TEST(Trace, WorldsFollowEachOtherWithoutOverlap) {
  const Traced traced = trace_until("log init");
  double end = 0;
  std::map<int, unsigned> runs;
  for (const json& event : traced.events) {
    if (event.at("ph") != "X") continue;
    EXPECT_GE(event.at("ts").get<double>(), end - 1e-4);
    end = event.at("ts").get<double>() + event.at("dur").get<double>();
    ++runs[event.at("tid")];
  }
  EXPECT_GT(runs[1], 10u);
  EXPECT_GT(runs[2], 10u);
}

TEST(Trace, CallsAppearByNameInTheirOrderAndTakeAsLongAsTheyTake) {
  const Traced traced = trace_until("log init");
  std::vector<std::string> names;
  std::map<int, double> begun;
  for (const json& event : traced.events) {
    if (!event.contains("cat") || event.at("cat") != "call") continue;
    if (event.at("ph") == "b") {
      names.push_back(event.at("name"));
      begun[event.at("id")] = event.at("ts");
    } else {
      const double took = event.at("ts").get<double>() - begun.at(event.at("id"));
      // A call ends; its path from the gate to its return is 60 instructions of 6.25 ns at least
      // (docs/kernel-figures.md), and none holds off for a millisecond.
      EXPECT_GT(took, 0.3) << event;
      EXPECT_LT(took, 1000) << event;
      begun.erase(event.at("id"));
    }
  }
  EXPECT_TRUE(begun.empty());
  // As main() of calls.c has them; console_start() pokes RCC first.
  const std::vector<std::string> expected{"mvGetHClk", "mvGetDeviceId", "mvGetWakeReason",
                                          "mvGetNetworkStatus", "mvRequestNetwork"};
  const auto found = std::search(names.begin(), names.end(), expected.begin(), expected.end());
  EXPECT_NE(found, names.end()) << json(names);
}

TEST(Trace, EndsInOrderWhereItReachesItsLimit) {
  KernelMachine machine("calls");
  const TraceFile file;
  board::TraceWriter writer(file.path(), machine.board().core(), gate_names(), 4'000);
  EXPECT_TRUE(machine.run_until_line("log init", 2000));
  writer.close();
  ASSERT_TRUE(writer.full_since());
  EXPECT_LT(std::filesystem::file_size(file.path()), 5'000U);
  int open = 0;
  for (const json& event : file.read()) {
    if (event.at("ph") == "B") ++open;
    if (event.at("ph") == "E") --open;
  }
  EXPECT_EQ(open, 0);
}

TEST(Trace, DoesNotChangeWhatHappens) {
  KernelMachine plain("calls");
  ASSERT_TRUE(plain.run_until_line("log init", 2000));
  EXPECT_EQ(trace_until("log init").instructions, plain.board().statistics().instructions);
}

}  // namespace
}  // namespace microvisor::tests
