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

/// Functions and absolute symbols by address, without the Thumb bit. The first name of an address counts.
using SymbolNames = std::map<std::uint32_t, std::string>;

/// Of a 32-bit little-endian Arm file; empty without a symbol table. BadImage, Missing.
tl::expected<SymbolNames, BoardError> parse_symbols(std::span<const std::uint8_t> file);
tl::expected<SymbolNames, BoardError> load_symbols(const std::filesystem::path& path);

}  // namespace microvisor::board
