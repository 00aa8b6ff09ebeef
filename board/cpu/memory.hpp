// The memory paths of the core: what loads, stores and fetches do.
//
// The fast path is a table of pages (one table a world and privilege) whose entries hold a host pointer; what it does
// not hold goes through attribute() and the bus. Functions return false when the access did not happen: either a
// fault has been recorded (see system.hpp) or the memory is busy (core is then to stop with Stop::Stalled; the
// instruction is repeated later, so nothing may have been changed).
#pragma once

#include <cstdint>

#include "board/cpu/core.hpp"

namespace microvisor::board {

/// How an access was asked for. Ordinary: current privilege, alignment free on Normal memory.
struct AccessOptions {
  bool unprivileged = false;  ///< LDRT, STRT
  bool aligned = false;       ///< the instruction demands natural alignment
};

// Slow and general forms, any `size` of 1, 2, 4. The interpreter has inline fast forms in front of them.
bool load(Core& core, std::uint32_t address, unsigned size, AccessOptions options, std::uint32_t& value);
bool store(Core& core, std::uint32_t address, unsigned size, AccessOptions options, std::uint32_t value);

/// For exception entry and return: access with an explicit world and privilege, 4 bytes, aligned. Nothing is recorded;
/// the caller knows which fault status bit belongs to it.
enum class FrameAccess : std::uint8_t { Ok, SecureFault, MpuFault, BusError };
FrameAccess frame_read(Core& core, std::uint32_t address, World world, bool privileged, std::uint32_t& value);
FrameAccess frame_write(Core& core, std::uint32_t address, World world, bool privileged, std::uint32_t value);
/// Vector fetch: privileged, default memory map, attribute of the target world.
FrameAccess vector_read(Core& core, std::uint32_t address, World world, std::uint32_t& value);

/// Forgets all cached permissions (SAU, MPU, GTZC, flash security changed).
void flush_tlb(Core& core);

}  // namespace microvisor::board
