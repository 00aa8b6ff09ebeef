// See debug_information.hpp. Meaning of what libdw answers: elfutils/libdw.h; of the operations: DWARF 4,
// section 2.5.
#include "cli/crash/debug_information.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace microvisor::cli {

namespace {

constexpr unsigned kStackPointer = 13, kLinkRegister = 14, kProgramCounter = 15;

/// libdw and the demangler give memory away as malloc() has it.
struct Free {
  void operator()(void* memory) const { std::free(memory); }  // NOLINT(cppcoreguidelines-no-malloc)
};
template <class T>
using Malloced = std::unique_ptr<T, Free>;

// --- lines and functions
// ---------------------------------------------------------------------------------------

std::string demangled(const char* name) {
  int status = 0;
  const Malloced<char> plain(abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return plain ? plain.get() : name;
}

/// The name with its scopes if the language has such, else as in the source.
std::string function_name(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  if (dwarf_attr_integrate(&die, DW_AT_linkage_name, &attribute) != nullptr) {
    if (const char* name = dwarf_formstring(&attribute)) return demangled(name);
  }
  const char* name = dwarf_diename(&die);
  return name != nullptr ? name : "";
}

std::string without_folder(const char* file, Dwarf_Die& unit) {
  if (file == nullptr) return {};
  std::string_view path = file;
  Dwarf_Attribute attribute;
  const char* folder = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
  if (folder != nullptr && path.starts_with(folder)) {
    path.remove_prefix(std::string_view(folder).size());
    while (path.starts_with('/')) path.remove_prefix(1);
  }
  return std::string(path);
}

unsigned number_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  const bool there = dwarf_formudata(dwarf_attr(&die, name, &attribute), &value) == 0;
  return there ? static_cast<unsigned>(value) : 0;
}

void set_place_of_address(SourcePlace& place, Dwarf_Die& unit, std::uint32_t address) {
  Dwarf_Line* line = dwarf_getsrc_die(&unit, address);
  if (line == nullptr) return;
  place.file = without_folder(dwarf_linesrc(line, nullptr, nullptr), unit);
  int number = 0;
  if (dwarf_lineno(line, &number) == 0) place.line = static_cast<unsigned>(number);
}

void set_place_of_call(SourcePlace& place, Dwarf_Die& unit, Dwarf_Die& inlined) {
  Dwarf_Files* files = nullptr;
  if (dwarf_getsrcfiles(&unit, &files, nullptr) == 0) {
    place.file =
        without_folder(dwarf_filesrc(files, number_of(inlined, DW_AT_call_file), nullptr, nullptr), unit);
  }
  place.line = number_of(inlined, DW_AT_call_line);
}

/// The scopes around an address as they lie in the program, not in the source: libdw goes on with the latter
/// once it has met an inlined function.
std::vector<Dwarf_Die> scopes_around(Dwarf_Die& unit, std::uint32_t address) {
  Dwarf_Die* found = nullptr;
  if (dwarf_getscopes(&unit, address, &found) <= 0) return {};
  const Malloced<Dwarf_Die> innermost(found);
  const int count = dwarf_getscopes_die(innermost.get(), &found);
  if (count <= 0) return {};
  const Malloced<Dwarf_Die> all(found);
  return {all.get(), all.get() + count};
}

// --- call frames
// ---------------------------------------------------------------------------------------------

/// Works out what describes a register of the caller.
class Evaluation {
 public:
  Evaluation(const KnownRegisters& registers, const ReadWord& read, CallerStep& step)
      : registers_(registers), read_(read), step_(step) {}

  void set_frame_address(std::uint32_t address) { frame_address_ = address; }

  /// The value; nothing, and `step` says why, if it cannot be known. `location`: the operations name a place
  /// in memory unless they say otherwise.
  std::optional<std::uint32_t> run(const Dwarf_Op* operations, std::size_t count, bool location) {
    std::vector<std::uint32_t> stack;
    for (std::size_t i = 0; i < count; ++i) {
      if (operations[i].atom == DW_OP_stack_value) {
        location = false;
      } else if (!apply(operations[i], stack, location)) {
        return std::nullopt;
      }
    }
    if (stack.empty()) return std::nullopt;
    return location ? load(stack.back()) : stack.back();
  }

 private:
  bool apply(const Dwarf_Op& operation, std::vector<std::uint32_t>& stack, bool& location) {
    const unsigned atom = operation.atom;
    const auto number = static_cast<std::uint32_t>(operation.number);
    if (atom >= DW_OP_reg0 && atom <= DW_OP_reg15) {
      location = false;
      return push(stack, known(atom - DW_OP_reg0), 0);
    }
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg15) return push(stack, known(atom - DW_OP_breg0), number);
    switch (atom) {
      case DW_OP_bregx: return push(stack, known(number), static_cast<std::uint32_t>(operation.number2));
      case DW_OP_call_frame_cfa: return push(stack, frame_address_, 0);
      case DW_OP_consts:
      case DW_OP_constu:
      case DW_OP_const4u:
      case DW_OP_const4s: return push(stack, number, 0);
      case DW_OP_plus_uconst: return change_top(stack, number);
      case DW_OP_deref: return !stack.empty() && replace_top(stack, load(stack.back()));
      case DW_OP_plus: return add(stack);
      default: return false;  // nothing that compilers use for Thumb code
    }
  }
  static bool push(std::vector<std::uint32_t>& stack, std::optional<std::uint32_t> value,
                   std::uint32_t offset) {
    if (value) stack.push_back(*value + offset);
    return value.has_value();
  }
  static bool change_top(std::vector<std::uint32_t>& stack, std::uint32_t offset) {
    if (!stack.empty()) stack.back() += offset;
    return !stack.empty();
  }
  static bool replace_top(std::vector<std::uint32_t>& stack, std::optional<std::uint32_t> value) {
    stack.pop_back();
    return push(stack, value, 0);
  }
  static bool add(std::vector<std::uint32_t>& stack) {
    if (stack.size() < 2) return false;
    const std::uint32_t top = stack.back();
    stack.pop_back();
    return change_top(stack, top);
  }
  std::optional<std::uint32_t> known(std::uint32_t number) {
    if (number < registers_.size() && registers_[number]) return registers_[number];
    step_.end = CallerStep::End::MissingRegister;
    step_.number = number;
    return std::nullopt;
  }
  std::optional<std::uint32_t> load(std::uint32_t address) {
    auto value = read_(address);
    if (!value) {
      step_.end = CallerStep::End::MissingMemory;
      step_.address = address;
    }
    return value;
  }

  const KnownRegisters& registers_;
  const ReadWord& read_;
  CallerStep& step_;
  std::optional<std::uint32_t> frame_address_;
};

/// How the caller's register stands, as the file says.
struct Rule {
  enum class Kind : std::uint8_t { Lost, Same, Described };
  Kind kind = Kind::Lost;
  Dwarf_Op memory[3]{};
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
};

void find_rule(Dwarf_Frame& frame, unsigned number, Rule& rule) {
  const int status =
      dwarf_frame_register(&frame, static_cast<int>(number), rule.memory, &rule.operations, &rule.count);
  if (status != 0) return;
  if (rule.count != 0) {
    rule.kind = Rule::Kind::Described;
  } else if (rule.operations == nullptr) {
    rule.kind = Rule::Kind::Same;
  }
}

/// The registers that a called function keeps (AAPCS32, section 6.1.1) as its caller had them. One that is
/// not known may not matter.
void find_kept_registers(Dwarf_Frame& frame, Evaluation& evaluation, const KnownRegisters& own,
                         CallerStep& step) {
  for (unsigned number = 4; number <= 11; ++number) {
    Rule rule;
    find_rule(frame, number, rule);
    if (rule.kind == Rule::Kind::Same) step.registers[number] = own[number];
    if (rule.kind == Rule::Kind::Described)
      step.registers[number] = evaluation.run(rule.operations, rule.count, true);
  }
  step.end = CallerStep::End::NoInformation;
}

void find_return_address(Dwarf_Frame& frame, Evaluation& evaluation, const KnownRegisters& own,
                         bool interrupted, CallerStep& step) {
  Rule rule;
  find_rule(frame, kLinkRegister, rule);
  auto& address = step.registers[kProgramCounter];
  if (rule.kind == Rule::Kind::Described) {
    address = evaluation.run(rule.operations, rule.count, true);
  } else if (interrupted && rule.kind == Rule::Kind::Same) {
    address = own[kLinkRegister];
    if (!address) {
      step.end = CallerStep::End::MissingRegister;
      step.number = kLinkRegister;
    }
  } else {
    step.end = CallerStep::End::Outermost;
  }
  if (address) step.end = CallerStep::End::Caller;
}

}  // namespace

struct DebugInformation::File {
  std::vector<std::uint8_t> bytes;
  Elf* elf = nullptr;
  Dwarf* dwarf = nullptr;       // null: no debug information
  Dwarf_CFI* frames = nullptr;  // belongs to `dwarf`

  explicit File(std::vector<std::uint8_t> file) : bytes(std::move(file)) {
    elf_version(EV_CURRENT);
    elf = elf_memory(reinterpret_cast<char*>(bytes.data()), bytes.size());
    if (elf != nullptr) dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
    if (dwarf != nullptr) frames = dwarf_getcfi(dwarf);
  }
  ~File() {
    if (dwarf != nullptr) dwarf_end(dwarf);
    if (elf != nullptr) elf_end(elf);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// The compilation unit that has an address. Not by .debug_aranges, which not every compiler writes.
  std::optional<Dwarf_Die> unit_of(std::uint32_t address) const {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die;
    Dwarf_Half version = 0;
    std::uint8_t type = 0;
    while (dwarf_get_units(dwarf, unit, &unit, &version, &type, &die, nullptr) == 0) {
      if (type == DW_UT_compile && dwarf_haspc(&die, address) == 1) return die;
    }
    return std::nullopt;
  }
};

DebugInformation::DebugInformation() = default;
DebugInformation::DebugInformation(std::unique_ptr<File> file) : file_(std::move(file)) {}
DebugInformation::~DebugInformation() = default;
DebugInformation::DebugInformation(DebugInformation&&) noexcept = default;
DebugInformation& DebugInformation::operator=(DebugInformation&&) noexcept = default;

tl::expected<DebugInformation, std::string> DebugInformation::parse(std::vector<std::uint8_t> bytes) {
  auto file = std::make_unique<File>(std::move(bytes));
  if (file->elf == nullptr || elf_kind(file->elf) != ELF_K_ELF)
    return tl::unexpected(std::string("not an ELF file"));
  return DebugInformation(std::move(file));
}

bool DebugInformation::has_call_frames() const { return file_ && file_->frames != nullptr; }

std::vector<SourcePlace> DebugInformation::places_of(std::uint32_t address) const {
  if (!file_ || file_->dwarf == nullptr) return {};
  auto unit = file_->unit_of(address);
  if (!unit) return {};
  std::vector<SourcePlace> places;
  Dwarf_Die* inlined = nullptr;  // the place before
  auto scopes = scopes_around(*unit, address);
  for (Dwarf_Die& scope : scopes) {
    const int tag = dwarf_tag(&scope);
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) continue;
    SourcePlace& place = places.emplace_back();
    place.function = function_name(scope);
    place.inlined = tag == DW_TAG_inlined_subroutine;
    inlined == nullptr ? set_place_of_address(place, *unit, address)
                       : set_place_of_call(place, *unit, *inlined);
    if (!place.inlined) break;
    inlined = &scope;
  }
  return places;
}

CallerStep DebugInformation::caller_of(std::uint32_t address, const KnownRegisters& registers,
                                       bool interrupted, const ReadWord& read) const {
  CallerStep step;
  Dwarf_Frame* found = nullptr;
  if (!has_call_frames() || dwarf_cfi_addrframe(file_->frames, address, &found) != 0) return step;
  const Malloced<Dwarf_Frame> frame(found);
  Evaluation evaluation(registers, read, step);
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(frame.get(), &operations, &count) != 0) return step;
  const auto frame_address = evaluation.run(operations, count, false);
  if (!frame_address) return step;
  evaluation.set_frame_address(*frame_address);
  find_kept_registers(*frame, evaluation, registers, step);
  step.registers[kStackPointer] = frame_address;
  find_return_address(*frame, evaluation, registers, interrupted, step);
  return step;
}

}  // namespace microvisor::cli
