// What the debugger needs of the kernel: the application, halted or running. The kernel implements it once
// (kernel/debugged_application.cpp); host tests bring something smaller.
//
// Everything is called by the worker and returns at once.
#pragma once

#include <cstdint>
#include <span>

#include "protocol/debug/messages.hpp"

namespace microvisor::firmware::debugger {

namespace wire = protocol::debug;

enum class RunState : std::uint8_t { Runs = 0, Halted = 1, NotStarted = 2 };

/// The last stop. `number` counts the stops of a session; 0: none yet.
struct StopNote {
  std::uint32_t number = 0;
  wire::StopReason reason{};
  std::uint32_t address = 0;
  std::uint32_t fault_status = 0;
  std::uint32_t secure_fault_status = 0;
};

enum class ResumeKind : std::uint8_t { Continue, Step, StepRange };

enum class Access : std::uint8_t { Done, Refused, BusFault };

class Application {
 public:
  /// A session begins and ends; at its end the application runs, without breakpoints.
  virtual void attach() = 0;
  virtual void detach() = 0;
  /// About once a second while a session is open.
  virtual void look_after() = 0;

  [[nodiscard]] virtual RunState state() = 0;
  [[nodiscard]] virtual StopNote last_stop() = 0;
  /// Counts the application's starts.
  [[nodiscard]] virtual std::uint32_t starts() = 0;
  /// MvWakeReason of the last one.
  [[nodiscard]] virtual std::uint8_t wake_reason() = 0;
  [[nodiscard]] virtual std::uint32_t kernel_version_number() = 0;

  /// False: it is not halted, or its stack pointer leads nowhere.
  [[nodiscard]] virtual bool read_registers(wire::Registers& registers) = 0;
  [[nodiscard]] virtual bool write_register(std::uint8_t number, std::uint32_t value) = 0;

  /// All of it or nothing. `width`: bytes of each access, 1, 2 or 4; 0: any.
  [[nodiscard]] virtual Access read_memory(std::uint32_t address, std::span<std::uint8_t> to,
                                           std::uint8_t width) = 0;
  [[nodiscard]] virtual Access write_memory(std::uint32_t address, std::span<const std::uint8_t> from,
                                            std::uint8_t width) = 0;
  /// How many of `size` bytes from `address` on are ordinary memory of the application's, which may be read
  /// at any time.
  [[nodiscard]] virtual std::uint32_t readable(std::uint32_t address, std::uint32_t size) = 0;

  [[nodiscard]] virtual bool set_breakpoints(std::span<const std::uint32_t> addresses) = 0;
  [[nodiscard]] virtual bool set_watchpoints(std::span<const wire::Watchpoint> watchpoints) = 0;
  virtual void resume(ResumeKind kind, std::uint32_t first, std::uint32_t end) = 0;
  virtual void halt() = 0;
  virtual void restart(bool halt) = 0;

 protected:
  ~Application() = default;
};

}  // namespace microvisor::firmware::debugger
