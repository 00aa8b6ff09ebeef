// The memory accesses of exception entry and return: frames and vectors.
//
// They are made on behalf of another state than the one that runs, and a fault of theirs is recorded by the
// caller. A busy memory answers at once, and the core waits at the next boundary instead.
#include <cstring>

#include "board/cpu/memory_paths.hpp"

namespace microvisor::board {
namespace {

FrameAccess fault_of(Attribution::Fault fault) {
  return fault == Attribution::Fault::Mpu ? FrameAccess::MpuFault : FrameAccess::SecureFault;
}

FrameAccess read_word(Core& core, std::uint32_t address, const Attribution& answer, std::uint32_t& value) {
  if (answer.fault != Attribution::Fault::None) return fault_of(answer.fault);
  if (answer.ppb) {
    const bool done = read_ppb(core, address, 4, answer.bus_secure, answer.bus_privileged, value);
    return done ? FrameAccess::Ok : FrameAccess::BusError;
  }
  switch (core.bus.read(address, 4, data_access(answer), value)) {
    case Outcome::Ok: return FrameAccess::Ok;
    case Outcome::BusError: return FrameAccess::BusError;
    case Outcome::Stall: break;
  }
  core.execution.wait = true;
  return core.bus.peek(address, 4, value) ? FrameAccess::Ok : FrameAccess::BusError;
}

FrameAccess write_word(Core& core, std::uint32_t address, World world, bool privileged, std::uint32_t value) {
  const Attribution answer = attribute_as(core, address, AccessType::Write, world, privileged, true);
  if (answer.fault != Attribution::Fault::None) return fault_of(answer.fault);
  if (answer.ppb) return FrameAccess::BusError;
  if (write_memory(core, address, 4, world, privileged, answer, value)) return FrameAccess::Ok;
  switch (core.bus.write(address, 4, data_access(answer), value)) {
    case Outcome::Ok: return FrameAccess::Ok;
    case Outcome::BusError: return FrameAccess::BusError;
    case Outcome::Stall: break;
  }
  core.execution.wait = true;
  return core.bus.poke(address, 4, value) ? FrameAccess::Ok : FrameAccess::BusError;
}

/// The result of an access for an exception, shown to the DWT if it has happened.
FrameAccess shown(Core& core, FrameAccess result, std::uint32_t address, std::uint32_t value, bool read,
                  World world) {
  const AccessType type = read ? AccessType::Read : AccessType::Write;
  if (result == FrameAccess::BusError && ignore_bus_error(core, type, address, world, true)) {
    return FrameAccess::Ok;
  }
  if (result == FrameAccess::Ok) show(core, address, 4, value, read, world);
  return result;
}

}  // namespace

FrameAccess frame_read(Core& core, std::uint32_t address, World world, bool privileged,
                       std::uint32_t& value) {
  if (const std::uint8_t* host = readable_frame(core, address, 4, world, privileged)) {
    std::memcpy(&value, host, 4);
    return FrameAccess::Ok;
  }
  value = 0;
  const Attribution answer = attribute_as(core, address, AccessType::Read, world, privileged, true);
  if (const std::uint8_t* host = enter_memory(core, address, 4, world, privileged, answer)) {
    std::memcpy(&value, host, 4);
    return shown(core, FrameAccess::Ok, address, value, true, world);
  }
  return shown(core, read_word(core, address, answer, value), address, value, true, world);
}

FrameAccess frame_write(Core& core, std::uint32_t address, World world, bool privileged,
                        std::uint32_t value) {
  if (std::uint8_t* host = writable_frame(core, address, 4, world, privileged)) {
    std::memcpy(host, &value, 4);
    return FrameAccess::Ok;
  }
  return shown(core, write_word(core, address, world, privileged, value), address, value, false, world);
}

FrameAccess vector_read(Core& core, std::uint32_t address, World world, std::uint32_t& value) {
  const Attribution answer = attribute_as(core, address, AccessType::Read, world, true, false);
  const FrameAccess result = read_word(core, address, answer, value);
  if (result == FrameAccess::Ok) show(core, address, 4, value, true, world);
  return result;  // a vector is needed, CCR.BFHFNMIGN or not
}

}  // namespace microvisor::board
