// Names of addresses, from the symbol table of an ELF file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "board/memory/board_error.hpp"

namespace microvisor::board {

struct Symbol {
  std::string name;
  std::uint32_t size = 0;  ///< in bytes; 0: not known
  bool function = false;   ///< code of the file, not just a name for an address
};

/// Functions and absolute symbols by address, without the Thumb bit. The first name of an address counts.
using Symbols = std::map<std::uint32_t, Symbol>;

/// The symbol at an address or around it; null if there is none.
const Symbol* symbol_around(const Symbols& symbols, std::uint32_t address);

/// Of a 32-bit little-endian Arm file; empty without a symbol table. BadImage, Missing.
tl::expected<Symbols, BoardError> parse_symbols(std::span<const std::uint8_t> file);
tl::expected<Symbols, BoardError> load_symbols(const std::filesystem::path& path);

}  // namespace microvisor::board
