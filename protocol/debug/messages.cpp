// One table says which fields which command has; writing and reading follow it alike.
#include "protocol/debug/messages.hpp"

#include <algorithm>
#include <cstring>

namespace microvisor::protocol::debug {
namespace {

using Bytes = std::span<const std::uint8_t>;

enum class Field : std::uint8_t {
  None,
  Address,
  End,
  Value,
  Count,
  Width,
  Register,
  Halt,
  Surroundings,
  Data,
  Breakpoints,
  Watchpoints,
};

struct Layout {
  Opcode opcode;
  std::array<Field, 3> fields;
};

constexpr Layout kLayouts[] = {
    {Opcode::Status, {}},
    {Opcode::Configure, {Field::Surroundings}},
    {Opcode::ReadMemory, {Field::Address, Field::Width, Field::Count}},
    {Opcode::WriteMemory, {Field::Address, Field::Width, Field::Data}},
    {Opcode::WriteRegister, {Field::Register, Field::Value}},
    {Opcode::SetBreakpoints, {Field::Breakpoints}},
    {Opcode::SetWatchpoints, {Field::Watchpoints}},
    {Opcode::Continue, {}},
    {Opcode::Step, {}},
    {Opcode::StepRange, {Field::Address, Field::End}},
    {Opcode::Halt, {}},
    {Opcode::Restart, {Field::Halt}},
    {Opcode::Detach, {}},
    {Opcode::KeepAlive, {}},
};

constexpr std::uint8_t kAnswer = 0x80;  // of an answer's first byte; the others are the command's
constexpr std::uint8_t kStopped = 0xC0;
constexpr std::uint8_t kRestarted = 0xC1;
constexpr std::uint8_t kEnded = 0xC2;
constexpr std::size_t kReadAnswerOverhead = 4;  // first byte, status, count

const Layout* layout_of(std::uint8_t opcode) {
  for (const Layout& layout : kLayouts)
    if (static_cast<std::uint8_t>(layout.opcode) == opcode) return &layout;
  return nullptr;
}

bool is_width(std::uint8_t width) { return width == 0 || width == 1 || width == 2 || width == 4; }

bool is_watchpoint(const Watchpoint& watchpoint) {
  const std::uint8_t size = watchpoint.size;
  return size != 0 && is_width(size) && watchpoint.address % size == 0 && watchpoint.access >= 1 &&
         watchpoint.access <= (Watchpoint::kRead | Watchpoint::kWrite);
}

bool are_watchpoints(Bytes data) {
  for (std::size_t i = 0; i < data.size() / kWatchpointBytes; ++i)
    if (!is_watchpoint(watchpoint_at(data, i))) return false;
  return true;
}

std::uint32_t load(Bytes bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

void store(std::uint32_t value, std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) {
    byte = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

}  // namespace

std::uint32_t breakpoint_at(Bytes data, std::size_t index) {
  return load(data.subspan(index * kBreakpointBytes, kBreakpointBytes));
}

Watchpoint watchpoint_at(Bytes data, std::size_t index) {
  const Bytes entry = data.subspan(index * kWatchpointBytes, kWatchpointBytes);
  return {load(entry.first(4)), entry[4], entry[5]};
}

void write_breakpoint(std::uint32_t address, std::span<std::uint8_t, kBreakpointBytes> out) {
  store(address, out);
}

void write_watchpoint(const Watchpoint& watchpoint, std::span<std::uint8_t, kWatchpointBytes> out) {
  store(watchpoint.address, out.first(4));
  out[4] = watchpoint.size;
  out[5] = watchpoint.access;
}

// Writer

bool Writer::number(std::uint32_t value, std::size_t bytes) {
  if (out_.size() - size_ < bytes) return false;
  store(value, out_.subspan(size_, bytes));
  size_ += bytes;
  return true;
}

bool Writer::bytes(Bytes data) {
  if (out_.size() - size_ < data.size()) return false;
  if (!data.empty()) std::memmove(&out_[size_], data.data(), data.size());  // perhaps from end_of_room()
  size_ += data.size();
  return true;
}

/// 16 bits of length, then the bytes.
bool Writer::counted(Bytes data) {
  return data.size() <= kMaximumMessage && number(static_cast<std::uint32_t>(data.size()), 2) && bytes(data);
}

/// What `fields` writes, or nothing of it.
template <class Fields>
bool Writer::whole(Fields fields) {
  const std::size_t before = size_;
  if (fields()) return true;
  size_ = before;
  return false;
}

bool Writer::put(const Command& command) {
  const Layout* layout = layout_of(static_cast<std::uint8_t>(command.opcode));
  if (layout == nullptr) return false;
  const auto put_field = [&](Field field) {
    switch (field) {
      case Field::None: return true;
      case Field::Address: return number(command.address, 4);
      case Field::End: return number(command.end, 4);
      case Field::Value: return number(command.value, 4);
      case Field::Count: return number(command.count, 2);
      case Field::Width: return number(command.width, 1);
      case Field::Register: return number(command.number, 1);
      case Field::Halt: return number(command.halt ? 1 : 0, 1);
      case Field::Surroundings:
        return number(command.stack_bytes, 2) && number(command.code_before, 2) &&
               number(command.code_after, 2);
      case Field::Data: return counted(command.data);
      case Field::Breakpoints:
        return number(static_cast<std::uint32_t>(command.data.size() / kBreakpointBytes), 1) &&
               bytes(command.data);
      case Field::Watchpoints:
        return number(static_cast<std::uint32_t>(command.data.size() / kWatchpointBytes), 1) &&
               bytes(command.data);
    }
    return false;
  };
  return whole([&] {
    return number(static_cast<std::uint32_t>(command.opcode), 1) &&
           std::all_of(layout->fields.begin(), layout->fields.end(), put_field);
  });
}

bool Writer::put(const Answer& answer) {
  return whole([&] {
    if (!number(static_cast<std::uint32_t>(answer.opcode) | kAnswer, 1) ||
        !number(static_cast<std::uint32_t>(answer.status), 1)) {
      return false;
    }
    if (answer.status != Status::Ok) return true;
    if (answer.opcode == Opcode::ReadMemory) return counted(answer.data);
    if (answer.opcode != Opcode::Status) return true;
    const DeviceStatus& device = answer.device;
    return number(device.state, 1) && number(device.hardware_breakpoints, 1) &&
           number(device.breakpoints, 1) && number(device.watchpoints, 1) &&
           number(device.kernel_version_number, 4);
  });
}

bool Writer::put(const Stopped& stopped) {
  return whole([&] {
    if (!number(kStopped, 1) || !number(static_cast<std::uint32_t>(stopped.reason), 1) ||
        !number(stopped.address, 4) || !number(stopped.fault_status, 4) ||
        !number(stopped.secure_fault_status, 4)) {
      return false;
    }
    for (const std::uint32_t value : stopped.registers)
      if (!number(value, 4)) return false;
    return number(stopped.stack_address, 4) && counted(stopped.stack) && number(stopped.code_address, 4) &&
           counted(stopped.code);
  });
}

bool Writer::put_restarted(std::uint8_t wake_reason) {
  return whole([&] { return number(kRestarted, 1) && number(wake_reason, 1); });
}

bool Writer::put_ended(EndReason reason) {
  return whole([&] { return number(kEnded, 1) && number(static_cast<std::uint32_t>(reason), 1); });
}

std::size_t Writer::room_for_data() const {
  const std::size_t room = out_.size() - size_;
  return room > kReadAnswerOverhead ? room - kReadAnswerOverhead : 0;
}

// Reader

template <class Number>
bool Reader::number(Number& value) {
  if (rest_.size() < sizeof value) return false;
  value = static_cast<Number>(load(rest_.first(sizeof value)));
  rest_ = rest_.subspan(sizeof value);
  return true;
}

bool Reader::bytes(std::size_t size, Bytes& data) {
  if (rest_.size() < size) return false;
  data = rest_.first(size);
  rest_ = rest_.subspan(size);
  return true;
}

bool Reader::counted(Bytes& data) {
  std::uint16_t size = 0;
  return number(size) && bytes(size, data);
}

/// After a malformed field nothing more is read.
Reader::Result Reader::finish(bool good) {
  if (good) return Result::Taken;
  rest_ = {};
  return Result::Malformed;
}

Reader::Result Reader::next(Command& command) {
  command = {};
  std::uint8_t opcode = 0;
  if (!number(opcode)) return Result::End;
  command.opcode = Opcode{opcode};
  if (layout_of(opcode) != nullptr) return finish(take_fields(command));
  rest_ = {};
  return Result::Unknown;
}

bool Reader::take_fields(Command& command) {
  const auto take_field = [&](Field field) {
    std::uint8_t small = 0;
    switch (field) {
      case Field::None: return true;
      case Field::Address: return number(command.address);
      case Field::End: return number(command.end);
      case Field::Value: return number(command.value);
      case Field::Count: return number(command.count);
      case Field::Width: return number(command.width) && is_width(command.width);
      case Field::Register:
        return number(command.number) && command.number < static_cast<std::uint8_t>(Register::Count);
      case Field::Halt:
        if (!number(small) || small > 1) return false;
        command.halt = small == 1;
        return true;
      case Field::Surroundings:
        return number(command.stack_bytes) && number(command.code_before) && number(command.code_after);
      case Field::Data: return counted(command.data);
      case Field::Breakpoints: return number(small) && bytes(small * kBreakpointBytes, command.data);
      case Field::Watchpoints:
        return number(small) && bytes(small * kWatchpointBytes, command.data) &&
               are_watchpoints(command.data);
    }
    return false;
  };
  const auto& fields = layout_of(static_cast<std::uint8_t>(command.opcode))->fields;
  return std::all_of(fields.begin(), fields.end(), take_field);
}

Reader::Result Reader::next(Item& item) {
  item = {};
  std::uint8_t first = 0;
  if (!number(first)) return Result::End;
  item.answer.opcode = Opcode{static_cast<std::uint8_t>(first & ~kAnswer)};
  if (first == kStopped) {
    item.kind = ItemKind::Stopped;
    return finish(take_stopped(item.stopped));
  }
  if (first == kRestarted) {
    item.kind = ItemKind::Restarted;
    return finish(number(item.wake_reason));
  }
  if (first == kEnded) {
    item.kind = ItemKind::Ended;
    return finish(number(item.end_reason));
  }
  item.kind = ItemKind::Answer;
  // To a command of a later version, too, a device may answer that it does not support it.
  if (first >= kAnswer && first < kStopped) return finish(take_answer(item.answer));
  rest_ = {};
  return Result::Unknown;
}

bool Reader::take_answer(Answer& answer) {
  if (!number(answer.status) || answer.status > Status::NoApplication) return false;
  if (answer.status != Status::Ok) return true;
  if (answer.opcode == Opcode::ReadMemory) return counted(answer.data);
  if (answer.opcode != Opcode::Status) return true;
  DeviceStatus& device = answer.device;
  return number(device.state) && number(device.hardware_breakpoints) && number(device.breakpoints) &&
         number(device.watchpoints) && number(device.kernel_version_number);
}

bool Reader::take_stopped(Stopped& stopped) {
  if (!number(stopped.reason) || stopped.reason < StopReason::Halt || stopped.reason > StopReason::Start ||
      !number(stopped.address) || !number(stopped.fault_status) || !number(stopped.secure_fault_status)) {
    return false;
  }
  for (std::uint32_t& value : stopped.registers)
    if (!number(value)) return false;
  return number(stopped.stack_address) && counted(stopped.stack) && number(stopped.code_address) &&
         counted(stopped.code);
}

}  // namespace microvisor::protocol::debug
