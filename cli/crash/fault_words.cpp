// See fault_words.hpp. Texts are data: {access}, {pc}, {stack} and {instruction} stand for what the report
// says of them.
#include "cli/crash/fault_words.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "board/cpu/decoder.hpp"
#include "firmware/kernel/board_table.hpp"

namespace microvisor::cli {

namespace {

using microvisor::crash::CrashReport;
namespace kernel = firmware::kernel;

// --- addresses
// -------------------------------------------------------------------------------------------------

struct Area {
  std::uint32_t first;
  std::uint32_t size;
  std::string_view words;
};
/// The application's, and what is nobody's (RM0456 section 2.3).
constexpr Area kAreas[] = {
    {0x0800'0000, 0x10'0000, "the application's flash"},
    {0x0BFA'0500, 0x300, "engineering data in flash"},
    {0x2000'0000, 0x8'0000, "the application's RAM"},
    {0x2800'0000, 0x4000, "SRAM4, the application's"},
    {0x1FFF'0000, 0x1'0000, "nothing is there; just below the RAM, where a stack goes that has outgrown it"},
    {0x4000'0000, 0x1000'0000, "peripherals of the application"},
    {0xE000'E000, 0x1000, "registers of the core"},
    {0xE000'0000, 0x10'0000, "debug units of the core"},
};
constexpr std::uint32_t kNull = 0x1000;  // so much around nothing is taken for a member of it

bool within(std::uint32_t address, std::uint32_t first, std::uint32_t size) { return address - first < size; }

}  // namespace

std::string describe_address(std::uint32_t address) {
  if (address == 0) return "null pointer";
  if (address < kNull) return fmt::format("null pointer, and {} bytes on", address);
  for (const auto& peripheral : kernel::kReservedPeripherals) {
    if (within(address, peripheral.address, peripheral.size))
      return fmt::format("peripheral {}, reserved for Microvisor", peripheral.name);
  }
  for (const auto& memory : kernel::kReservedMemories) {
    if (within(address, memory.address, memory.size)) return fmt::format("{}, Microvisor's", memory.name);
  }
  for (const Area& area : kAreas) {
    if (within(address, area.first, area.size)) return std::string(area.words);
  }
  return "nothing is there";
}

namespace {

// --- what the report says
// --------------------------------------------------------------------------------------

std::string with_words(std::uint32_t address) {
  return fmt::format("0x{:08x} ({})", address, describe_address(address));
}

/// The instruction at PC: its row in the table of encodings, and its bits.
struct Instruction {
  const board::Encoding* encoding = nullptr;  // null: undefined
  std::uint32_t bits = 0;
  bool wide = false;
};

std::optional<Instruction> instruction_of(const CrashReport& report, const KnownMemory& memory) {
  const std::uint32_t pc = report.registers().pc() & ~1u;
  const auto first = report.registers().frame_known() ? memory.half_word(pc) : std::nullopt;
  if (!first) return std::nullopt;
  Instruction found{.bits = *first, .wide = board::is_wide(*first)};
  if (found.wide) {
    const auto second = memory.half_word(pc + 2);
    if (!second) return std::nullopt;
    found.bits = found.bits << 16 | *second;
  }
  found.encoding = board::find_encoding(found.bits, found.wide);
  return found;
}

/// "write" or "read" where the instruction is known to be one, else "access".
std::string_view verb_of(const std::optional<Instruction>& instruction) {
  if (!instruction || instruction->encoding == nullptr) return "access";
  const std::string_view name = instruction->encoding->name;
  for (const std::string_view store : {"ST", "VST", "PUSH", "VPUSH"}) {
    if (name.starts_with(store)) return "write";
  }
  for (const std::string_view load : {"LD", "VLD", "POP", "VPOP", "TBB", "TBH"}) {
    if (name.starts_with(load)) return "read";
  }
  return "access";
}

std::string access_words(const CrashReport& report, const std::optional<Instruction>& instruction) {
  constexpr std::uint32_t kSfarValid = 1u << 6, kBfarValid = 1u << 15, kMmarValid = 1u << 7;
  const auto& faults = report.faults();
  std::optional<std::uint32_t> address;
  if ((faults.sfsr() & kSfarValid) != 0) {
    address = faults.sfar();
  } else if ((faults.cfsr() & kBfarValid) != 0) {
    address = faults.bfar();
  } else if ((faults.cfsr_nonsecure() & kMmarValid) != 0) {
    address = faults.mmfar_nonsecure();
  }
  const std::string_view verb = verb_of(instruction);
  if (!address) return fmt::format("{} at an address that is not known", verb);
  return fmt::format("{} {} {}", verb, verb == "read" ? "from" : "to", with_words(*address));
}

std::string stack_words(const CrashReport& report) {
  const auto& registers = report.registers();
  const bool process = registers.process_stack();
  const std::uint32_t limit = process ? registers.psplim() : registers.msplim();
  return fmt::format("the {} stack has reached its limit, {} = 0x{:08x}", process ? "process" : "main",
                     process ? "PSPLIM" : "MSPLIM", limit);
}

std::string instruction_words(const std::optional<Instruction>& instruction) {
  if (!instruction) return "instruction";
  const std::string bits = fmt::format("{:0{}x}", instruction->bits, instruction->wide ? 8 : 4);
  if (instruction->encoding == nullptr) return "instruction 0x" + bits;
  const std::string_view name = instruction->encoding->name;
  return fmt::format("instruction {}, 0x{}", name.substr(0, name.find(' ')), bits);
}

std::string place_words(const CrashReport& report) {
  if (!report.registers().frame_known()) return "an address that is not known";
  return with_words(report.registers().pc());
}

// --- the status registers
// --------------------------------------------------------------------------------------

struct Row {
  std::uint32_t mask;
  std::string_view words;
};

/// The first that is set is the fault. What a Non-secure application does to the Secure side comes first.
constexpr Row kSfsr[] = {
    {1u << 0, "jump to {pc}, where no system call begins"},                                  // INVEP
    {1u << 1, "return from an exception by a frame that has lost its signature"},            // INVIS
    {1u << 2, "return from an exception by an EXC_RETURN that is not allowed here"},         // INVER
    {1u << 3, "{access}"},                                                                   // AUVIOL
    {1u << 4, "jump from the Secure side that is no call"},                                  // INVTRAN
    {1u << 5, "floating-point registers, saved late, went to memory that is Microvisor's"},  // LSPERR
    {1u << 7, "floating-point registers, saved late, belong to the other side"},             // LSERR
};
constexpr Row kCfsr[] = {
    {1u << 20, "stack overflow: {stack}"},                                                       // STKOF
    {1u << 0, "instruction fetch from {pc}, which the MPU forbids"},                             // IACCVIOL
    {1u << 1, "{access}, which the MPU forbids"},                                                // DACCVIOL
    {1u << 3, "on returning from an exception the MPU forbids reading the frame on the stack"},  // MUNSTKERR
    {1u << 4, "on entering an exception the MPU forbids writing the frame to the stack"},        // MSTKERR
    {1u << 5, "the MPU forbids saving the floating-point registers to the stack"},               // MLSPERR
    {1u << 8, "instruction fetch from {pc}: bus error"},                                         // IBUSERR
    {1u << 9, "{access}: bus error"},                                                            // PRECISERR
    {1u << 10, "bus error on a write some instructions before PC"},                             // IMPRECISERR
    {1u << 11, "bus error on reading the frame on the stack, on returning from an exception"},  // UNSTKERR
    {1u << 12, "bus error on writing the frame to the stack, on entering an exception"},        // STKERR
    {1u << 13, "bus error on saving the floating-point registers to the stack"},                // LSPERR
    {1u << 16, "undefined {instruction}"},                                                      // UNDEFINSTR
    {1u << 17, "jump to {pc} by an address without bit 0, which stands for Thumb code"},        // INVSTATE
    {1u << 18, "return from an exception by a value or a frame that is not valid"},             // INVPC
    {1u << 19,
     "{instruction} of a coprocessor that is off or not there; the FPU is switched on by CPACR"},  // NOCP
    {1u << 24, "unaligned access by {instruction}"},  // UNALIGNED
    {1u << 25, "division by zero"},                   // DIVBYZERO
};
constexpr Row kHfsr[] = {
    {1u << 31, "breakpoint instruction without a debugger"},                    // DEBUGEVT
    {1u << 1, "the vector of an exception cannot be read: VTOR leads astray"},  // VECTTBL
};

template <std::size_t kCount>
std::optional<std::string_view> find(const Row (&rows)[kCount], std::uint32_t status) {
  for (const Row& row : rows) {
    if ((status & row.mask) != 0) return row.words;
  }
  return std::nullopt;
}

std::string_view words_of_status(const crash::FaultStatus& faults) {
  if (const auto words = find(kSfsr, faults.sfsr())) return *words;
  if (const auto words = find(kCfsr, faults.cfsr_nonsecure())) return *words;
  if (const auto words = find(kCfsr, faults.cfsr())) return *words;
  if (const auto words = find(kHfsr, faults.hfsr())) return *words;
  return "an exception that could not be taken";
}

std::string filled_in(std::string_view words, const CrashReport& report, const KnownMemory& memory) {
  const auto instruction = instruction_of(report, memory);
  return fmt::format(fmt::runtime(words), fmt::arg("access", access_words(report, instruction)),
                     fmt::arg("pc", place_words(report)), fmt::arg("stack", stack_words(report)),
                     fmt::arg("instruction", instruction_words(instruction)));
}

// --- resources that are Microvisor's
// ---------------------------------------------------------------------------

/// Memories behind GTZC in TZIC1_SR4, which the table of peripherals does not have (RM0456 section 5.9).
constexpr Row kMemoryFlags[] = {
    {1u << 2, "flash memory"}, {1u << 16, "the external flash"}, {1u << 18, "BKPSRAM"}};

std::string touched_words(const crash::FaultStatus& faults) {
  std::string names;
  const auto flag = [&](unsigned word) {
    return static_cast<int>(word) < faults.illegal_accesses_size()
               ? faults.illegal_accesses(static_cast<int>(word))
               : 0;
  };
  for (const auto& p : kernel::kReservedPeripherals) {
    const unsigned word = (p.controller == 2 ? 4u : 0u) + p.flag_word;
    if (p.controller == 0 || (flag(word) >> p.bit & 1) == 0) continue;
    names += fmt::format("{}peripheral {} ({})", names.empty() ? "" : " and ", p.name, p.purpose);
  }
  for (const Row& memory : kMemoryFlags) {
    if ((flag(3) & memory.mask) != 0)
      names += fmt::format("{}{}", names.empty() ? "" : " and ", memory.words);
  }
  return names.empty() ? "SRAM" : names;
}

}  // namespace

std::string explain_fault(const CrashReport& report, const KnownMemory& memory) {
  switch (report.cause()) {
    case crash::CAUSE_RESERVED_RESOURCE:
      return fmt::format("access to {}, reserved for Microvisor, by the core shortly before PC or by DMA",
                         touched_words(report.faults()));
    case crash::CAUSE_HANDLER_DOES_NOT_RETURN:
      return "one of the application's interrupt handlers does not return, and holds everything up";
    case crash::CAUSE_FAST_INTERRUPT_HANGS: return "a fast interrupt does not return";
    case crash::CAUSE_FAST_INTERRUPT_FLOOD: return "fast interrupts take more than half of the processor";
    case crash::CAUSE_CONTEXT_SWITCH:
      return "the context was switched out of Microvisor's background work, which an exception had "
             "interrupted";
    default: return filled_in(words_of_status(report.faults()), report, memory);
  }
}

}  // namespace microvisor::cli
