// Bits of CFSR and SFSR: Armv8-M Architecture Reference Manual, D1.2.
#include "cli/debug/stop_text.hpp"

#include <fmt/core.h>

#include <array>
#include <string_view>

namespace microvisor::cli::debug {

namespace {

namespace wire = protocol::debug;
using protocol::debug::EndReason;
using protocol::debug::StopReason;

constexpr unsigned kIllegalInstruction = 4, kArithmetic = 8, kBusError = 10, kSegmentation = 11;

struct FaultBit {
  unsigned bit;
  unsigned signal;
  std::string_view text;
};
constexpr FaultBit kFaults[] = {
    {0, kSegmentation, "instruction fetch that the MPU forbids"},
    {1, kSegmentation, "data access that the MPU forbids"},
    {3, kSegmentation, "MPU fault on returning from an exception"},
    {4, kSegmentation, "MPU fault on entering an exception"},
    {5, kSegmentation, "MPU fault on saving floating-point state"},
    {8, kBusError, "bus error on fetching an instruction"},
    {9, kBusError, "bus error on a data access"},
    {10, kBusError, "bus error on a data access some instructions ago"},
    {11, kBusError, "bus error on returning from an exception"},
    {12, kBusError, "bus error on entering an exception"},
    {13, kBusError, "bus error on saving floating-point state"},
    {16, kIllegalInstruction, "undefined instruction"},
    {17, kIllegalInstruction, "invalid execution state"},
    {18, kIllegalInstruction, "invalid exception return"},
    {19, kIllegalInstruction, "coprocessor that is not there or not enabled"},
    {20, kSegmentation, "stack overflow"},
    {24, kBusError, "unaligned access"},
    {25, kArithmetic, "division by zero"},
};
constexpr FaultBit kSecureFaults[] = {
    {0, kSegmentation, "branch into Microvisor's memory that is no system call"},
    {1, kSegmentation, "invalid integrity signature"},
    {2, kSegmentation, "invalid exception return"},
    {3, kSegmentation, "access to Microvisor's memory"},
    {5, kSegmentation, "saving floating-point state to Microvisor's memory"},
};

std::string_view what_of(wire::Opcode opcode) {
  switch (opcode) {
    case wire::Opcode::SetBreakpoints: return "breakpoints";
    case wire::Opcode::SetWatchpoints: return "watchpoints";
    case wire::Opcode::WriteMemory: return "a write to memory";
    case wire::Opcode::WriteRegister: return "a write to a register";
    case wire::Opcode::Restart: return "a restart";
    default: return "what it was asked for";
  }
}

const FaultBit* first_fault(const protocol::debug::Stopped& stop) {
  for (const FaultBit& fault : kSecureFaults) {
    if ((stop.secure_fault_status >> fault.bit & 1) != 0) return &fault;
  }
  for (const FaultBit& fault : kFaults) {
    if ((stop.fault_status >> fault.bit & 1) != 0) return &fault;
  }
  return nullptr;
}

}  // namespace

unsigned signal_of(const protocol::debug::Stopped& stop) {
  if (stop.reason != StopReason::Fault) return 0;
  const FaultBit* fault = first_fault(stop);
  return fault != nullptr ? fault->signal : kSegmentation;
}

std::string describe_stop(const protocol::debug::Stopped& stop) {
  if (stop.reason != StopReason::Fault) return {};
  const FaultBit* fault = first_fault(stop);
  std::string text =
      fmt::format("Fault: {}", fault != nullptr ? fault->text : "touched what is Microvisor's");
  if (stop.address != 0) text += fmt::format(", address 0x{:08x}", stop.address);
  return text + ". Going on from here lets the crash take its course.\n";
}

std::string describe_failure(const wire::Answer& failure) {
  const std::string_view what = what_of(failure.opcode);
  switch (failure.status) {
    case wire::Status::TooMany: return fmt::format("The device has no room for so many {}.\n", what);
    case wire::Status::Unsupported:
      if (failure.opcode == wire::Opcode::SetWatchpoints)
        return "The device has no watchpoints: its debug port is shut, and its trace unit with it.\n";
      return fmt::format("The device cannot do {}.\n", what);
    case wire::Status::Refused: return fmt::format("The device refuses {}.\n", what);
    case wire::Status::BusFault: return fmt::format("A bus fault has ended {}.\n", what);
    case wire::Status::NoApplication: return "There is no application on the device.\n";
    default: return fmt::format("The device has not done {}.\n", what);
  }
}

std::string describe_restart(std::uint8_t wake_reason) {
  return fmt::format("The application has been started anew (wake reason {}).\n", wake_reason);
}

std::string describe_end(EndReason reason) {
  switch (reason) {
    case EndReason::TakenOver: return "Another debugger has taken the session over.\n";
    case EndReason::Installation: return "The device installs an update.\n";
    case EndReason::DeviceRestarts: return "The device restarts.\n";
  }
  return "The session has ended.\n";
}

}  // namespace microvisor::cli::debug
