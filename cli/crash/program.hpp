// The ELF file of an application, read for all that looking at its crash needs of it.
#pragma once

#include <string>

#include "board/debug/elf_image.hpp"
#include "board/debug/elf_symbols.hpp"
#include "cli/crash/debug_information.hpp"

namespace microvisor::cli {

/// Without a file everything is empty.
struct Program {
  board::Symbols symbols;
  board::LoadedImage image;
  DebugInformation debug;
};

/// Failure if it cannot be read or is no program for the chip. No name: no file.
Program read_program(const std::string& file);

}  // namespace microvisor::cli
