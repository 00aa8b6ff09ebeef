// Breakpoints and watchpoints as the comparators of FPB and DWT (Armv8-M Architecture Reference Manual, D1.2
// FP_COMPn, DWT_COMPn, DWT_FUNCTIONn). Both units are the application's as well: its cycle counter goes on.
#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/debug.hpp"
#include "firmware/kernel/resident/monitor_context.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

namespace {

bool fits_comparator(const Watchpoint& watch) {
  return (watch.size == 1 || watch.size == 2 || watch.size == 4) && watch.address % watch.size == 0;
}

std::uint32_t function_of(WatchKind kind) {
  switch (kind) {
    case WatchKind::Write: return WatchpointUnit::kWrite;
    case WatchKind::Read: return WatchpointUnit::kRead;
    case WatchKind::Access: return WatchpointUnit::kReadOrWrite;
  }
  return WatchpointUnit::kWrite;
}

/// The unit is off altogether unless the debug port's inputs allow at least tracing; then its cycle counter
/// stands still.
bool watchpoints_possible() {
  debug_control().demcr = debug_control().demcr | DebugControl::kTrace;
  WatchpointUnit& unit = watchpoint_unit();
  const std::uint32_t before = unit.ctrl;
  unit.ctrl = before | WatchpointUnit::kCycleCounter;
  const std::uint32_t first = unit.cyccnt;
  full_barrier();
  const bool counts = unit.cyccnt != first;
  unit.ctrl = before;
  return counts;
}

void clear_watchpoints() {
  for (unsigned i = 0; i < WatchpointUnit::kCount; ++i) watchpoint_unit().comparators[i].function = 0;
}

void load_one(unsigned index, const Watchpoint& watch) {
  WatchpointUnit::Comparator& comparator = watchpoint_unit().comparators[index];
  const std::uint32_t size = watch.size == 4 ? 2 : watch.size - 1;
  comparator.value = watch.address;
  comparator.function = function_of(watch.kind) | size << WatchpointUnit::kSizeShift;
}

}  // namespace

void load_breakpoints(std::span<const std::uint32_t> addresses, std::uint32_t entry) {
  BreakpointUnit& unit = breakpoint_unit();
  for (unsigned i = 0; i < BreakpointUnit::kCount; ++i)
    unit.comparators[i] = i < addresses.size() ? addresses[i] | 1 : 0;
  // It is met at once, before any other.
  if (entry != 0) unit.comparators[BreakpointUnit::kCount - 1] = entry | 1;
  enable_breakpoints(true);
}

void enable_breakpoints(bool on) {
  breakpoint_unit().ctrl = on ? BreakpointUnit::kEnable : BreakpointUnit::kDisable;
  full_barrier();
}

MV_FLASH_CODE bool load_watchpoints(std::span<const Watchpoint> watchpoints) {
  clear_watchpoints();
  if (watchpoints.empty()) return true;
  if (watchpoints.size() > WatchpointUnit::kCount || !watchpoints_possible()) return false;
  for (const Watchpoint& watch : watchpoints) {
    if (!fits_comparator(watch)) return false;
  }
  unsigned next = 0;
  for (const Watchpoint& watch : watchpoints) load_one(next++, watch);
  full_barrier();
  return true;
}

std::uint32_t take_matched_watchpoint() {
  std::uint32_t address = 0;
  for (unsigned i = 0; i < WatchpointUnit::kCount; ++i) {
    WatchpointUnit::Comparator& comparator = watchpoint_unit().comparators[i];
    if ((comparator.function & WatchpointUnit::kMatched) != 0 && address == 0) address = comparator.value;
  }
  return address;
}

MV_FLASH_CODE void clear_debug_units() {
  enable_breakpoints(false);
  for (unsigned i = 0; i < BreakpointUnit::kCount; ++i) breakpoint_unit().comparators[i] = 0;
  clear_watchpoints();
}

}  // namespace microvisor::firmware::kernel
