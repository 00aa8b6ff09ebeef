// Halting: what a debugger outside of the chip wants of the core, as a probe on SWD would.
//
// It stands beside the debug units that software on the chip programs (FPB, DWT, DebugMonitor), uses the same
// marks and watched ranges (debug_watch.hpp), and software sees nothing of it. So breakpoints and watchpoints
// cost nothing until they are met, their number has no limit, and instructions and virtual time are counted
// as they are without them.
//
// Belongs to a Core and lives on its board's thread; changes are made while execute() is not running.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

namespace microvisor::board {

struct Core;
struct DebugWatch;

enum class HaltReason : std::uint8_t {
  Request,     ///< asked for from outside
  Step,        ///< the instruction to be stepped is done, or an exception was entered in its place
  Breakpoint,  ///< state.r[15] is at one; the instruction there has not been fetched
  Watchpoint,  ///< the instruction before state.r[15] has touched watched bytes
  Reset,       ///< the chip came out of a reset after which it was to halt
  LockedUp,
  Fault,            ///< a fault's handler is about to begin; state.r[15] is in it
  RecordingBegins,  ///< there is nothing before this
  RecordingEnds,    ///< there is nothing behind this
};

/// Bytes whose accesses by the core are of interest, by either alias. DMA is not looked at.
struct Watch {
  std::uint32_t address = 0;
  std::uint32_t size = 0;  ///< at least 1
  bool reads = false;
  bool writes = false;
  friend constexpr bool operator==(const Watch&, const Watch&) = default;
};

/// Faults at which to halt: of whose code. Secure code may well make faults on purpose, to see what is there.
/// Branches to places that are no entry points (SFSR.INVEP alone) are none of them, since they may be calls.
enum class FaultHalts : std::uint8_t { None, OfNonSecure, OfBoth };

struct Halting {
  std::set<std::uint32_t> breakpoints;  ///< addresses of instructions, as code reaches them
  std::vector<Watch> watches;
  FaultHalts faults = FaultHalts::None;

  bool stepping = false;  ///< execute() comes back after one instruction or exception entry
  bool due = false;       ///< execute() comes back at the next boundary
  HaltReason reason = HaltReason::Step;
  Watch met;  ///< for Watchpoint: the watch, with the first address in it that was touched

  /// A breakpoint does not halt again where the core was told to go on.
  std::uint32_t resumed_at = 1;
  std::uint64_t resumed_after = 0;  ///< Core::retired then
};

void set_breakpoint(Core& core, std::uint32_t address);
void clear_breakpoint(Core& core, std::uint32_t address);
/// The same watch twice is one.
void add_watch(Core& core, const Watch& watch);
void remove_watch(Core& core, const Watch& watch);
/// Forgets breakpoints, watches and what was to be stepped.
void stop_halting(Core& core);
/// To be called when the core goes on from a halt.
void resume_from_halt(Core& core, bool stepping);

// --- for the core ---------------------------------------------------------------------------------------
/// Adds what is wanted here to the ranges that the slow paths ask for.
void add_halting_ranges(const Core& core, DebugWatch& watch);
/// True if there is a breakpoint at state.r[15] that is to halt the core.
bool halts_at_breakpoint(const Core& core);
/// The handler of this exception has been entered.
void halt_for_fault(Core& core, unsigned exception);
/// An access in a watched range has happened.
void halt_for_access(Core& core, std::uint32_t address, unsigned size, bool read);

}  // namespace microvisor::board
