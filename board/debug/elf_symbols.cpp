#include "board/debug/elf_symbols.hpp"

#include <elf.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "board/debug/elf_image.hpp"

namespace microvisor::board {
namespace {

using View = std::span<const std::uint8_t>;

/// A structure at an offset, if the file has all of it.
template <class T>
std::optional<T> at(View file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

std::string_view name_at(View file, const Elf32_Shdr& strings, std::uint32_t offset) {
  const std::uint64_t end = std::uint64_t{strings.sh_offset} + strings.sh_size;
  const std::uint64_t start = std::uint64_t{strings.sh_offset} + offset;
  if (end > file.size() || start >= end) return {};
  const auto* text = reinterpret_cast<const char*>(file.data() + start);
  return {text, strnlen(text, end - start)};
}

/// Functions, and what an assembler leaves without a type at an absolute address. Names that begin with '$'
/// tell code from data.
bool names_code(const Elf32_Sym& symbol, std::string_view name) {
  if (name.empty() || name.front() == '$' || symbol.st_shndx == SHN_UNDEF) return false;
  const unsigned type = ELF32_ST_TYPE(symbol.st_info);
  return type == STT_FUNC || (type == STT_NOTYPE && symbol.st_shndx == SHN_ABS);
}

void add_table(View file, const Elf32_Ehdr& header, const Elf32_Shdr& table, Symbols& symbols) {
  const auto strings =
      at<Elf32_Shdr>(file, std::uint64_t{header.e_shoff} + std::uint64_t{table.sh_link} * sizeof(Elf32_Shdr));
  if (!strings) return;
  for (std::uint64_t done = 0; done + sizeof(Elf32_Sym) <= table.sh_size; done += sizeof(Elf32_Sym)) {
    const auto symbol = at<Elf32_Sym>(file, table.sh_offset + done);
    if (!symbol) return;
    const std::string_view name = name_at(file, *strings, symbol->st_name);
    if (!names_code(*symbol, name)) continue;
    const bool function = ELF32_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_ABS;
    symbols.try_emplace(symbol->st_value & ~1U, Symbol{std::string(name), symbol->st_size, function});
  }
}

}  // namespace

const Symbol* symbol_around(const Symbols& symbols, std::uint32_t address) {
  auto next = symbols.upper_bound(address);
  if (next == symbols.begin()) return nullptr;
  const auto& [start, symbol] = *--next;
  return address == start || address - start < symbol.size ? &symbol : nullptr;
}

tl::expected<Symbols, BoardError> parse_symbols(View file) {
  if (auto checked = check_arm_elf(file); !checked) return tl::unexpected(checked.error());
  const auto header = at<Elf32_Ehdr>(file, 0);
  Symbols symbols;
  for (unsigned index = 0; index < header->e_shnum; ++index) {
    const auto section =
        at<Elf32_Shdr>(file, std::uint64_t{header->e_shoff} + std::uint64_t{index} * sizeof(Elf32_Shdr));
    if (section && section->sh_type == SHT_SYMTAB) add_table(file, *header, *section, symbols);
  }
  return symbols;
}

tl::expected<Symbols, BoardError> load_symbols(const std::filesystem::path& path) {
  const auto bytes = read_image_file(path);
  if (!bytes) return tl::unexpected(bytes.error());
  auto symbols = parse_symbols(*bytes);
  if (!symbols) symbols.error().message = path.string() + ": " + symbols.error().message;
  return symbols;
}

}  // namespace microvisor::board
