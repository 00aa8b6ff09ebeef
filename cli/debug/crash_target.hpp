// A crash report as GDB's target: the application as it was when it failed. Nothing can be changed, and it
// does not go on.
//
// Memory is what the report has of the stack, and what the ELF file says of flash. Anything else is not
// known, and GDB is told so.
#pragma once

#include <vector>

#include "board/debug/elf_image.hpp"
#include "cli/debug/polled_target.hpp"
#include "protocol/crash/crash_report.hpp"
#include "protocol/debug/messages.hpp"

namespace microvisor::cli::debug {

class CrashTarget final : public PolledTarget {
 public:
  CrashTarget(const microvisor::crash::CrashReport& report, board::LoadedImage image);

  [[nodiscard]] std::optional<TargetEvent> poll(std::chrono::milliseconds) override;
  [[nodiscard]] const board::Halt& last_halt() const override { return halt_; }
  [[nodiscard]] std::string_view description() const override;
  [[nodiscard]] std::string_view memory_map() const override;
  [[nodiscard]] std::string state() const override { return "crashed"; }
  [[nodiscard]] unsigned register_count() const override;
  [[nodiscard]] std::vector<std::uint8_t> read_register(unsigned number) const override;
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
  struct Piece {
    std::uint32_t address = 0;
    std::vector<std::uint8_t> bytes;
  };
  std::string text_;  // of the report
  protocol::debug::Registers registers_{};
  std::vector<Piece> memory_;
  board::Halt halt_;
  bool tries_to_go_on_ = false;
};

}  // namespace microvisor::cli::debug
