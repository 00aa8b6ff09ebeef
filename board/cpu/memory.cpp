// The slow paths of loads and stores, and the frames of exceptions.
//
// One access is: alignment that the instruction or CCR demands, attribution, alignment that Device memory
// demands, then the private peripheral bus or the bus (DDI0553, MemA_with_priv). An unaligned access to
// Normal memory is done byte by byte, so that every part is checked by itself (MemU_with_priv).
#include "board/cpu/memory.hpp"

#include <algorithm>
#include <cstring>

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/interpreter.hpp"
#include "board/cpu/system.hpp"

namespace microvisor::board {
namespace {

Access data_access(const Attribution& answer) {
  return {.secure = answer.bus_secure,
          .privileged = answer.bus_privileged,
          .fetch = false,
          .master = Master::Core};
}

/// Attribution of an access of the current world; false with the fault recorded.
bool may_access(Core& core, std::uint32_t address, AccessType type, bool privileged, Attribution& answer) {
  answer = attribute(core, address, type, privileged);
  if (answer.fault == Attribution::Fault::None) return true;
  record_access_fault(core, answer.fault, type, address);
  return false;
}

/// What a translation may hold: the stretch around `address` for which attribution and bus both give one
/// answer.
TlbEntry common_stretch(const Attribution& answer, const DirectSpan& span) {
  const std::uint32_t first = std::max(answer.base, span.base);
  const std::uint32_t last = std::min(answer.limit, span.base + (span.size - 1));
  return {.base = first, .span = last - first + 1, .host = span.host + (first - span.base)};
}

/// Cuts a stretch down to the page around `address`.
TlbEntry page_of(const TlbEntry& whole, std::uint32_t address) {
  const std::uint32_t page = address & ~(kPageBytes - 1);
  const std::uint32_t first = std::max(whole.base, page);
  const std::uint32_t last = std::min(whole.base + (whole.span - 1), page + (kPageBytes - 1));
  return {.base = first, .span = last - first + 1, .host = whole.host + (first - whole.base)};
}

/// Cuts away what the DWT watches; false if `address` itself is watched, so that nothing is left.
bool leave_out_watched(const Core& core, TlbEntry& entry, std::uint32_t address, unsigned size) {
  for (const AddressRange& range : core.watch.data()) {
    const std::uint32_t last = entry.base + (entry.span - 1);
    if (!range.overlaps(entry.base, last)) continue;
    if (range.overlaps(address, address + (size - 1))) return false;
    const bool below = range.last < address;
    const std::uint32_t first = below ? range.last + 1 : entry.base;
    entry = {.base = first,
             .span = (below ? last : range.first - 1) - first + 1,
             .host = entry.host + (first - entry.base)};
  }
  return true;
}

/// Shows an access that has happened to the DWT, if that watches anything there.
void show(Core& core, std::uint32_t address, unsigned size, std::uint32_t value, bool read, World world) {
  for (const AddressRange& range : core.watch.data()) {
    if (range.overlaps(address, address + (size - 1)))
      return watch_access(core, address, size, value, read, world);
  }
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
  const Access access = data_access(answer);
  if (!answer.device) {
    if (const auto span = core.bus.direct(address, access)) {
      TlbEntry entry = common_stretch(answer, *span);
      if (const std::uint8_t* host = host_address(entry, address, size)) {
        if (leave_out_watched(core, entry, address, size)) {
          bank_of(core, core.state.world, privileged).read[tlb_slot(address)] = entry;
          core.tlb->filled = true;
        }
        value = 0;
        std::memcpy(&value, host, size);
        return true;
      }
    }
  }
  return finish(core, core.bus.read(address, size, access, value), AccessType::Read, address);
}

/// Reads `size` bytes at an address aligned to it, or a single byte.
bool read_part(Core& core, std::uint32_t address, unsigned size, bool privileged, std::uint32_t& value) {
  if (!read_unwatched(core, address, size, privileged, value)) return false;
  show(core, address, size, value, true, core.state.world);
  return true;
}

/// Writes plain memory; keeps decoded instructions and translations right.
bool write_direct(Core& core, TlbBank& bank, std::uint32_t address, unsigned size, std::uint32_t value,
                  const Attribution& answer, const DirectSpan& span) {
  const TlbEntry entry = common_stretch(answer, span);
  std::uint8_t* host = host_address(entry, address, size);
  if (host == nullptr) return false;
  std::memcpy(host, &value, size);
  const std::uint32_t physical = span.physical + (address - span.base);
  if (core.decoded->contains(physical)) {
    core.decoded->invalidate(physical, size);
  } else if (span.physical % kPageBytes == span.base % kPageBytes) {
    TlbEntry page = page_of(entry, address);
    if (leave_out_watched(core, page, address, size)) {
      bank.write[tlb_slot(address)] = page;
      core.tlb->filled = true;
    }
  }
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
  const Access access = data_access(answer);
  if (!answer.device) {
    const auto span = core.bus.direct(address, access);
    TlbBank& bank = bank_of(core, core.state.world, privileged);
    if (span && span->writable && write_direct(core, bank, address, size, value, answer, *span)) return true;
  }
  return finish(core, core.bus.write(address, size, access, value), AccessType::Write, address);
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

FrameAccess fault_of(Attribution::Fault fault) {
  return fault == Attribution::Fault::Mpu ? FrameAccess::MpuFault : FrameAccess::SecureFault;
}

/// A word for an exception. A busy memory is looked at directly, and the core waits at the next boundary
/// instead.
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

}  // namespace

bool load(Core& core, std::uint32_t address, unsigned size, AccessOptions options, std::uint32_t& value) {
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

namespace {

FrameAccess write_word(Core& core, std::uint32_t address, World world, bool privileged, std::uint32_t value) {
  const Attribution answer = attribute_as(core, address, AccessType::Write, world, privileged, true);
  if (answer.fault != Attribution::Fault::None) return fault_of(answer.fault);
  if (answer.ppb) return FrameAccess::BusError;
  const Access access = data_access(answer);
  const auto span = core.bus.direct(address, access);
  if (span && span->writable && !answer.device) {
    TlbBank& bank = bank_of(core, world, privileged);
    if (write_direct(core, bank, address, 4, value, answer, *span)) return FrameAccess::Ok;
  }
  switch (core.bus.write(address, 4, access, value)) {
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
  if (const std::uint8_t* host =
          host_address(bank_of(core, world, privileged).read[tlb_slot(address)], address, 4)) {
    std::memcpy(&value, host, 4);
    return FrameAccess::Ok;
  }
  value = 0;
  const Attribution answer = attribute_as(core, address, AccessType::Read, world, privileged, true);
  return shown(core, read_word(core, address, answer, value), address, value, true, world);
}

FrameAccess frame_write(Core& core, std::uint32_t address, World world, bool privileged,
                        std::uint32_t value) {
  if (std::uint8_t* host =
          host_address(bank_of(core, world, privileged).write[tlb_slot(address)], address, 4)) {
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

TlbBank& bank_of(Core& core, World world, bool privileged) {
  return core.tlb->banks[static_cast<std::size_t>(world) * 2 + (privileged ? 1 : 0)];
}

void flush_tlb(Core& core) {
  core.execution.flushed = true;
  if (!core.tlb->filled) return;
  for (TlbBank& bank : core.tlb->banks) bank = TlbBank{};
  core.tlb->filled = false;
}

void watch_changed(Core& core) {
  core.decoded->unmark();
  flush_tlb(core);
}

void drop_write_translations(Core& core) {
  for (TlbBank& bank : core.tlb->banks) bank.write = {};
}

}  // namespace microvisor::board
