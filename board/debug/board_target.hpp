// A board as a debugger sees it: both worlds, every memory by either alias, the private peripheral bus.
//
// Reading goes by the bus's debug view and has no side effects; no check of TrustZone applies to it. Writing
// a peripheral's register is what it is: a secure, privileged write. The private peripheral bus looks
// different to the two worlds; what is shown is the view of the world that runs, until `monitor world` names
// one.
//
// Belongs to the thread of the board, which must outlive it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/board.hpp"
#include "board/debug/debug_target.hpp"

namespace microvisor::board {

/// A word after GDB's `monitor`.
struct MonitorCommand {
  std::string_view name;
  std::string_view arguments;  ///< as help shows them
  std::string_view help;
  /// Gets what follows the name; its output ends in a newline.
  std::function<std::string(std::string_view arguments)> run;
};

class BoardTarget final : public DebugTarget {
 public:
  explicit BoardTarget(Board& board);

  /// More commands for `monitor`.
  void add_command(MonitorCommand command) { commands_.push_back(std::move(command)); }
  /// The halt the board is in.
  [[nodiscard]] Halt halt_now(HaltReason reason) const;

  [[nodiscard]] std::string_view description() const override;
  [[nodiscard]] std::string_view memory_map() const override;
  [[nodiscard]] std::string state() const override;
  [[nodiscard]] unsigned register_count() const override;
  [[nodiscard]] std::string_view register_name(unsigned number) const override;
  [[nodiscard]] std::vector<std::uint8_t> read_register(unsigned number) const override;
  bool write_register(unsigned number, std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) override;
  bool write_memory(std::uint32_t address, std::span<const std::uint8_t> bytes) override;
  bool erase_flash(std::uint32_t address, std::uint32_t size) override;
  bool write_flash(std::uint32_t address, std::span<const std::uint8_t> bytes) override;
  void set_breakpoint(std::uint32_t address) override;
  void clear_breakpoint(std::uint32_t address) override;
  void add_watch(const Watch& watch) override;
  void remove_watch(const Watch& watch) override;
  void halt() override;
  void go_on(bool stepping) override;
  bool reset() override;
  void release() override;
  void kill() override;
  std::optional<std::string> monitor(std::string_view line) override;

 private:
  [[nodiscard]] World view() const;
  [[nodiscard]] bool peek(std::uint32_t address, unsigned size, std::uint32_t& value) const;
  bool poke(std::uint32_t address, unsigned size, std::uint32_t value);
  [[nodiscard]] std::string help() const;
  std::string set_view(std::string_view which);
  std::string set_halt_on_reset(std::string_view state);

  Board& board_;
  std::optional<World> view_;
  std::vector<MonitorCommand> commands_;
};

}  // namespace microvisor::board
