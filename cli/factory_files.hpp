// The files of a production line: written for the programmer of real chips, read for virtual boards.
//
// A directory has microvisor.hex (bank 2, Intel HEX), microvisor.bin (the same, raw), option-bytes.json and
// program.sh, which calls STM32CubeProgrammer in the right order; if the line installs applications, nor.hex
// and nor.bin too. docs/factory.md says what each is for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "firmware/image/image.hpp"

namespace microvisor::cli {

struct FactoryFiles {
  firmware::image::FlashImage flash;
  std::vector<std::uint8_t> nor;  ///< the last sectors of the external flash; empty: nothing goes there
};

/// Makes the directory. Throws Failure.
void write_factory_files(const std::filesystem::path& directory, const FactoryFiles& files);

/// Reads the HEX files and option-bytes.json, as a programmer does. Throws Failure naming the file.
FactoryFiles read_factory_files(const std::filesystem::path& directory);

}  // namespace microvisor::cli
