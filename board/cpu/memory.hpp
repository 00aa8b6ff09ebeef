// The memory paths of the core: what loads, stores and fetches do.
//
// The fast path is a table of stretches of memory (one table a world and privilege) whose entries hold a host
// pointer, and beside it a table of register blocks; what they do not hold goes through attribute() and the
// bus. Functions return false when the access did not happen: either a fault has been recorded (see
// system.hpp) or the memory is busy (core is then to stop with Stop::Stalled; the instruction is repeated
// later, so nothing may have been changed).
#pragma once

#include <array>
#include <cstdint>
#include <memory>

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
/// To be called when the vector at `address` has been read and may be used by `world`: the same holds for its
/// neighbours.
void remember_vectors(Core& core, std::uint32_t address, World world);

/// Forgets all cached permissions (SAU, MPU, GTZC, flash security changed).
void flush_tlb(Core& core);

// --- the tables behind it ---------------------------------------------------------------------------

/// A stretch of Normal memory with one answer for all of it: guest [base, base + span) is host[0, span).
struct TlbEntry {
  std::uint32_t base = 0;
  std::uint32_t span = 0;  ///< 0: nothing
  std::uint8_t* host = nullptr;
};

/// A page of code that is executable as a whole.
struct FetchEntry {
  std::uint32_t address = 1;  ///< of the page; odd: nothing
  const Record* records = nullptr;
};

/// An SG instruction by which Non-secure code may enter.
struct GatewayEntry {
  std::uint32_t address = 1;        ///< odd: nothing
  bool privileged = false;          ///< of Secure state, when it was checked
  const Record* records = nullptr;  ///< of the page it lies in
};

/// A register block, or a kilobyte of a bigger one.
struct RegisterEntry {
  std::uint32_t page = ~std::uint32_t{0};  ///< address / 1 KiB; no such page: nothing
  std::uint32_t base = 0;                  ///< address of the block's first register
  Peripheral* block = nullptr;
  Access access;  ///< the attributes of the transaction
};

inline constexpr std::size_t kTlbEntries = 1024;
inline constexpr std::size_t kFetchEntries = 256;
inline constexpr std::size_t kRegisterEntries = 64;
inline constexpr std::size_t kGatewayEntries = 32;
inline constexpr std::uint32_t kRegisterPage = 1024;  ///< register blocks begin and end at such boundaries

struct TlbBank {
  std::array<TlbEntry, kTlbEntries> read;
  std::array<TlbEntry, kTlbEntries> write;
  std::array<FetchEntry, kFetchEntries> fetch;
  std::array<RegisterEntry, kRegisterEntries> registers;
  std::array<GatewayEntry, kGatewayEntries> gateways;
};

/// An empty bank.
extern const TlbBank kNoTranslations;

/// Banks are made when something is entered: few programs use all four.
struct Tlb {
  std::array<const TlbBank*, 4> banks{&kNoTranslations, &kNoTranslations, &kNoTranslations,
                                      &kNoTranslations};  ///< by world and privilege, see bank_of()
  std::array<std::unique_ptr<TlbBank>, 4> made;
  std::array<TlbEntry, 2> vectors;  ///< where the vector table of each world lies
  bool filled = false;              ///< something was entered since the last flush
};

/// Where a translation of `address` stands. Entries are found by kilobyte: all SRAM (768 KiB) has slots of
/// its own, whatever its alias; bits 26 and 27 keep flash apart, and its secure alias best of all.
constexpr std::size_t tlb_slot(std::uint32_t address) {
  return ((address >> 10) ^ (address >> 18 & 0x300)) % kTlbEntries;
}
constexpr std::size_t fetch_slot(std::uint32_t address) {
  return ((address >> 10) ^ (address >> 24)) % kFetchEntries;
}

constexpr std::size_t register_slot(std::uint32_t page) { return (page ^ (page >> 7)) % kRegisterEntries; }

constexpr std::size_t bank_number(World world, bool privileged) {
  return static_cast<std::size_t>(world) * 2 + (privileged ? 1 : 0);
}
constexpr std::size_t gateway_slot(std::uint32_t address) { return address / 8 % kGatewayEntries; }

/// The bank for accesses of `world` with `privileged`.
inline const TlbBank& bank_of(const Core& core, World world, bool privileged) {
  return *core.tlb->banks[bank_number(world, privileged)];
}
/// The same, to enter something.
inline TlbBank& bank_to_fill(Core& core, World world, bool privileged) {
  const std::size_t number = bank_number(world, privileged);
  std::unique_ptr<TlbBank>& bank = core.tlb->made[number];
  if (__builtin_expect(bank == nullptr, 0)) {
    bank = std::make_unique<TlbBank>();
    core.tlb->banks[number] = bank.get();
  }
  return *bank;
}

/// Host address of [address, address + size) if `entry` has all of it, else null.
inline std::uint8_t* host_address(const TlbEntry& entry, std::uint32_t address, unsigned size) {
  const std::uint64_t offset = address - entry.base;
  return offset + size <= entry.span ? entry.host + offset : nullptr;
}

/// Host address of a whole frame of `size` bytes, or null: then it is accessed word by word, by frame_read()
/// and frame_write().
inline const std::uint8_t* readable_frame(Core& core, std::uint32_t address, unsigned size, World world,
                                          bool privileged) {
  if ((address & 3) != 0) return nullptr;
  return host_address(bank_of(core, world, privileged).read[tlb_slot(address)], address, size);
}
inline std::uint8_t* writable_frame(Core& core, std::uint32_t address, unsigned size, World world,
                                    bool privileged) {
  if ((address & 3) != 0) return nullptr;
  return host_address(bank_of(core, world, privileged).write[tlb_slot(address)], address, size);
}
/// The vector at `address` if remember_vectors() has found where it lies; null if it has to be looked for.
inline const std::uint8_t* remembered_vector(const Core& core, std::uint32_t address, World world) {
  return host_address(core.tlb->vectors[world], address, 4);
}

/// The ranges of core.watch have changed: translations and decoded pages are made anew.
void watch_changed(Core& core);

/// Drops the write translations of all banks: a page has become code, and stores into it must be seen.
void drop_write_translations(Core& core);

}  // namespace microvisor::board
