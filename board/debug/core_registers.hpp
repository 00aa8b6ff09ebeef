// The registers of the core as a debugger counts them: one table, which the target description, reading and
// writing are made of.
//
// The features are those GDB knows for M-profile (GDB manual, G.5.3 "ARM Features"): m-profile, m-system,
// secext and vfp; names of the banked registers as OpenOCD has them. What GDB does not know (`secure`) stands
// in a feature of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "board/cpu/core.hpp"

namespace microvisor::board {

struct DebugRegister {
  std::string name;
  std::uint8_t bits;
  std::string_view type;
  std::string_view feature;
  std::uint64_t (*get)(const Core& core, unsigned index);
  /// Null: cannot be written, writes are ignored.
  void (*set)(Core& core, unsigned index, std::uint64_t value);
  std::uint8_t index = 0;  ///< for `get` and `set`: which of several
};

/// All registers in the order of the description; a register's number is its place here.
std::span<const DebugRegister> debug_registers();
/// The target description (target.xml).
std::string target_description();

}  // namespace microvisor::board
