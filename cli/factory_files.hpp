// The files of a production line: written for the programmer of real chips, read for virtual boards.
//
// A directory has microvisor.hex (bank 2, Intel HEX), microvisor.bin (the same, raw), option-bytes.json and
// program.sh, which calls STM32CubeProgrammer in the right order. docs/factory.md says what each is for.
#pragma once

#include <filesystem>

#include "firmware/image/image.hpp"

namespace microvisor::cli {

/// Makes the directory. Throws Failure.
void write_factory_files(const std::filesystem::path& directory, const firmware::image::FlashImage& image);

/// Reads microvisor.hex and option-bytes.json, as a programmer does. Throws Failure naming the file.
firmware::image::FlashImage read_factory_files(const std::filesystem::path& directory);

}  // namespace microvisor::cli
