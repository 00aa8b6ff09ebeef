// Bits of the fault status registers: Armv8-M Architecture Reference Manual, D1.2 (CFSR, HFSR, SFSR).
#include "cli/crash/crash_view.hpp"

#include <fmt/core.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/crash/fault_words.hpp"
#include "cli/crash/trace_view.hpp"
#include "cli/output.hpp"
#include "cloud/clock/clock.hpp"

namespace microvisor::cli {
namespace {

using microvisor::crash::CrashReport;
using nlohmann::json;

struct Bit {
  unsigned number;
  const char* name;
};

constexpr Bit kCfsr[] = {
    {0, "IACCVIOL"},  {1, "DACCVIOL"}, {3, "MUNSTKERR"},  {4, "MSTKERR"},      {5, "MLSPERR"},
    {7, "MMARVALID"}, {8, "IBUSERR"},  {9, "PRECISERR"},  {10, "IMPRECISERR"}, {11, "UNSTKERR"},
    {12, "STKERR"},   {13, "LSPERR"},  {15, "BFARVALID"}, {16, "UNDEFINSTR"},  {17, "INVSTATE"},
    {18, "INVPC"},    {19, "NOCP"},    {20, "STKOF"},     {24, "UNALIGNED"},   {25, "DIVBYZERO"},
};
constexpr Bit kHfsr[] = {{1, "VECTTBL"}, {30, "FORCED"}, {31, "DEBUGEVT"}};
constexpr Bit kSfsr[] = {{0, "INVEP"},   {1, "INVIS"},  {2, "INVER"},     {3, "AUVIOL"},
                         {4, "INVTRAN"}, {5, "LSPERR"}, {6, "SFARVALID"}, {7, "LSERR"}};

template <std::size_t kCount>
void add_bits(std::vector<std::string>& names, const Bit (&bits)[kCount], std::uint32_t value) {
  for (const Bit& bit : bits) {
    if ((value >> bit.number & 1) != 0) names.emplace_back(bit.name);
  }
}

std::string hex(std::uint32_t value) { return fmt::format("0x{:08x}", value); }

std::string with_name(const board::Symbols& symbols, std::uint32_t address) {
  const std::string name = name_of_code(symbols, address);
  return name.empty() ? hex(address) : hex(address) + " " + name;
}

std::string register_text(const CrashReport& report, int number) {
  const auto& registers = report.registers();
  const bool callee = number >= 4 && number < 12;
  const bool known = callee ? registers.callee_known() : registers.frame_known();
  return known && number < registers.r_size() ? hex(registers.r(number)) : "unknown   ";
}

/// Four registers a line.
std::string format_registers(const CrashReport& report) {
  std::string text;
  for (int i = 0; i < 13; ++i) {
    text +=
        fmt::format("{}{:<4}{}", i % 4 == 0 ? "\n  " : "  ", fmt::format("r{}", i), register_text(report, i));
  }
  return text;
}

std::uint32_t stack_word(const CrashReport& report, std::size_t offset) {
  std::uint32_t word = 0;
  std::memcpy(&word, report.stack().data() + offset, sizeof word);
  return word;
}

std::string format_stack(const CrashReport& report) {
  std::string text;
  const std::size_t words = report.stack().size() / 4;
  for (std::size_t i = 0; i < words; ++i) {
    const auto offset = 4 * i;
    if (i % 4 == 0) text += fmt::format("\n  {:08x}: ", report.stack_address() + offset);
    text += fmt::format(" {:08x}", stack_word(report, offset));
  }
  return text;
}

/// What might be return addresses, for where a back-trace has not got to.
std::string format_code_on_stack(const CrashReport& report, const board::Symbols& symbols) {
  std::string text;
  for (std::size_t i = 0; i < report.stack().size() / 4; ++i) {
    const std::uint32_t word = stack_word(report, 4 * i);
    const std::string name = (word & 1) != 0 ? name_of_code(symbols, word) : "";
    if (!name.empty())
      text += fmt::format("\n  {:08x}: {} {}", report.stack_address() + 4 * i, hex(word), name);
  }
  return text;
}

std::string time_of(const CrashReport& report) {
  return report.unix_microseconds() == 0
             ? ""
             : cloud::iso_microseconds(static_cast<cloud::Timestamp>(report.unix_microseconds()));
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string stack_kind(const CrashReport& report) {
  return report.registers().process_stack() ? "PSP" : "MSP";
}

json registers_as_json(const CrashReport& report) {
  const auto& registers = report.registers();
  json general = json::array();
  for (int i = 0; i < 13; ++i) {
    const std::string text = register_text(report, i);
    general.push_back(text.front() == '0' ? json(text) : json(nullptr));
  }
  return {{"sp", registers.frame_known() ? json(hex(registers.sp())) : json(nullptr)},
          {"stack_pointer", stack_kind(report)},
          {"xpsr", registers.frame_known() ? json(hex(registers.xpsr())) : json(nullptr)},
          {"r", general},
          {"msp", hex(registers.msp())},
          {"psp", hex(registers.psp())},
          {"msplim", hex(registers.msplim())},
          {"psplim", hex(registers.psplim())},
          {"control", registers.control()},
          {"primask", registers.primask()},
          {"basepri", registers.basepri()},
          {"faultmask", registers.faultmask()},
          {"exc_return", hex(registers.exc_return())}};
}

json faults_as_json(const CrashReport& report) {
  const auto& faults = report.faults();
  return {{"fault", fault_bits(faults)},
          {"cfsr", hex(faults.cfsr())},
          {"hfsr", hex(faults.hfsr())},
          {"sfsr", hex(faults.sfsr())},
          {"cfsr_nonsecure", hex(faults.cfsr_nonsecure())},
          {"mmfar", hex(faults.mmfar())},
          {"bfar", hex(faults.bfar())},
          {"sfar", hex(faults.sfar())},
          {"mmfar_nonsecure", hex(faults.mmfar_nonsecure())}};
}

}  // namespace

std::vector<std::string> fault_bits(const microvisor::crash::FaultStatus& faults) {
  std::vector<std::string> names;
  add_bits(names, kCfsr, faults.cfsr() | faults.cfsr_nonsecure());
  add_bits(names, kHfsr, faults.hfsr());
  add_bits(names, kSfsr, faults.sfsr());
  return names;
}

std::string format_crash(const CrashReport& report, const Program& program) {
  const board::Symbols& symbols = program.symbols;
  const KnownMemory memory(report, program.image);
  const BackTrace trace = trace_back(report, memory, program.debug);
  const auto& registers = report.registers();
  const auto& faults = report.faults();
  const bool frame = registers.frame_known();
  std::string text =
      report.text() + "\n" +
      format_fields(
          {{"  what happened", explain_fault(report, memory)},
           {"  time", time_of(report)},
           {"  since start of Microvisor",
            fmt::format("{:.6f} s", static_cast<double>(report.device_microseconds()) / 1e6)},
           {"  application", "sha256:" + protocol::to_hex(protocol::as_bytes(report.app_manifest_hash()))},
           {"  kernel", report.kernel_version()},
           {"  wake reason", std::to_string(report.wake_reason())},
           {"  pc", frame ? with_name(symbols, registers.pc()) : "unknown"},
           {"  lr", frame ? with_name(symbols, registers.lr()) : "unknown"},
           {"  sp", (frame ? hex(registers.sp()) : "unknown") + " (" + stack_kind(report) + ")"},
           {"  xpsr", frame ? hex(registers.xpsr()) : "unknown"},
           {"  msp, psp", hex(registers.msp()) + " " + hex(registers.psp())},
           {"  msplim, psplim", hex(registers.msplim()) + " " + hex(registers.psplim())},
           {"  control, primask, basepri, faultmask",
            fmt::format("{} {} 0x{:02x} {}", registers.control(), registers.primask(), registers.basepri(),
                        registers.faultmask())},
           {"  exc_return", hex(registers.exc_return())},
           {"  fault", joined(fault_bits(faults))},
           {"  cfsr, hfsr, sfsr, cfsr_ns", hex(faults.cfsr()) + " " + hex(faults.hfsr()) + " " +
                                               hex(faults.sfsr()) + " " + hex(faults.cfsr_nonsecure())},
           {"  mmfar, bfar, sfar, mmfar_ns", hex(faults.mmfar()) + " " + hex(faults.bfar()) + " " +
                                                 hex(faults.sfar()) + " " + hex(faults.mmfar_nonsecure())}});
  text += format_registers(report);
  text += "\n  back-trace" + format_trace(trace, symbols);
  if (!report.stack().empty()) text += "\n  stack" + format_stack(report);
  if (!trace.complete) text += format_code_on_stack(report, symbols);
  return text;
}

json crash_as_json(const CrashReport& report, const Program& program) {
  const board::Symbols& symbols = program.symbols;
  const KnownMemory memory(report, program.image);
  const BackTrace trace = trace_back(report, memory, program.debug);
  const auto& registers = report.registers();
  const auto named = [&](std::uint32_t address) {
    if (!registers.frame_known()) return json(nullptr);
    const std::string name = name_of_code(symbols, address);
    return json{{"address", hex(address)}, {"symbol", name.empty() ? json(nullptr) : json(name)}};
  };
  json view = {{"text", report.text()},
               {"time", report.unix_microseconds() == 0 ? json(nullptr) : json(time_of(report))},
               {"device_microseconds", report.device_microseconds()},
               {"app_hash", "sha256:" + protocol::to_hex(protocol::as_bytes(report.app_manifest_hash()))},
               {"kernel_version", report.kernel_version()},
               {"wake_reason", report.wake_reason()},
               {"explanation", explain_fault(report, memory)},
               {"backtrace", trace_as_json(trace, symbols)},
               {"backtrace_end", trace.end},
               {"cause", microvisor::crash::Cause_Name(report.cause())},
               {"exception", report.exception()},
               {"pc", named(registers.pc())},
               {"lr", named(registers.lr())},
               {"stack_address", hex(report.stack_address())},
               {"stack", protocol::to_hex(protocol::as_bytes(report.stack()))}};
  view.update(registers_as_json(report));
  view.update(faults_as_json(report));
  return view;
}

}  // namespace microvisor::cli
