// The whole hostile suite. Each failure prints the id of its case and the command that replays it.
//
//   hostile_torture [--only ID-PREFIX] [--for SECONDS]
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "tests/kernel/hostile_rule.hpp"

int main(int argc, char** argv) {
  using namespace microvisor::tests;
  std::string only;
  double seconds = 1e9;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--only") only = argv[i + 1];
    if (std::string_view(argv[i]) == "--for") seconds = std::stod(argv[i + 1]);
  }
  const auto started = std::chrono::steady_clock::now();
  unsigned cases = 0;
  unsigned failed = 0;
  for (const HostileCase& one : all_hostile_cases()) {
    if (!std::string_view(one.id).starts_with(only)) continue;
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() > seconds) break;
    ++cases;
    std::string complaint;
    try {
      complaint = one.run();
    } catch (const std::exception& error) {
      complaint = error.what();
    }
    if (complaint.empty()) continue;
    ++failed;
    std::printf("FAILED %s: %s\n  replay: %s --only '%s'\n", one.id.c_str(), complaint.c_str(), argv[0],
                one.id.c_str());
    std::fflush(stdout);
  }
  std::printf("torture: %u cases, %u failed\n", cases, failed);
  return failed == 0 ? 0 : 1;
}
