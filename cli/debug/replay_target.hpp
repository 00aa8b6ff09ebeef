// A recording as GDB's target: forward and back, nothing to be changed.
//
// What GDB writes is refused, since a board that was changed would no longer be the one that was recorded.
// While an order is carried out, which poll() does piece by piece, descriptor() is readable.
//
// Lives on the thread that serves GDB. The time machine must outlive it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "board/debug/board_target.hpp"
#include "board/replay/time_machine.hpp"
#include "cli/debug/gdb_listener.hpp"
#include "cli/debug/polled_target.hpp"

namespace microvisor::cli::debug {

class ReplayTarget final : public PolledTarget {
 public:
  explicit ReplayTarget(board::TimeMachine& machine);

  /// For GdbConnection::serve().
  [[nodiscard]] int descriptor() const { return bell_.get(); }
  /// GDB has said `kill`.
  [[nodiscard]] bool killed() const { return killed_; }

  /// Works on the order that GDB has given. `over` if the host has no memory left, with the reason as text.
  [[nodiscard]] std::optional<TargetEvent> poll(std::chrono::milliseconds) override;
  [[nodiscard]] const board::Halt& last_halt() const override { return halt_; }

  [[nodiscard]] std::string_view description() const override { return view_->description(); }
  [[nodiscard]] std::string_view memory_map() const override { return view_->memory_map(); }
  [[nodiscard]] std::string state() const override { return view_->state(); }
  [[nodiscard]] unsigned register_count() const override { return view_->register_count(); }
  [[nodiscard]] std::vector<std::uint8_t> read_register(unsigned number) const override {
    return view_->read_register(number);
  }
  bool write_register(unsigned, std::span<const std::uint8_t>) override { return false; }
  [[nodiscard]] std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) override {
    return view_->read_memory(address, size);
  }
  bool write_memory(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  bool erase_flash(std::uint32_t, std::uint32_t) override { return false; }
  bool write_flash(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  void set_breakpoint(std::uint32_t address) override { machine_.set_breakpoint(address); }
  void clear_breakpoint(std::uint32_t address) override { machine_.clear_breakpoint(address); }
  void add_watch(const board::Watch& watch) override { machine_.add_watch(watch); }
  void remove_watch(const board::Watch& watch) override { machine_.remove_watch(watch); }
  void halt() override { machine_.interrupt(); }
  void go_on(bool stepping) override;
  [[nodiscard]] bool reversible() const override { return true; }
  void go_back(bool stepping) override;
  bool reset() override { return false; }
  void release() override;
  void kill() override { killed_ = true; }
  std::optional<std::string> monitor(std::string_view line) override;

 private:
  void look_at_present();
  void ring(bool on) const;
  [[nodiscard]] std::string where();
  std::string set_faults(std::string_view whose);
  [[nodiscard]] std::string go_to(std::string_view place);

  board::TimeMachine& machine_;
  std::unique_ptr<board::BoardTarget> view_;  ///< of the present
  std::string world_;                         ///< as `monitor world` has set it
  Descriptor bell_;
  board::Halt halt_;
  bool killed_ = false;
};

}  // namespace microvisor::cli::debug
