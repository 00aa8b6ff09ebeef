// See application_registers.hpp.
#include "cli/debug/application_registers.hpp"

#include <fmt/core.h>

#include "cli/debug/memory_cache.hpp"

namespace microvisor::cli::debug {

namespace {

using protocol::debug::Register;

constexpr std::string_view kProfile = "org.gnu.gdb.arm.m-profile";
constexpr std::string_view kSystem = "org.gnu.gdb.arm.m-system";
constexpr std::string_view kFloat = "org.gnu.gdb.arm.vfp";

struct Special {
  std::string_view name;
  Register which;
  unsigned bits;
  std::string_view type;
};
constexpr Special kSpecials[] = {
    {"msp", Register::Msp, 32, "data_ptr"},         {"psp", Register::Psp, 32, "data_ptr"},
    {"msplim", Register::Msplim, 32, "data_ptr"},   {"psplim", Register::Psplim, 32, "data_ptr"},
    {"primask", Register::Primask, 8, "uint8"},     {"basepri", Register::Basepri, 8, "uint8"},
    {"faultmask", Register::Faultmask, 8, "uint8"}, {"control", Register::Control, 8, "uint8"},
};

std::vector<GdbRegister> make_registers() {
  std::vector<GdbRegister> all;
  for (std::uint8_t i = 0; i < 13; ++i) all.push_back({fmt::format("r{}", i), 32, "uint32", kProfile, i});
  const auto add = [&](std::string name, unsigned bits, std::string_view type, std::string_view feature,
                       Register which) {
    all.push_back({std::move(name), bits, type, feature, static_cast<std::uint8_t>(which)});
  };
  add("sp", 32, "data_ptr", kProfile, Register::Sp);
  add("lr", 32, "uint32", kProfile, Register::Lr);
  add("pc", 32, "code_ptr", kProfile, Register::Pc);
  add("xpsr", 32, "uint32", kProfile, Register::Xpsr);
  for (const Special& special : kSpecials)
    add(std::string(special.name), special.bits, special.type, kSystem, special.which);
  for (unsigned i = 0; i < 16; ++i) {
    add(fmt::format("d{}", i), 64, "ieee_double", kFloat,
        static_cast<Register>(static_cast<unsigned>(Register::S0) + 2 * i));
  }
  add("fpscr", 32, "uint32", kFloat, Register::Fpscr);
  return all;
}

std::string make_description() {
  std::string text =
      "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
      "<architecture>arm</architecture>\n";
  std::string_view open;
  for (const GdbRegister& reg : gdb_registers()) {
    if (reg.feature != open) {
      text += fmt::format("{}<feature name=\"{}\">\n", open.empty() ? "" : "</feature>\n", reg.feature);
      open = reg.feature;
    }
    text += fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\"/>\n", reg.name, reg.bits, reg.type);
  }
  return text + "</feature>\n</target>\n";
}

std::string make_memory_map() {
  std::string text =
      "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
      "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n";
  for (const MemoryRange& range : application_memory()) {
    text += fmt::format("<memory type=\"{}\" start=\"0x{:08x}\" length=\"0x{:x}\"/>\n",
                        range.kind == MemoryRange::Kind::Flash ? "rom" : "ram", range.first, range.size);
  }
  return text + "</memory-map>\n";
}

}  // namespace

std::span<const GdbRegister> gdb_registers() {
  static const std::vector<GdbRegister> registers = make_registers();
  return registers;
}

const std::string& application_description() {
  static const std::string text = make_description();
  return text;
}

const std::string& application_memory_map() {
  static const std::string text = make_memory_map();
  return text;
}

std::vector<std::uint8_t> register_bytes(const protocol::debug::Registers& registers, unsigned number) {
  const GdbRegister& reg = gdb_registers()[number];
  std::vector<std::uint8_t> bytes;
  for (unsigned shift = 0; shift < reg.bits; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(registers[reg.first + shift / 32] >> shift % 32));
  }
  return bytes;
}

}  // namespace microvisor::cli::debug
