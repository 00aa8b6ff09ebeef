// What an offender sees: the only place that says so.
//
// Each kind of illegal access has one row: the reaction to a read, a write and a fetch, whether TZIC latches
// the flag of the resource, and how sure we are. Security is judged before privilege. (RM0456 section 5.4.2
// unless noted.)
#pragma once

#include <cstdint>

namespace microvisor::board {

enum class Violation : std::uint8_t {
  None,
  NonSecureToSecure,        ///< non-secure transaction, secure block, page or region
  SecureToNonSecureSram,    ///< secure transaction, non-secure MPCBB block (data only while SRWILADIS = 0)
  SecureToNonSecureFlash,   ///< secure transaction, non-secure flash page
  SecureToNonSecureRegion,  ///< secure transaction, non-secure MPCWM region
  Unprivileged,             ///< unprivileged transaction, privileged resource of the right world
  Hidden,                   ///< page of a closed HDP area, whoever asks
  FetchFromRegisters,       ///< instruction fetch from a register block
  Unmapped,                 ///< nothing there
};

enum class Reaction : std::uint8_t {
  Ignore,    ///< reads zero, drops the write, no sign to the master
  BusError,  ///< error response
};

/// How well a row is founded.
enum class Confidence : std::uint8_t {
  Manual,     ///< stated in the reference manual for this case
  Inferred,   ///< stated for a neighbouring case, or seen on a sister part
  Contested,  ///< sources contradict each other: firmware must not depend on it
};

struct Policy {
  Reaction data;
  Reaction fetch;
  bool flag_on_read;
  bool flag_on_write;
  bool flag_on_fetch;
  Confidence confidence;
};

constexpr Policy policy_of(Violation violation) {
  using enum Reaction;
  using enum Confidence;
  switch (violation) {
    // The flag on writes is certain; on reads it is stated block by block, and we assume it everywhere.
    case Violation::NonSecureToSecure: return {Ignore, BusError, true, true, true, Inferred};
    // A research kernel on the sister STM32L5 sees a precise bus fault for data. Our firmware sets SRWILADIS.
    case Violation::SecureToNonSecureSram: return {Ignore, BusError, true, true, true, Contested};
    // RM0456 table 68: reads zero, programs nothing; the flash interface also sets WRPERR.
    case Violation::SecureToNonSecureFlash: return {Ignore, BusError, true, true, true, Inferred};
    case Violation::SecureToNonSecureRegion: return {Ignore, BusError, true, true, true, Manual};
    case Violation::Unprivileged: return {Ignore, BusError, false, false, false, Manual};
    // RM0456 section 7.5.3 refuses all accesses; that a read gives zero is an inference.
    case Violation::Hidden: return {Ignore, BusError, true, true, true, Inferred};
    case Violation::FetchFromRegisters: return {Ignore, BusError, false, false, false, Manual};
    case Violation::Unmapped: return {BusError, BusError, false, false, false, Inferred};
    case Violation::None: break;
  }
  return {Ignore, Ignore, false, false, false, Manual};
}

}  // namespace microvisor::board
