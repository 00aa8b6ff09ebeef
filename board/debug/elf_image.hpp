// Bare firmware as an ELF file describes it: what goes where in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <tl/expected.hpp>
#include <vector>

#include "board/memory/board_error.hpp"

namespace microvisor::board {

struct LoadedImage {
  struct Segment {
    std::uint32_t address = 0;  ///< physical (load) address
    std::vector<std::uint8_t> bytes;
  };
  std::vector<Segment> segments;  ///< by ascending address, none empty
};

/// The bytes of a whole file. Missing.
tl::expected<std::vector<std::uint8_t>, BoardError> read_image_file(const std::filesystem::path& path);
/// BadImage unless `file` begins as a 32-bit little-endian Arm ELF file.
tl::expected<void, BoardError> check_arm_elf(std::span<const std::uint8_t> file);

/// Reads the load segments (p_paddr, p_filesz) of a 32-bit little-endian Arm executable. BadImage, Missing.
tl::expected<LoadedImage, BoardError> parse_elf(std::span<const std::uint8_t> file);
tl::expected<LoadedImage, BoardError> load_elf(const std::filesystem::path& path);

}  // namespace microvisor::board
