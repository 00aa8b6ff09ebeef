// What every register block of the chip looks like to the bus.
//
// Offsets are relative to the block's base; both aliases (secure and non-secure) lead here, and the attribute
// of the transaction is in `Access`, never in the address. The bus has already applied TZSC, privilege and
// clock gating; a TrustZone-aware block (RCC, GPIO, FLASH ...) looks at `access` itself, bit by bit.
#pragma once

#include <cstdint>
#include <string_view>

#include "board/bus/archive.hpp"

namespace microvisor::board {

enum class Master : std::uint8_t { Core, Gpdma, Lpdma };

/// The attributes a transaction carries over the bus. Security is the result of SAU and IDAU (core) or the
/// channel's security bit (DMA), not bit 28 of the address (RM0456 section 3.5).
struct Access {
  bool secure = true;
  bool privileged = true;
  bool fetch = false;
  Master master = Master::Core;
};

enum class Outcome : std::uint8_t {
  Ok,
  BusError,  ///< the master sees an error response (precise)
  Stall,     ///< not now: the master waits until Bus::stalled_until(), then repeats the transaction
};

/// Which reset line is pulled. A system reset keeps the backup domain (RTC, TAMP), a power-on reset keeps
/// nothing. The end of Standby is a system reset that leaves the supply's own circuits alone too (PWR, IWDG).
enum class Reset : std::uint8_t { PowerOn, System, Standby };

class Peripheral {
 public:
  virtual ~Peripheral() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// `size` is 1, 2 or 4, `offset` a multiple of it. Clears `value` when nothing is there.
  virtual Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) = 0;
  virtual Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) = 0;
  /// The word a debugger sees: no side effect, no check.
  [[nodiscard]] virtual std::uint32_t peek(std::uint32_t offset) const = 0;
  virtual void reset(Reset kind) = 0;
  virtual void serialise(Archive& archive) = 0;
};

/// Where interrupt lines end: the NVIC of the core.
class InterruptSink {
 public:
  virtual ~InterruptSink() = default;
  /// Level of one of the chip's interrupt lines (0 to 125). Idempotent.
  virtual void set_line(unsigned line, bool level) = 0;
  /// Raises NMI (an edge).
  virtual void raise_nmi() = 0;
  /// An event for WFE (an edge on the core's event input).
  virtual void raise_event() = 0;
};

/// One end of an interrupt line, given to the block that drives it.
struct InterruptLine {
  InterruptSink* sink = nullptr;
  unsigned number = 0;
  void set(bool level) const {
    if (sink != nullptr) sink->set_line(number, level);
  }
};

}  // namespace microvisor::board
