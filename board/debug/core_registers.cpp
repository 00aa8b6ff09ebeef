#include "board/debug/core_registers.hpp"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "board/cpu/psr.hpp"
#include "board/cpu/system.hpp"

namespace microvisor::board {
namespace {

constexpr std::string_view kProfile = "org.gnu.gdb.arm.m-profile";
constexpr std::string_view kSystem = "org.gnu.gdb.arm.m-system";
constexpr std::string_view kSecurity = "org.gnu.gdb.arm.secext";
constexpr std::string_view kFloat = "org.gnu.gdb.arm.vfp";
constexpr std::string_view kBoard = "org.microvisor.board";

std::uint64_t get_general(const Core& core, unsigned index) { return core.state.r[index]; }
void set_general(Core& core, unsigned index, std::uint64_t value) {
  core.state.r[index] = static_cast<std::uint32_t>(value);
}
void set_stack_pointer(Core& core, unsigned, std::uint64_t value) {
  core.state.r[13] = static_cast<std::uint32_t>(value) & ~3u;
}

std::uint64_t get_pc(const Core& core, unsigned) { return core.state.r[15]; }
/// Going on elsewhere leaves an IT block behind.
void set_pc(Core& core, unsigned, std::uint64_t value) {
  const std::uint32_t address = static_cast<std::uint32_t>(value) & ~1u;
  if (address != core.state.r[15]) core.state.it = 0;
  core.state.r[15] = address;
}

std::uint64_t get_xpsr(const Core& core, unsigned) { return read_xpsr(core.state); }
/// All but the exception number, whose change would be one of stacks and priorities too.
void set_xpsr(Core& core, unsigned, std::uint64_t value) {
  const std::uint32_t number = core.state.ipsr;
  write_xpsr(core.state, (static_cast<std::uint32_t>(value) & ~kPsrExceptionMask) | number);
}

// Banked registers: `index` is the SYSm of MRS, plus kOf[world].
constexpr unsigned kWorldShift = 6;
constexpr unsigned kCurrent = 0u << kWorldShift;
constexpr unsigned kOfNonSecure = 1u << kWorldShift;
constexpr unsigned kOfSecure = 2u << kWorldShift;

World world_of(const Core& core, unsigned index) {
  switch (index & ~((1u << kWorldShift) - 1)) {
    case kOfNonSecure: return kNonSecure;
    case kOfSecure: return kSecure;
    default: return core.state.world;
  }
}
SpecialRegister special_of(unsigned index) {
  return static_cast<SpecialRegister>(index & ((1u << kWorldShift) - 1));
}
std::uint64_t get_special(const Core& core, unsigned index) {
  return peek_special(core, world_of(core, index), special_of(index));
}
void set_special(Core& core, unsigned index, std::uint64_t value) {
  poke_special(core, world_of(core, index), special_of(index), static_cast<std::uint32_t>(value));
}

std::uint64_t get_double(const Core& core, unsigned index) {
  return core.state.s[2 * index] | std::uint64_t{core.state.s[2 * index + 1]} << 32;
}
void set_double(Core& core, unsigned index, std::uint64_t value) {
  core.state.s[2 * index] = static_cast<std::uint32_t>(value);
  core.state.s[2 * index + 1] = static_cast<std::uint32_t>(value >> 32);
}
std::uint64_t get_fpscr(const Core& core, unsigned) { return core.state.fpscr; }
void set_fpscr(Core& core, unsigned, std::uint64_t value) {
  core.state.fpscr = static_cast<std::uint32_t>(value);
}

std::uint64_t get_secure(const Core& core, unsigned) { return core.state.world == kSecure ? 1 : 0; }

struct Special {
  std::string_view name;
  SpecialRegister which;
  std::uint8_t bits;
  std::string_view type;
};
constexpr Special kSpecials[] = {
    {"msp", SpecialRegister::Msp, 32, "data_ptr"},
    {"psp", SpecialRegister::Psp, 32, "data_ptr"},
    {"msplim", SpecialRegister::MspLim, 32, "data_ptr"},
    {"psplim", SpecialRegister::PspLim, 32, "data_ptr"},
    {"primask", SpecialRegister::Primask, 8, "uint8"},
    {"basepri", SpecialRegister::Basepri, 8, "uint8"},
    {"faultmask", SpecialRegister::Faultmask, 8, "uint8"},
    {"control", SpecialRegister::Control, 8, "uint8"},
};

std::vector<DebugRegister> make_registers() {
  std::vector<DebugRegister> all;
  for (std::uint8_t index = 0; index < 13; ++index) {
    all.push_back({fmt::format("r{}", index), 32, "uint32", kProfile, get_general, set_general, index});
  }
  all.push_back({"sp", 32, "data_ptr", kProfile, get_general, set_stack_pointer, 13});
  all.push_back({"lr", 32, "uint32", kProfile, get_general, set_general, 14});
  all.push_back({"pc", 32, "code_ptr", kProfile, get_pc, set_pc, 15});
  all.push_back({"xpsr", 32, "uint32", kProfile, get_xpsr, set_xpsr});
  const auto banked = [&](const Special& special, std::string_view suffix, std::string_view feature,
                          unsigned of) {
    all.push_back({std::string(special.name) + std::string(suffix), special.bits, special.type, feature,
                   get_special, set_special,
                   static_cast<std::uint8_t>(static_cast<unsigned>(special.which) | of)});
  };
  for (const Special& special : kSpecials) banked(special, "", kSystem, kCurrent);
  for (const Special& special : kSpecials) banked(special, "_ns", kSecurity, kOfNonSecure);
  for (const Special& special : kSpecials) banked(special, "_s", kSecurity, kOfSecure);
  for (std::uint8_t index = 0; index < 16; ++index) {
    all.push_back({fmt::format("d{}", index), 64, "ieee_double", kFloat, get_double, set_double, index});
  }
  all.push_back({"fpscr", 32, "uint32", kFloat, get_fpscr, set_fpscr});
  all.push_back({"secure", 8, "uint8", kBoard, get_secure, nullptr});
  return all;
}

}  // namespace

std::span<const DebugRegister> debug_registers() {
  static const std::vector<DebugRegister> registers = make_registers();
  return registers;
}

std::string target_description() {
  std::string text =
      "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
      "<architecture>arm</architecture>\n";
  std::string_view open;
  for (const DebugRegister& reg : debug_registers()) {
    if (reg.feature != open) {
      text += fmt::format("{}<feature name=\"{}\">\n", open.empty() ? "" : "</feature>\n", reg.feature);
      open = reg.feature;
    }
    text += fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\"/>\n", reg.name, reg.bits, reg.type);
  }
  return text + "</feature>\n</target>\n";
}

}  // namespace microvisor::board
