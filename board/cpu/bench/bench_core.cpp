// Speed of the core on a mix of integer code: `bench_core [MIX.bin]` prints instructions a second.
//
// The guest is bench/mix.c as a raw image for 0x1000_0000. It sets up its own data, so the memories begin
// empty.
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>

#include "board/cpu/core.hpp"
#include "board/cpu/test_bus.hpp"

int main(int argc, char** argv) {
  using namespace microvisor::board;
  const char* path = argc > 1 ? argv[1] : MICROVISOR_BENCH_MIX;
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> image{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (image.empty()) {
    std::cerr << "bench_core: cannot read " << path << "\n";
    return 1;
  }
  constexpr std::uint32_t kCode = 0x1000'0000, kData = 0x3800'0000;
  TestBus bus;
  Scheduler scheduler;
  auto& code = bus.add(kCode, 1 << 20);
  std::copy(image.begin(), image.end(), code.bytes.begin());
  bus.add(kData, 1 << 20);
  Core core(bus, scheduler);
  core.semihosting = true;
  core.reset(kCode);
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  Stop stop = Stop::Budget;
  while (stop == Stop::Budget) {
    scheduler.arm_budget(100'000);
    stop = core.execute();
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  // Processor time is what counts on a machine that does other things as well.
  const double cpu = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  const auto retired = static_cast<double>(core.retired);
  std::cout << core.retired << " instructions, " << retired / wall.count() / 1e6
            << " million/s of wall time, " << retired / cpu / 1e6 << " million/s of processor time, checksum "
            << std::hex << core.state.r[2] << "\n";
  return stop == Stop::Semihosting ? 0 : 1;
}
