// The bus of the chip: which resource stands at an address, who may touch it, and what an offender sees.
//
// One Bus serves all masters. It decodes both aliases to the same resource, asks the checker of that resource
// (MPCBB for SRAM, the flash interface, MPCWM for external memory, TZSC for peripherals) with the attributes
// of the transaction, and applies the policy table: an illegal data access reads zero or is dropped and
// leaves a TZIC flag, an illegal fetch is a bus error (RM0456 section 5.4.2).
#pragma once

#include <cstdint>
#include <optional>

#include "board/bus/peripheral.hpp"
#include "board/bus/time.hpp"

namespace microvisor::board {

/// A stretch of memory that the core may reach without asking again, for one set of attributes.
struct DirectSpan {
  std::uint8_t* host = nullptr;  ///< host address of `base`
  std::uint32_t base = 0;        ///< first bus address of the stretch
  std::uint32_t size = 0;        ///< bytes; all with the same answer
  bool writable = false;         ///< false for flash and ROM: stores take the slow path
  /// Where this memory stands among all memories of the chip, alias or not: the key of the decode cache.
  std::uint32_t physical = 0;
};

/// A register block that the core may read and write without asking again, for one set of attributes.
struct RegisterWindow {
  Peripheral* block = nullptr;
  std::uint32_t base = 0;  ///< bus address of the block's first register
  std::uint32_t size = 0;  ///< bytes
};

/// Told when memory that may hold decoded instructions or cached permissions has changed behind the core's
/// back.
class BusObserver {
 public:
  virtual ~BusObserver() = default;
  /// Bytes at [physical, physical + size) were written by somebody other than the core's own stores.
  virtual void memory_changed(std::uint32_t physical, std::uint32_t size) = 0;
  /// Some permission, security attribute, clock gate or direct span is no longer what it was.
  virtual void permissions_changed() = 0;
};

class Bus {
 public:
  virtual ~Bus() = default;

  virtual Outcome read(std::uint32_t address, unsigned size, const Access& access, std::uint32_t& value) = 0;
  virtual Outcome write(std::uint32_t address, unsigned size, const Access& access, std::uint32_t value) = 0;
  /// The direct span around `address`, if an access with these attributes is legal there and the resource is
  /// plain memory that is free at the moment.
  [[nodiscard]] virtual std::optional<DirectSpan> direct(std::uint32_t address, const Access& access) = 0;
  /// The register block at `address`, if an access with these attributes reaches it.
  [[nodiscard]] virtual std::optional<RegisterWindow> register_window(std::uint32_t /*address*/,
                                                                      const Access& /*access*/) {
    return std::nullopt;
  }
  /// When the transaction that got Outcome::Stall can go on.
  [[nodiscard]] virtual Time stalled_until() const = 0;

  /// Debug view: no checks, no side effects. False where nothing answers.
  [[nodiscard]] virtual bool peek(std::uint32_t address, unsigned size, std::uint32_t& value) const = 0;
  virtual bool poke(std::uint32_t address, unsigned size, std::uint32_t value) = 0;

  virtual void set_observer(BusObserver* observer) = 0;
};

/// Physical memory numbers: the `physical` of a DirectSpan is one of these plus the offset in the memory.
enum : std::uint32_t {
  kPhysicalFlash = 0x0000'0000,     // 2 MiB, bank 1 then bank 2
  kPhysicalSystem = 0x0020'0000,    // system memory, OTP, engineering data
  kPhysicalSram = 0x0040'0000,      // SRAM1, SRAM2, SRAM3 in a row (768 KiB)
  kPhysicalSram4 = 0x0050'0000,     // 16 KiB
  kPhysicalBackup = 0x0051'0000,    // BKPSRAM, 2 KiB
  kPhysicalExternal = 0x0100'0000,  // NOR on OCTOSPI1, memory-mapped
};

}  // namespace microvisor::board
