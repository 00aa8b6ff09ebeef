// An RTOS of the application's whose tasks all call, with the worker kept busy, for long: an hour of the
// board's time unless told otherwise. The guest (guests/tasks.c) checks registers, stacks, a queue and
// results itself.
//
//   rtos_torture [--board-seconds N]
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/kernel/kernel_machine.hpp"

int main(int argc, char** argv) {
  using namespace microvisor;
  unsigned seconds = 3600;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--board-seconds")
      seconds = static_cast<unsigned>(std::stoul(argv[i + 1]));
  }
  tests::KernelMachine machine("tasks", {0, 1000 * seconds, 0});
  board::SerialPort& modem = *machine.board().serial(0x4600'2400);
  // About 10,000 bytes a second. A tick may be lost to a slice now and then, so the guest takes a little
  // longer.
  for (std::uint64_t i = 0; i < 15'000ull * seconds && machine.count("tasks done") == 0; ++i) {
    machine.board().run({.until = machine.board().scheduler().now() + 100 * board::kTicksPerMicrosecond});
    if (modem.chip_ready()) modem.byte_to_chip(static_cast<std::uint8_t>(i));
  }
  const bool good = machine.count("tasks done") == 1 && machine.value_of("errors") == 0 &&
                    machine.count("start") <= 1 && machine.board().resets() == 0 &&
                    machine.value_of("timer") >= 4'900u * seconds;
  for (const std::string& line : machine.lines()) std::printf("%s\n", line.c_str());
  if (!good) std::printf("FAILED rtos\n  replay: %s --board-seconds %u\n", argv[0], seconds);
  std::printf("torture: 1 cases, %d failed\n", good ? 0 : 1);
  return good ? 0 : 1;
}
