// The slow paths of loads and stores.
//
// One access is: alignment that the instruction or CCR demands, attribution, alignment that Device memory
// demands, then the private peripheral bus or the bus (DDI0553, MemA_with_priv). An unaligned access to
// Normal memory is done byte by byte, so that every part is checked by itself (MemU_with_priv).
#include "board/cpu/memory.hpp"

#include <cstring>

#include "board/cpu/interpreter.hpp"
#include "board/cpu/memory_paths.hpp"

namespace microvisor::board {
namespace {

/// Attribution of an access of the current world; false with the fault recorded.
bool may_access(Core& core, std::uint32_t address, AccessType type, bool privileged, Attribution& answer) {
  answer = attribute(core, address, type, privileged);
  if (answer.fault == Attribution::Fault::None) return true;
  record_access_fault(core, answer.fault, type, address);
  return false;
}

/// The entry for a register access by the code that runs now, or null.
const RegisterEntry* registers_at(const Core& core, std::uint32_t address, unsigned size,
                                  AccessOptions options) {
  if (core.execution.bank == nullptr) return nullptr;  // nothing has been executed yet
  const std::uint32_t page = address / kRegisterPage;
  const RegisterEntry& entry = core.execution.bank->registers[register_slot(page)];
  if (entry.page != page || (address & (size - 1)) != 0 || options.unprivileged) return nullptr;
  return &entry;
}

Outcome read_register(const RegisterEntry& entry, std::uint32_t address, unsigned size,
                      std::uint32_t& value) {
  const Access access = entry.access;  // the read may empty the table
  return entry.block->read(address - entry.base, size, access, value);
}

bool bus_error(Core& core, AccessType type, std::uint32_t address) {
  if (ignore_bus_error(core, type, address, core.state.world, false)) return true;
  record_bus_fault(core, type, address);
  return false;
}

bool finish(Core& core, Outcome outcome, AccessType type, std::uint32_t address) {
  if (outcome == Outcome::Ok) return true;
  if (outcome != Outcome::Stall) return bus_error(core, type, address);
  core.execution.stalled = true;
  return false;
}

bool read_unwatched(Core& core, std::uint32_t address, unsigned size, bool privileged, std::uint32_t& value) {
  Attribution answer;
  if (!may_access(core, address, AccessType::Read, privileged, answer)) return false;
  if (answer.ppb) {
    if (read_ppb(core, address, size, answer.bus_secure, answer.bus_privileged, value)) return true;
    value = 0;
    return bus_error(core, AccessType::Read, address);
  }
  if (const std::uint8_t* host = enter_memory(core, address, size, core.state.world, privileged, answer)) {
    value = 0;
    std::memcpy(&value, host, size);
    return true;
  }
  enter_registers(core, address, privileged, answer);
  return finish(core, core.bus.read(address, size, data_access(answer), value), AccessType::Read, address);
}

/// Reads `size` bytes at an address aligned to it, or a single byte.
bool read_part(Core& core, std::uint32_t address, unsigned size, bool privileged, std::uint32_t& value) {
  if (!read_unwatched(core, address, size, privileged, value)) return false;
  show(core, address, size, value, true, core.state.world);
  return true;
}

bool write_unwatched(Core& core, std::uint32_t address, unsigned size, bool privileged, std::uint32_t value) {
  Attribution answer;
  if (!may_access(core, address, AccessType::Write, privileged, answer)) return false;
  if (answer.ppb) {
    core.execution.fp_ready = false;  // CPACR, NSACR, FPCCR
    if (write_ppb(core, address, size, answer.bus_secure, answer.bus_privileged, value)) return true;
    return bus_error(core, AccessType::Write, address);
  }
  if (write_memory(core, address, size, core.state.world, privileged, answer, value)) return true;
  enter_registers(core, address, privileged, answer);
  return finish(core, core.bus.write(address, size, data_access(answer), value), AccessType::Write, address);
}

bool write_part(Core& core, std::uint32_t address, unsigned size, bool privileged, std::uint32_t value) {
  if (!write_unwatched(core, address, size, privileged, value)) return false;
  show(core, address, size, value, false, core.state.world);
  return true;
}

/// Alignment: false with UNALIGNED recorded. Checks both parts of an access that is unaligned and may be: the
/// granule of every region is 32 bytes, so the first byte with another attribution starts a word.
bool alignment_allowed(Core& core, std::uint32_t address, unsigned size, AccessOptions options,
                       AccessType type, bool privileged) {
  if (options.aligned || unaligned_traps(core)) {
    record_usage_fault(core, UsageFault::Unaligned);
    return false;
  }
  for (const std::uint32_t part : {address, std::max(address, (address + size - 1) & ~3U)}) {
    Attribution answer;
    if (!may_access(core, part, type, privileged, answer)) return false;
    if (!answer.device && !answer.ppb) continue;
    record_usage_fault(core, UsageFault::Unaligned);
    return false;
  }
  return true;
}

}  // namespace

bool load(Core& core, std::uint32_t address, unsigned size, AccessOptions options, std::uint32_t& value) {
  if (const RegisterEntry* entry = registers_at(core, address, size, options)) {
    return finish(core, read_register(*entry, address, size, value), AccessType::Read, address);
  }
  const bool privileged = core.state.privileged() && !options.unprivileged;
  if ((address & (size - 1)) == 0) return read_part(core, address, size, privileged, value);
  if (!alignment_allowed(core, address, size, options, AccessType::Read, privileged)) return false;
  value = 0;
  for (unsigned index = 0; index < size; ++index) {
    std::uint32_t byte = 0;
    if (!read_part(core, address + index, 1, privileged, byte)) return false;
    value |= byte << 8 * index;
  }
  return true;
}

bool store(Core& core, std::uint32_t address, unsigned size, AccessOptions options, std::uint32_t value) {
  if (const RegisterEntry* found = registers_at(core, address, size, options)) {
    const Access access = found->access;
    return finish(core, found->block->write(address - found->base, size, access, value), AccessType::Write,
                  address);
  }
  const bool privileged = core.state.privileged() && !options.unprivileged;
  if ((address & (size - 1)) == 0) return write_part(core, address, size, privileged, value);
  if (!alignment_allowed(core, address, size, options, AccessType::Write, privileged)) return false;
  for (unsigned index = 0; index < size; ++index) {
    if (!write_part(core, address + index, 1, privileged, value >> 8 * index & 0xFF)) return false;
  }
  return true;
}

std::uint64_t load_value(Core& core, std::uint32_t address, unsigned size, AccessOptions options) {
  std::uint32_t value = 0;
  if (const RegisterEntry* entry = registers_at(core, address, size, options)) {
    const bool done = finish(core, read_register(*entry, address, size, value), AccessType::Read, address);
    return done ? value : kNotLoaded;
  }
  return load(core, address, size, options, value) ? value : kNotLoaded;
}

bool load_words(Core& core, std::uint32_t address, unsigned count) {
  if (const std::uint8_t* host = readable(core, address, 4 * count); host != nullptr && (address & 3) == 0) {
    std::memcpy(core.execution.buffer.data(), host, 4 * count);
    return true;
  }
  for (unsigned index = 0; index < count; ++index) {
    const AccessOptions options{.unprivileged = false, .aligned = true};
    if (!load(core, address + 4 * index, 4, options, core.execution.buffer[index])) return false;
  }
  return true;
}

bool store_words(Core& core, std::uint32_t address, unsigned count) {
  if (std::uint8_t* host = writable(core, address, 4 * count); host != nullptr && (address & 3) == 0) {
    std::memcpy(host, core.execution.buffer.data(), 4 * count);
    return true;
  }
  for (unsigned index = 0; index < count; ++index) {
    const AccessOptions options{.unprivileged = false, .aligned = true};
    if (!store(core, address + 4 * index, 4, options, core.execution.buffer[index])) return false;
  }
  return true;
}

}  // namespace microvisor::board
