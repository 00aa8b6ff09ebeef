// What the memory paths share: the attributes of an access, and how the tables of memory.hpp are filled.
// Private to memory.cpp, frames.cpp and translations.cpp.
//
// One rule: what the debug comparators watch (debug_watch.hpp) is never entered into a table.
#pragma once

#include "board/cpu/memory.hpp"
#include "board/cpu/system.hpp"

namespace microvisor::board {

inline Access data_access(const Attribution& answer) {
  return {.secure = answer.bus_secure,
          .privileged = answer.bus_privileged,
          .fetch = false,
          .master = Master::Core};
}

/// Shows an access that has happened to the DWT and to a debugger outside, if one watches anything there.
void show(Core& core, std::uint32_t address, unsigned size, std::uint32_t value, bool read, World world);

/// Enters the memory around `address` for reads of `world`; the host address, or null if it is no plain
/// memory.
const std::uint8_t* enter_memory(Core& core, std::uint32_t address, unsigned size, World world,
                                 bool privileged, const Attribution& answer);
/// Writes plain memory and enters it; keeps decoded instructions right. False if it is no plain memory.
bool write_memory(Core& core, std::uint32_t address, unsigned size, World world, bool privileged,
                  const Attribution& answer, std::uint32_t value);
/// Enters the register block at `address`, if there is one and the answer holds for the whole kilobyte.
void enter_registers(Core& core, std::uint32_t address, bool privileged, const Attribution& answer);

}  // namespace microvisor::board
