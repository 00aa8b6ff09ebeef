// The registers of a device's application in GDB's order and words: a target description and what it numbers
// (GDB manual, "Arm Features"). A live device and a crash report are shown by the same table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/debug/messages.hpp"

namespace microvisor::cli::debug {

struct GdbRegister {
  std::string name;
  unsigned bits = 32;  ///< 8, 32 or 64
  std::string_view type;
  std::string_view feature;
  std::uint8_t first = 0;  ///< wire register; the next one too if 64 bits wide
};

[[nodiscard]] std::span<const GdbRegister> gdb_registers();
[[nodiscard]] const std::string& application_description();
/// Flash, RAM and peripherals of the application, for GDB's memory map. Flash is ROM: it cannot be loaded.
[[nodiscard]] const std::string& application_memory_map();

/// Little-endian, as wide as the description says.
[[nodiscard]] std::vector<std::uint8_t> register_bytes(const protocol::debug::Registers& registers,
                                                       unsigned number);

}  // namespace microvisor::cli::debug
