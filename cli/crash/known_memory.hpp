// What is known of an application's memory after its crash: the stack, as far as the report has it, and flash
// as the ELF file says. Nothing else, and no byte is made up: what is not known is not there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "board/debug/elf_image.hpp"
#include "protocol/crash/crash_report.hpp"

namespace microvisor::cli {

class KnownMemory {
 public:
  KnownMemory(const microvisor::crash::CrashReport& report, const board::LoadedImage& image);

  /// From `address` on as far as it is known; empty if it is not.
  [[nodiscard]] std::vector<std::uint8_t> read(std::uint32_t address, std::uint32_t size) const;
  /// 4 bytes, 2 bytes, little-endian.
  [[nodiscard]] std::optional<std::uint32_t> word(std::uint32_t address) const;
  [[nodiscard]] std::optional<std::uint16_t> half_word(std::uint32_t address) const;
  /// Where the report's copy of the stack ends; nothing if it has none.
  [[nodiscard]] std::optional<std::uint32_t> end_of_stack() const;

 private:
  struct Piece {
    std::uint32_t address = 0;
    std::vector<std::uint8_t> bytes;
  };
  Piece stack_;
  std::vector<Piece> flash_;
};

}  // namespace microvisor::cli
