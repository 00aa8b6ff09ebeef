// Prints docs/reserved.md from the board table: `reserved_doc`; with --json the same for scripts and
// generated tests.
#include <cstdio>
#include <string_view>

#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/register_names.hpp"
#include "firmware/kernel/resident/peripheral_access.hpp"

namespace {

using namespace microvisor::firmware::kernel;

const char* outcome(const ReservedPeripheral& p) {
  return p.on_touch == OnTouch::EndsApplication ? "ends the application" : "is ignored";
}

const char* guard(const ReservedPeripheral& p) {
  switch (p.guard) {
    case Guard::Tzsc: return "whole block";
    case Guard::OwnBits: return "parts";
    case Guard::SauHole: return "whole block (no address)";
  }
  return "";
}

const char* name_of(std::uint32_t address) {
  for (const RegisterName& entry : kRegisterNames) {
    if (entry.address == address) return entry.name;
  }
  return "?";
}

void print_permissions() {
  std::puts("\n## Registers reached by mvPeriphPeek32 and mvPeriphPoke32\n");
  std::puts(
      "From `firmware/kernel/resident/peripheral_access.cpp`. Bits that cannot be changed keep their value; "
      "a register");
  std::puts("that is not here is `MV_STATUS_PERIPHERALACCESSFAULT`.\n");
  std::puts("| register | address | RM0456 | can be read | can be changed |\n|---|---|---|---|---|");
  for (const RegisterRule& rule : register_rules()) {
    std::printf("| %s | 0x%08X | %s | %s |", name_of(rule.address), rule.address, section_of(rule.address),
                rule.readable != 0 ? "yes" : "no");
    rule.writable != 0 ? std::printf(" 0x%08X |\n", rule.writable) : std::printf(" - |\n");
  }
}

void print_markdown() {
  std::puts("# What is reserved for Microvisor\n");
  std::puts("Generated from `firmware/kernel/board_table.hpp`; everything else is the application's.\n");
  std::puts("## Peripherals\n\n| block | address | reserved | a write | what for |\n|---|---|---|---|---|");
  for (const auto& p : kReservedPeripherals) {
    std::printf("| %s | 0x%08X | %s | %s | %s |\n", p.name, p.address, guard(p), outcome(p), p.purpose);
  }
  std::puts("\n## Pins\n\n| pin | what for |\n|---|---|");
  for (const auto& p : kReservedPins) std::printf("| P%c%d | %s |\n", p.port, p.pin, p.purpose);
  std::puts("\n## Interrupt lines\n\n| line | name |\n|---|---|");
  for (const auto& l : kReservedLines) std::printf("| %d | %s |\n", l.line, l.name);
  std::puts("\n## Memory\n\n| memory | address | bytes | what for |\n|---|---|---|---|");
  for (const auto& m : kReservedMemories) {
    std::printf("| %s | 0x%08X | %u | %s |\n", m.name, m.address, m.size, m.purpose);
  }
  print_permissions();
}

void print_json() {
  std::puts("{\"peripherals\": [");
  const char* comma = "";
  for (const auto& p : kReservedPeripherals) {
    std::printf(
        "%s{\"name\": \"%s\", \"address\": %u, \"size\": %u, \"whole\": %s, \"hole\": %s, \"ends\": %s}\n",
        comma, p.name, p.address, p.size, p.guard == Guard::OwnBits ? "false" : "true",
        p.guard == Guard::SauHole ? "true" : "false",
        p.on_touch == OnTouch::EndsApplication ? "true" : "false");
    comma = ",";
  }
  std::puts("], \"memories\": [");
  comma = "";
  for (const auto& m : kReservedMemories) {
    std::printf("%s{\"name\": \"%s\", \"address\": %u, \"size\": %u}\n", comma, m.name, m.address, m.size);
    comma = ",";
  }
  std::puts("], \"pins\": [");
  comma = "";
  for (const auto& p : kReservedPins) {
    std::printf("%s{\"port\": \"%c\", \"pin\": %d}\n", comma, p.port, p.pin);
    comma = ",";
  }
  std::puts("], \"lines\": [");
  comma = "";
  for (const auto& l : kReservedLines) {
    std::printf("%s%d\n", comma, l.line);
    comma = ",";
  }
  std::puts("]}");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--json") {
    print_json();
  } else {
    print_markdown();
  }
}
