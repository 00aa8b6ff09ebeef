// What a debugger needs of the thing it debugs. GdbSession speaks the protocol on one side of this interface,
// BoardTarget is a board on the other; tests put in something smaller.
//
// Everything is called on the thread of the target. Registers are numbered in the order of the target
// description.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "board/cpu/halting.hpp"

namespace microvisor::board {

/// Why and where a target has halted.
struct Halt {
  HaltReason reason = HaltReason::Request;
  Watch watch;  ///< for Watchpoint
  std::uint32_t pc = 0;
  unsigned signal = 0;  ///< as GDB numbers them; 0: that of the reason
};

class DebugTarget {
 public:
  virtual ~DebugTarget() = default;

  /// XML documents as GDB defines them (GDB manual, appendices G and E.11).
  [[nodiscard]] virtual std::string_view description() const = 0;
  [[nodiscard]] virtual std::string_view memory_map() const = 0;
  /// One line about the state: world, mode.
  [[nodiscard]] virtual std::string state() const = 0;

  [[nodiscard]] virtual unsigned register_count() const = 0;
  /// Little-endian, as many bytes as the description says.
  [[nodiscard]] virtual std::vector<std::uint8_t> read_register(unsigned number) const = 0;
  /// As the description names it; empty if there is none.
  [[nodiscard]] virtual std::string_view register_name(unsigned number) const {
    static_cast<void>(number);
    return {};
  }
  /// False: its value cannot be known, whatever read_register() says; GDB is told that it is unavailable.
  [[nodiscard]] virtual bool knows_register(unsigned number) const {
    static_cast<void>(number);
    return true;
  }
  /// False if there is no such register or the size is wrong.
  virtual bool write_register(unsigned number, std::span<const std::uint8_t> bytes) = 0;

  /// Reads without side effects, as far as there is memory; the rest is left out.
  [[nodiscard]] virtual std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) = 0;
  /// False if a byte of it cannot be written.
  virtual bool write_memory(std::uint32_t address, std::span<const std::uint8_t> bytes) = 0;
  /// Whole pages. False outside of the flash.
  virtual bool erase_flash(std::uint32_t address, std::uint32_t size) = 0;
  virtual bool write_flash(std::uint32_t address, std::span<const std::uint8_t> bytes) = 0;

  /// Whether there is room for one more, beside those that have been set.
  [[nodiscard]] virtual bool takes_breakpoint(std::uint32_t address) const {
    static_cast<void>(address);
    return true;
  }
  [[nodiscard]] virtual bool takes_watch(const Watch& watch) const {
    static_cast<void>(watch);
    return true;
  }
  virtual void set_breakpoint(std::uint32_t address) = 0;
  virtual void clear_breakpoint(std::uint32_t address) = 0;
  virtual void add_watch(const Watch& watch) = 0;
  virtual void remove_watch(const Watch& watch) = 0;

  /// Halts soon; GdbSession::halted() tells when.
  virtual void halt() = 0;
  virtual void go_on(bool stepping) = 0;
  /// True if the target can go back, which ends as going on does.
  [[nodiscard]] virtual bool reversible() const { return false; }
  virtual void go_back(bool stepping) { static_cast<void>(stepping); }
  /// Goes on by steps as long as the program counter lies in [first, end). False, and nothing is done: the
  /// target cannot by itself.
  virtual bool step_through(std::uint32_t first, std::uint32_t end) {
    static_cast<void>(first);
    static_cast<void>(end);
    return false;
  }
  /// Resets and stays halted. False if it then cannot start.
  virtual bool reset() = 0;
  /// The debugger has left: forgets breakpoints and lets the target run.
  virtual void release() = 0;
  /// Ends the target's life.
  virtual void kill() = 0;
  /// A line of GDB's `monitor` command. Its output, or nothing if there is no such command.
  virtual std::optional<std::string> monitor(std::string_view line) = 0;
};

}  // namespace microvisor::board
