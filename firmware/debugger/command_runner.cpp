// See command_runner.hpp.
#include "firmware/debugger/command_runner.hpp"

#include <algorithm>

namespace microvisor::firmware::debugger {

namespace {

/// GDB reads the stack in pieces of 64 bytes, so what comes with a stop begins with a whole one.
constexpr std::uint32_t kStackLine = 64;
/// Addresses below are code (Armv8-M Architecture Reference Manual, B8.1): flash, as far as it is the
/// application's.
constexpr std::uint32_t kEndOfCode = 0x2000'0000;
/// So many bytes in front of PC and behind it are what a step and a disassembly look at.
constexpr std::uint32_t kLookBehind = 16, kLookAhead = 64;

}  // namespace

void CommandRunner::start() {
  told_stop_ = 0;
  told_starts_ = application_.starts();
  stack_bytes_ = code_before_ = code_after_ = 0;
  told_code_size_ = 0;
  leaving_ = false;
}

std::size_t CommandRunner::run(std::span<const std::uint8_t> message, std::span<std::uint8_t> out) {
  wire::Reader reader(message);
  wire::Writer writer(out);
  wire::Command command;
  for (;;) {
    switch (reader.next(command)) {
      case wire::Reader::Result::Taken:
        if (answer(command, writer) != Status::Ok) return writer.size();
        break;
      case wire::Reader::Result::End: return writer.size();
      case wire::Reader::Result::Unknown:
        (void)writer.put(wire::Answer{.opcode = command.opcode, .status = Status::Unsupported});
        return writer.size();
      case wire::Reader::Result::Malformed: return 0;
    }
  }
}

wire::Status CommandRunner::answer(const wire::Command& command, wire::Writer& writer) {
  if (command.opcode == wire::Opcode::ReadMemory) return answer_read(command, writer);
  wire::Answer answer{.opcode = command.opcode, .status = perform(command)};
  if (command.opcode == wire::Opcode::Status) {
    answer.device = {.state = static_cast<std::uint8_t>(application_.state()),
                     .hardware_breakpoints = 8,
                     .breakpoints = wire::kMaximumBreakpoints,
                     .watchpoints = wire::kMaximumWatchpoints,
                     .kernel_version_number = application_.kernel_version_number()};
  }
  (void)writer.put(answer);  // the shortest answers always fit: a command is never shorter
  return answer.status;
}

wire::Status CommandRunner::perform(const wire::Command& command) {
  switch (command.opcode) {
    case wire::Opcode::Status:
    case wire::Opcode::KeepAlive: return Status::Ok;
    case wire::Opcode::Configure:
      stack_bytes_ = command.stack_bytes;
      code_before_ = command.code_before;
      code_after_ = command.code_after;
      return Status::Ok;
    case wire::Opcode::WriteMemory:
      switch (application_.write_memory(command.address, command.data, command.width)) {
        case Access::Done: return Status::Ok;
        case Access::Refused: return Status::Refused;
        case Access::BusFault: return Status::BusFault;
      }
      return Status::Refused;
    case wire::Opcode::WriteRegister:
      if (application_.state() != RunState::Halted) return Status::NotHalted;
      return application_.write_register(command.number, command.value) ? Status::Ok : Status::Refused;
    case wire::Opcode::SetBreakpoints: return set_breakpoints(command.data);
    case wire::Opcode::SetWatchpoints: return set_watchpoints(command.data);
    case wire::Opcode::Continue: return resume(ResumeKind::Continue, command);
    case wire::Opcode::Step: return resume(ResumeKind::Step, command);
    case wire::Opcode::StepRange: return resume(ResumeKind::StepRange, command);
    case wire::Opcode::Halt: return halt();
    case wire::Opcode::Restart: application_.restart(command.halt); return Status::Ok;
    case wire::Opcode::Detach: leaving_ = true; return Status::Ok;
    case wire::Opcode::ReadMemory: break;  // answer_read()
  }
  return Status::Unsupported;
}

/// Whoever asks is told of a stop, also of one that there was.
wire::Status CommandRunner::halt() {
  if (application_.state() == RunState::Halted) told_stop_ = 0;
  application_.halt();
  return Status::Ok;
}

wire::Status CommandRunner::set_breakpoints(std::span<const std::uint8_t> entries) {
  std::array<std::uint32_t, wire::kMaximumBreakpoints> addresses;
  const std::size_t count = entries.size() / wire::kBreakpointBytes;
  if (count > addresses.size()) return Status::TooMany;
  for (std::size_t i = 0; i < count; ++i) addresses[i] = wire::breakpoint_at(entries, i) & ~1u;
  return application_.set_breakpoints(std::span(addresses).first(count)) ? Status::Ok : Status::TooMany;
}

wire::Status CommandRunner::set_watchpoints(std::span<const std::uint8_t> entries) {
  std::array<wire::Watchpoint, wire::kMaximumWatchpoints> watchpoints;
  const std::size_t count = entries.size() / wire::kWatchpointBytes;
  if (count > watchpoints.size()) return Status::TooMany;
  for (std::size_t i = 0; i < count; ++i) watchpoints[i] = wire::watchpoint_at(entries, i);
  const bool set = application_.set_watchpoints(std::span(watchpoints).first(count));
  return set ? Status::Ok : Status::Unsupported;
}

wire::Status CommandRunner::resume(ResumeKind kind, const wire::Command& command) {
  if (application_.state() != RunState::Halted) return Status::NotHalted;
  application_.resume(kind, command.address, command.end);
  return Status::Ok;
}

wire::Status CommandRunner::answer_read(const wire::Command& command, wire::Writer& writer) {
  wire::Answer answer{.opcode = command.opcode};
  const std::size_t size = command.count;
  if (size > writer.room_for_data()) {
    answer.status = Status::NoRoom;
  } else {
    // Of plain memory as far as it goes, of anything else all or nothing.
    const std::uint32_t plain = application_.readable(command.address, command.count);
    const auto bytes = writer.end_of_room(plain != 0 ? plain : size);
    switch (application_.read_memory(command.address, bytes, command.width)) {
      case Access::Done: answer.data = bytes; break;
      case Access::Refused: answer.status = Status::Refused; break;
      case Access::BusFault: answer.status = Status::BusFault; break;
    }
  }
  (void)writer.put(answer);
  return answer.status;
}

std::size_t CommandRunner::news(std::span<std::uint8_t> out) {
  if (const std::uint32_t starts = application_.starts(); starts != told_starts_) {
    told_starts_ = starts;
    wire::Writer writer(out);
    return writer.put_restarted(application_.wake_reason()) ? writer.size() : 0;
  }
  const StopNote stop = application_.last_stop();
  if (stop.number == told_stop_ || application_.state() != RunState::Halted) return 0;
  told_stop_ = stop.number;
  return tell_stop(stop, out);
}

std::span<const std::uint8_t> CommandRunner::surroundings(std::uint32_t address, std::uint32_t size,
                                                          std::span<std::uint8_t> room) {
  const std::uint32_t count = application_.readable(address, size);
  const auto bytes = room.first(count);
  if (count == 0 || application_.read_memory(address, bytes, 0) != Access::Done) return {};
  return bytes;
}

/// Most stops of a session are near the one before.
bool CommandRunner::has_told_code(std::uint32_t pc) const {
  const std::uint32_t at = pc - told_code_;
  return pc < kEndOfCode && at >= kLookBehind && at + kLookAhead <= told_code_size_ && at < told_code_size_;
}

std::size_t CommandRunner::tell_stop(const StopNote& stop, std::span<std::uint8_t> out) {
  wire::Stopped stopped{.reason = stop.reason,
                        .address = stop.address,
                        .fault_status = stop.fault_status,
                        .secure_fault_status = stop.secure_fault_status};
  wire::Writer writer(out);
  if (application_.read_registers(stopped.registers)) {
    const auto at = [&](wire::Register r) { return stopped.registers[static_cast<std::size_t>(r)]; };
    const std::size_t stack = std::min<std::size_t>(stack_bytes_, wire::kMaximumSurroundings);
    const std::size_t code =
        std::min<std::size_t>(std::size_t{code_before_} + code_after_, wire::kMaximumSurroundings - stack);
    const auto room = writer.end_of_room(stack + code);
    if (room.size() != stack + code) return 0;
    stopped.stack_address = at(wire::Register::Sp) & ~(kStackLine - 1);
    stopped.stack = surroundings(stopped.stack_address, static_cast<std::uint32_t>(stack), room.first(stack));
    if (!has_told_code(at(wire::Register::Pc))) {
      stopped.code_address = told_code_ = at(wire::Register::Pc) - code_before_;
      stopped.code = surroundings(told_code_, static_cast<std::uint32_t>(code), room.subspan(stack, code));
      told_code_size_ = static_cast<std::uint32_t>(stopped.code.size());
    }
  }
  return writer.put(stopped) ? writer.size() : 0;
}

}  // namespace microvisor::firmware::debugger
