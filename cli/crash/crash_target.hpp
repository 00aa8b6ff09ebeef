// A crash report as GDB's target, as a core file would be: the application as it was when it failed. Nothing
// can be changed, and it does not go on.
//
// Registers and memory are what the report and the ELF file have of them (known_memory.hpp). Anything else is
// not known, and GDB is told so.
//
// On the thread of the GDB server.
#pragma once

#include <string>
#include <vector>

#include "cli/crash/known_memory.hpp"
#include "cli/debug/polled_target.hpp"
#include "protocol/debug/messages.hpp"

namespace microvisor::cli {

class CrashTarget final : public debug::PolledTarget {
 public:
  /// `text` is what `monitor crash` says.
  CrashTarget(const microvisor::crash::CrashReport& report, KnownMemory memory, std::string text);

  [[nodiscard]] std::optional<debug::TargetEvent> poll(std::chrono::milliseconds) override;
  [[nodiscard]] const board::Halt& last_halt() const override { return halt_; }
  [[nodiscard]] std::string_view description() const override;
  [[nodiscard]] std::string_view memory_map() const override;
  [[nodiscard]] std::string state() const override { return "crashed"; }
  [[nodiscard]] unsigned register_count() const override;
  [[nodiscard]] std::vector<std::uint8_t> read_register(unsigned number) const override;
  [[nodiscard]] bool knows_register(unsigned number) const override;
  bool write_register(unsigned, std::span<const std::uint8_t>) override { return false; }
  [[nodiscard]] std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) override;
  bool write_memory(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  bool erase_flash(std::uint32_t, std::uint32_t) override { return false; }
  bool write_flash(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  void set_breakpoint(std::uint32_t) override {}
  void clear_breakpoint(std::uint32_t) override {}
  void add_watch(const board::Watch&) override {}
  void remove_watch(const board::Watch&) override {}
  void halt() override { tries_to_go_on_ = true; }
  void go_on(bool) override { tries_to_go_on_ = true; }
  bool reset() override { return false; }
  void release() override {}
  void kill() override {}
  std::optional<std::string> monitor(std::string_view line) override;

 private:
  const std::string text_;
  const KnownMemory memory_;
  protocol::debug::Registers registers_{};
  const bool frame_known_, callee_known_;
  board::Halt halt_;
  bool tries_to_go_on_ = false;
};

}  // namespace microvisor::cli
