// Does what the debugger's messages ask for, and tells what has happened (protocol/debug/FORMAT.md).
//
// Commands of one message are done in their order, each answered, up to the first that fails. A stop is told
// once, with what a debugger looks at first, so that it need not ask. Worker only.
#pragma once

#include "firmware/debugger/application.hpp"

namespace microvisor::firmware::debugger {

class CommandRunner {
 public:
  explicit CommandRunner(Application& application) : application_(application) {}

  /// A session begins: nothing is configured, nothing has been told.
  void start();
  /// The answers to `message`, written to `out`. How many bytes; 0: the message is not one.
  [[nodiscard]] std::size_t run(std::span<const std::uint8_t> message, std::span<std::uint8_t> out);
  /// A stop or a start that has not been told: its bytes in `out`; 0: there is none.
  [[nodiscard]] std::size_t news(std::span<std::uint8_t> out);
  /// The debugger has asked to leave.
  [[nodiscard]] bool leaving() const { return leaving_; }

 private:
  using Status = wire::Status;
  [[nodiscard]] Status answer(const wire::Command& command, wire::Writer& writer);
  [[nodiscard]] Status perform(const wire::Command& command);
  [[nodiscard]] Status set_breakpoints(std::span<const std::uint8_t> entries);
  [[nodiscard]] Status set_watchpoints(std::span<const std::uint8_t> entries);
  [[nodiscard]] Status resume(ResumeKind kind, const wire::Command& command);
  [[nodiscard]] Status answer_read(const wire::Command& command, wire::Writer& writer);
  [[nodiscard]] Status halt();
  [[nodiscard]] std::size_t tell_stop(const StopNote& stop, std::span<std::uint8_t> out);
  [[nodiscard]] bool has_told_code(std::uint32_t pc) const;
  [[nodiscard]] std::span<const std::uint8_t> surroundings(std::uint32_t address, std::uint32_t size,
                                                           std::span<std::uint8_t> room);

  Application& application_;
  std::uint32_t told_stop_ = 0;
  std::uint32_t told_starts_ = 0;
  std::uint16_t stack_bytes_ = 0, code_before_ = 0, code_after_ = 0;
  std::uint32_t told_code_ = 0, told_code_size_ = 0;  // of flash, which does not change
  bool leaving_ = false;
};

}  // namespace microvisor::firmware::debugger
