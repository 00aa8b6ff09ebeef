// A thousand cuts of the link, a hundred of each device (script/torture).
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/network/link_cuts.hpp"

namespace {

constexpr unsigned kOfEachDevice = 100;

/// Stops at a device's first failure. How many cuts there were.
unsigned cut(std::uint32_t seed, unsigned count, unsigned& failed) {
  microvisor::test::LinkCuts cuts(MICROVISOR_CUTS, seed);
  std::string wrong;
  unsigned done = 0;
  while (done < count && wrong.empty()) {
    wrong = cuts.cut();
    ++done;
  }
  if (wrong.empty()) wrong = cuts.finish();
  std::printf("seed %u: %s\n", seed, cuts.done().c_str());
  if (!wrong.empty()) {
    ++failed;
    std::printf(
        "FAILED link-cuts %u:%u: %s\n  again: build/tests/network/link_cuts_torture --seed %u --cuts %u\n",
        seed, done, wrong.c_str(), seed, done);
  }
  std::fflush(stdout);
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint32_t seed = 1;
  unsigned cuts = 1000;
  for (int at = 1; at + 1 < argc; at += 2) {
    const auto value = static_cast<std::uint32_t>(std::strtoul(argv[at + 1], nullptr, 10));
    if (std::strcmp(argv[at], "--seed") == 0) seed = value;
    if (std::strcmp(argv[at], "--cuts") == 0) cuts = value;
  }
  unsigned cases = 0, failed = 0;
  for (; cases < cuts && failed == 0; ++seed)
    cases += cut(seed, std::min(cuts - cases, kOfEachDevice), failed);
  std::printf("torture: %u cases, %u failed\n", cases, failed);
  return failed == 0 ? 0 : 1;
}
