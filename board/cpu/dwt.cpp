// The DWT: four comparators on instructions and data, and the cycle counter.
//
// A comparator that matches sets MATCHED; with ACTION "debug event" it also pends DebugMonitor, which is
// taken when the instruction has completed. Matches of Secure code count only if it may be debugged or, for
// the other actions, traced. All of it needs DEMCR.TRCENA and a level that allows non-invasive debug, else
// the unit is dead. Two comparators make a range or an address with a value; then the second (odd) one
// decides, and the first does not match by itself as the lower end of a range.
//
// CYCCNT counts retired instructions: an instruction is one clock on this core, so the counters of extra
// cycles (CPICNT, EXCCNT, LSUCNT, FOLDCNT) have nothing to count and read zero.
//
// Source: Armv8-M ARM (DDI0553) part B "DWT", D1.2 DWT_CTRL, DWT_COMPn, DWT_FUNCTIONn; pseudocode
// DWT_ValidMatch, DWT_InstructionAddressMatch, DWT_DataAddressMatch, DWT_DataValueMatch, DWT_AddressCompare,
// DWT_CycCountMatch, SetDWTDebugEvent; Cortex-M33 TRM, DWT register summary.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kControl = 0x000;
constexpr unsigned kCycleCount = 0x004;
constexpr unsigned kProgramCounterSample = 0x01C;
constexpr unsigned kComparators = 0x020;
constexpr unsigned kComparatorsEnd = 0x060;

constexpr std::uint32_t kNumberOfComparators = 4u << 28;
constexpr std::uint32_t kCycleEnable = 1;
/// CYCCNTENA, and the settings of event packets and sampling, which have no effect here.
constexpr std::uint32_t kControlMask = 0x007F'1FFF;
constexpr std::uint32_t kNoSample = 0xFFFF'FFFF;
constexpr std::uint32_t kMatched = 1u << 24;
constexpr std::uint32_t kFunctionMask = 0x0000'0C3F;  // DATAVSIZE, ACTION, MATCH

/// FUNCTION.ID: all compare instruction and data addresses, the first also cycles, the odd ones also limits
/// and values.
constexpr std::array<std::uint32_t, 4> kIdentity{0x5800'0000, 0xF000'0000, 0x5000'0000, 0xF000'0000};

enum Match : unsigned {
  kCycles = 1,
  kInstruction = 2,
  kInstructionLimit = 3,
  kData = 4,  // to 6: any, writes, reads
  kDataLimit = 7,
  kValue = 8,  // to 10
  kLinkedValue = 11,
  kDataWithValue = 12,  // to 14: as kData, the value goes to the trace
};

struct DataAccess {
  std::uint32_t address;
  unsigned size;
  std::uint32_t value;
  bool read;
  World world;
};

unsigned match_of(const DebugUnits::Comparator& comparator) { return comparator.function & 0xF; }
bool is_event(const DebugUnits::Comparator& comparator) { return (comparator.function >> 4 & 3) == 1; }
/// Bytes that DATAVSIZE stands for; the reserved value counts as a word.
std::uint32_t size_of(const DebugUnits::Comparator& comparator) {
  const std::uint32_t field = comparator.function >> 10 & 3;
  return 1u << (field == 3 ? 2 : field);
}
constexpr std::uint32_t align_down(std::uint32_t address, std::uint32_t size) {
  return address & ~(size - 1);
}

bool is_data_address(unsigned match) {
  return (match >= kData && match < kDataLimit) || (match >= kDataWithValue && match < 15);
}

/// The comparator can do what its MATCH asks for, by itself and with its neighbour. A setting that it cannot
/// do is UNPREDICTABLE; here it never matches.
bool is_possible(const DebugUnits& debug, unsigned index) {
  const unsigned match = match_of(debug.dwt[index]);
  const bool odd = index % 2 != 0;
  if (match == kCycles) return index == 0;
  if (match == kInstruction || is_data_address(match)) return true;
  if (match == kInstructionLimit) return odd && match_of(debug.dwt[index - 1]) == kInstruction;
  if (match == kDataLimit || match == kLinkedValue) {
    return odd && is_data_address(match_of(debug.dwt[index - 1]));
  }
  return odd && match >= kValue && match < kLinkedValue;
}

/// The upper end of the range that begins with this comparator is its neighbour.
bool is_lower_end(const DebugUnits& debug, unsigned index) {
  if (index % 2 != 0) return false;
  const unsigned next = match_of(debug.dwt[index + 1]);
  return (next == kInstructionLimit || next == kDataLimit) && is_possible(debug, index + 1);
}

/// DWT_ValidMatch: what a comparator may see of `world`.
bool may_match(const Core& core, unsigned index, World world) {
  const DebugUnits::Comparator& comparator = core.system->debug.dwt[index];
  return is_event(comparator) ? monitor_can_pend(core, world, false) : noninvasive_allowed(core, world);
}

/// Any, writes or reads, by the low bits of MATCH.
bool direction_fits(unsigned match, bool read) {
  const unsigned wanted = match & 3;
  return wanted == 0 || (wanted == 2) == read;
}

/// DWT_AddressCompare: equal as far as the sizes of access and comparator tell them apart.
bool same_place(const DataAccess& access, const DebugUnits::Comparator& comparator) {
  return align_down(access.address, size_of(comparator)) == align_down(comparator.value, access.size);
}

bool instruction_matches(const Core& core, unsigned index, std::uint32_t address) {
  const DebugUnits& debug = core.system->debug;
  const World world = core.state.world;
  if (!is_possible(debug, index) || !may_match(core, index, world)) return false;
  const DebugUnits::Comparator& comparator = debug.dwt[index];
  switch (match_of(comparator)) {
    case kInstruction: return !is_lower_end(debug, index) && align_down(comparator.value, 2) == address;
    case kInstructionLimit:
      return may_match(core, index - 1, world) && align_down(debug.dwt[index - 1].value, 2) <= address &&
             address <= comparator.value;
    default: return false;
  }
}

bool data_address_matches(const Core& core, unsigned index, const DataAccess& access) {
  const DebugUnits& debug = core.system->debug;
  const DebugUnits::Comparator& comparator = debug.dwt[index];
  const unsigned match = match_of(comparator);
  if (!is_possible(debug, index) || !may_match(core, index, access.world)) return false;
  if (match == kDataLimit) {
    const DebugUnits::Comparator& lower = debug.dwt[index - 1];
    return may_match(core, index - 1, access.world) && direction_fits(match_of(lower), access.read) &&
           (same_place(access, lower) || access.address > lower.value) && access.address <= comparator.value;
  }
  return is_data_address(match) && !is_lower_end(debug, index) && direction_fits(match, access.read) &&
         same_place(access, comparator);
}

/// One of the parts of the access that are as large as the comparator's value is equal to it; the one at
/// `where` if that is not null.
bool has_value(const DataAccess& access, const DebugUnits::Comparator& comparator,
               const std::uint32_t* where) {
  const std::uint32_t size = size_of(comparator);
  const std::uint32_t mask = size == 4 ? 0xFFFF'FFFF : (1u << 8 * size) - 1;
  for (std::uint32_t offset = 0; offset + size <= access.size; offset += size) {
    if (where != nullptr && access.address + offset != align_down(*where, size)) continue;
    if (((access.value >> 8 * offset ^ comparator.value) & mask) == 0) return true;
  }
  return false;
}

bool data_value_matches(const Core& core, unsigned index, const DataAccess& access) {
  const DebugUnits& debug = core.system->debug;
  const DebugUnits::Comparator& comparator = debug.dwt[index];
  const unsigned match = match_of(comparator);
  if (!is_possible(debug, index) || !may_match(core, index, access.world)) return false;
  if (match == kLinkedValue) {
    return data_address_matches(core, index - 1, access) &&
           has_value(access, comparator, &debug.dwt[index - 1].value);
  }
  return match >= kValue && match < kLinkedValue && direction_fits(match, access.read) &&
         has_value(access, comparator, nullptr);
}

/// Sets MATCHED, of the lower comparator for a range; true if DebugMonitor is asked for. For a range ACTION
/// of either comparator counts: descriptions differ in which of the two it is.
bool note_match(DebugUnits& debug, unsigned index) {
  const unsigned match = match_of(debug.dwt[index]);
  const bool range = match == kInstructionLimit || match == kDataLimit;
  debug.dwt[range ? index - 1 : index].function |= kMatched;
  return is_event(debug.dwt[index]) || (range && is_event(debug.dwt[index - 1]));
}

/// SetDWTDebugEvent. The run is cut, so that DebugMonitor is taken behind the instruction at hand.
void raise_event(Core& core, World world) {
  if (!monitor_can_pend(core, world, true)) return;
  pend_monitor(core, kDfsrDwtTrap);
  reconsider_from_outside(core);
}

bool counts_cycles(const Core& core) {
  return dwt_enabled(core) && (core.system->debug.dwt_control & kCycleEnable) != 0;
}

std::uint32_t read_comparator(DebugUnits& debug, unsigned offset, bool peek) {
  const unsigned index = (offset - kComparators) / 16;
  DebugUnits::Comparator& comparator = debug.dwt[index];
  switch (offset & 0xF) {
    case 0x0: return comparator.value;
    case 0x8: {
      const std::uint32_t value = comparator.function | kIdentity[index];
      if (!peek) comparator.function &= ~kMatched;  // cleared by reading
      return value;
    }
    default: return 0;
  }
}

void write_comparator(Core& core, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  DebugUnits::Comparator& comparator = core.system->debug.dwt[(offset - kComparators) / 16];
  if ((offset & 0xF) == 0) comparator.value = merged(comparator.value, value, mask);
  if ((offset & 0xF) == 8) comparator.function = merged(comparator.function, value, mask & kFunctionMask);
  update_watch(core);
  dwt_rearm_cycle_match(core);
}

}  // namespace

bool dwt_enabled(const Core& core) {
  return (core.system->debug.demcr & kTrcEna) != 0 && noninvasive_allowed(core, kNonSecure);
}

void dwt_add_ranges(const Core& core, DebugWatch& watch) {
  if (!dwt_enabled(core)) return;
  const DebugUnits& debug = core.system->debug;
  for (unsigned index = 0; index < debug.dwt.size(); ++index) {
    const DebugUnits::Comparator& comparator = debug.dwt[index];
    const unsigned match = match_of(comparator);
    if (!is_possible(debug, index) || is_lower_end(debug, index)) continue;
    const std::uint32_t place = align_down(comparator.value, size_of(comparator));
    const std::uint32_t lower = index % 2 != 0 ? debug.dwt[index - 1].value : 0;
    if (match == kInstruction) watch.watch_code({align_down(comparator.value, 2), comparator.value});
    if (match == kInstructionLimit) watch.watch_code({align_down(lower, 2), comparator.value});
    if (is_data_address(match)) watch.watch_data({place, place + (size_of(comparator) - 1)});
    if (match == kDataLimit) watch.watch_data({lower, comparator.value});
    if (match >= kValue && match < kLinkedValue) watch.watch_data({0, 0xFFFF'FFFF});
  }
}

void dwt_match_instruction(Core& core, std::uint32_t address) {
  if (!dwt_enabled(core)) return;
  bool event = false;
  for (unsigned index = 0; index < core.system->debug.dwt.size(); ++index) {
    if (instruction_matches(core, index, address)) event |= note_match(core.system->debug, index);
  }
  if (event) raise_event(core, core.state.world);
}

void watch_access(Core& core, std::uint32_t address, unsigned size, std::uint32_t value, bool read,
                  World world) {
  const DataAccess access{address, size, value, read, world};
  bool event = false;
  for (unsigned index = 0; index < core.system->debug.dwt.size(); ++index) {
    if (data_address_matches(core, index, access) || data_value_matches(core, index, access)) {
      event |= note_match(core.system->debug, index);
    }
  }
  if (event) raise_event(core, world);
}

std::uint32_t dwt_cycles(const Core& core) {
  const DebugUnits& debug = core.system->debug;
  if (!counts_cycles(core)) return debug.cycle_frozen;
  return static_cast<std::uint32_t>(core.retired - debug.cycle_origin);
}

void dwt_set_cycles(Core& core, std::uint32_t value) {
  core.system->debug.cycle_frozen = value;
  core.system->debug.cycle_origin = core.retired - value;
  dwt_rearm_cycle_match(core);
}

/// The event is due when the counter would get there without sleep; asleep it does not count, so the event
/// may come too early, and is armed again.
void dwt_rearm_cycle_match(Core& core) {
  DebugUnits& debug = core.system->debug;
  Scheduler::Event& event = core.system->cycle_match_due;
  if (match_of(debug.dwt[0]) != kCycles || !counts_cycles(core)) return event.cancel();
  const std::uint32_t distance = debug.dwt[0].value - dwt_cycles(core);
  const std::uint64_t clocks = distance != 0 ? distance : std::uint64_t{1} << 32;
  debug.cycle_match = core.retired + clocks;
  event.after(clocks * core.scheduler.instruction_ticks());
}

void dwt_on_cycle_match_due(Core& core) {
  DebugUnits& debug = core.system->debug;
  const bool there = core.retired >= debug.cycle_match;
  dwt_rearm_cycle_match(core);
  if (!there || !may_match(core, 0, core.state.world)) return;
  if (note_match(debug, 0)) raise_event(core, core.state.world);
}

std::uint32_t dwt_read(Core& core, unsigned offset, bool peek) {
  DebugUnits& debug = core.system->debug;
  if (offset >= kComparators && offset < kComparatorsEnd) return read_comparator(debug, offset, peek);
  switch (offset) {
    case kControl: return kNumberOfComparators | debug.dwt_control;
    case kCycleCount: return dwt_cycles(core);
    case kProgramCounterSample: return kNoSample;
    default: return 0;
  }
}

void dwt_write(Core& core, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  DebugUnits& debug = core.system->debug;
  if (offset >= kComparators && offset < kComparatorsEnd) return write_comparator(core, offset, value, mask);
  const std::uint32_t cycles = dwt_cycles(core);
  if (offset == kControl) {
    debug.dwt_control = merged(debug.dwt_control, value, mask) & kControlMask;
    dwt_set_cycles(core, cycles);
  } else if (offset == kCycleCount) {
    dwt_set_cycles(core, merged(cycles, value, mask));
  }
}

}  // namespace microvisor::board
