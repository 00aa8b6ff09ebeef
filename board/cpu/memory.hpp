// The memory paths of the core: what loads, stores and fetches do.
//
// The fast path is a table of stretches of memory (one table a world and privilege) whose entries hold a host
// pointer; what it does not hold goes through attribute() and the bus. Functions return false when the access
// did not happen: either a fault has been recorded (see system.hpp) or the memory is busy (core is then to
// stop with Stop::Stalled; the instruction is repeated later, so nothing may have been changed).
#pragma once

#include <array>
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

/// For exception entry and return: access with an explicit world and privilege, 4 bytes, aligned. Nothing is
/// recorded; the caller knows which fault status bit belongs to it. A busy memory answers at once; the core
/// waits afterwards.
enum class FrameAccess : std::uint8_t { Ok, SecureFault, MpuFault, BusError };
FrameAccess frame_read(Core& core, std::uint32_t address, World world, bool privileged, std::uint32_t& value);
FrameAccess frame_write(Core& core, std::uint32_t address, World world, bool privileged, std::uint32_t value);
/// Vector fetch: privileged, default memory map, attribute of the target world.
FrameAccess vector_read(Core& core, std::uint32_t address, World world, std::uint32_t& value);

/// Forgets all cached permissions (SAU, MPU, GTZC, flash security changed).
void flush_tlb(Core& core);

// --- the tables behind it
// ------------------------------------------------------------------------------------------

/// A stretch of Normal memory with one answer for all of it: guest [base, base + span) is host[0, span).
struct TlbEntry {
  std::uint32_t base = 0;
  std::uint32_t span = 0;  ///< 0: nothing
  std::uint8_t* host = nullptr;
};

/// A page of code that is executable as a whole.
struct FetchEntry {
  std::uint32_t address = 1;  ///< of the page; odd: nothing
  Record* records = nullptr;
  const std::uint8_t* code = nullptr;
};

inline constexpr std::size_t kTlbEntries = 256;
inline constexpr std::size_t kFetchEntries = 256;

struct TlbBank {
  std::array<TlbEntry, kTlbEntries> read;
  std::array<TlbEntry, kTlbEntries> write;
  std::array<FetchEntry, kFetchEntries> fetch;
};

struct Tlb {
  std::array<TlbBank, 4> banks;  ///< by world and privilege, see bank_of()
  bool filled = false;           ///< something was entered since the last flush
};

/// Where a translation of `address` stands. Entries are found by kilobyte; the high bits keep flash and SRAM
/// apart.
constexpr std::size_t tlb_slot(std::uint32_t address) {
  return ((address >> 10) ^ (address >> 24)) % kTlbEntries;
}
constexpr std::size_t fetch_slot(std::uint32_t address) {
  return ((address >> 10) ^ (address >> 24)) % kFetchEntries;
}

/// The bank for accesses of `world` with `privileged`.
TlbBank& bank_of(Core& core, World world, bool privileged);

/// Host address of [address, address + size) if `entry` has all of it, else null.
inline std::uint8_t* host_address(const TlbEntry& entry, std::uint32_t address, unsigned size) {
  const std::uint64_t offset = address - entry.base;
  return offset + size <= entry.span ? entry.host + offset : nullptr;
}

/// The ranges of core.watch have changed: translations and decoded pages are made anew.
void watch_changed(Core& core);

/// Drops the write translations of all banks: a page has become code, and stores into it must be seen.
void drop_write_translations(Core& core);

}  // namespace microvisor::board
