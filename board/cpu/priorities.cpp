// Who may pre-empt whom: targets, priorities, execution priority, and the choice of the next exception.
//
// Everything is worked out from the registers when something has changed, never kept up to date piece by
// piece. Lower numbers are more urgent. Non-secure configurable priorities are compared as (p >> 1) + 0x80
// while AIRCR.PRIS is set.
//
// Source: Armv8-M ARM (DDI0553) B3.8 to B3.13; pseudocode ExceptionPriority, ExecutionPriority,
// ComparePriorities.
#include <algorithm>
#include <bit>

#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr int kRestrictedPriority = 0x80;  // the most urgent a non-secure priority can be under PRIS

/// Where the state of an exception of 1 to 15 is kept.
World slot(unsigned number, World world) { return is_banked(number) ? world : kSecure; }

int without_subpriority(int priority, unsigned group) { return priority & ~((2 << group) - 1); }

/// Grouping first, then the move into the lower half.
int scaled(const SystemControl& control, int priority, World world, bool group) {
  if (group) priority = without_subpriority(priority, control.priority_group[world]);
  return control.prioritise_secure && world == kNonSecure ? (priority >> 1) + kRestrictedPriority : priority;
}

int basepri_boost(const Core& core, World world) {
  const std::uint8_t basepri = core.state.basepri[world];
  return basepri == 0 ? kLowestPriority : scaled(core.system->control, basepri, world, true);
}

int primask_boost(const Core& core, World world) {
  if (!core.state.primask[world]) return kLowestPriority;
  return world == kNonSecure && core.system->control.prioritise_secure ? kRestrictedPriority : 0;
}

int faultmask_boost(const Core& core, World world) {
  if (!core.state.faultmask[world]) return kLowestPriority;
  const SystemControl& control = core.system->control;
  if (world == kSecure) return control.faults_nonsecure ? -3 : -1;
  if (control.faults_nonsecure) return -1;
  return control.prioritise_secure ? kRestrictedPriority : 0;
}

int mask_boost(const Core& core, bool with_primask) {
  const CoreState& state = core.state;
  const unsigned masks = state.primask[0] | state.primask[1] | state.faultmask[0] | state.faultmask[1];
  if ((masks | state.basepri[0] | state.basepri[1]) == 0) return kLowestPriority;
  int boost = kLowestPriority;
  for (const World world : {kSecure, kNonSecure}) {
    boost = std::min({boost, basepri_boost(core, world), faultmask_boost(core, world)});
    if (with_primask) boost = std::min(boost, primask_boost(core, world));
  }
  return boost;
}

World line_world(const Nvic& nvic, unsigned line) {
  return (nvic.nonsecure[line / 64] >> (line % 64) & 1) != 0 ? kNonSecure : kSecure;
}

/// Calls `visit(number, world)` for every exception whose bit is set, with the world it targets now.
template <typename Visit>
void for_each(const Core& core, const std::array<std::uint32_t, 2>& internal, const Nvic::Lines& lines,
              Visit visit) {
  for (const World world : {kSecure, kNonSecure}) {
    for (std::uint32_t rest = internal[world]; rest != 0; rest &= rest - 1) {
      const unsigned number = static_cast<unsigned>(std::countr_zero(rest));
      visit(number, target_world(core, number, world));
    }
  }
  for (unsigned word = 0; word < lines.size(); ++word) {
    for (std::uint64_t rest = lines[word]; rest != 0; rest &= rest - 1) {
      const unsigned line = word * 64 + static_cast<unsigned>(std::countr_zero(rest));
      visit(kFirstInterrupt + line, line_world(core.system->nvic, line));
    }
  }
}

/// Full priority, then number, then Secure first (ComparePriorities).
bool more_urgent(const PendingException& a, const PendingException& b) {
  if (a.priority != b.priority) return a.priority < b.priority;
  if (a.number != b.number) return a.number < b.number;
  return a.world == kSecure && b.world == kNonSecure;
}

/// Only these can be switched off; all others of 1 to 15 count as enabled. DebugMonitor is among the others:
/// DEMCR.MON_EN lets events pend it, but once it is pending, by MON_PEND too, it is taken.
constexpr std::uint32_t kCanBeDisabled =
    bit(kMemManage) | bit(kBusFault) | bit(kUsageFault) | bit(kSecureFault);

template <typename Accept>
PendingException choose(const Core& core, Accept accept) {
  const Nvic& nvic = core.system->nvic;
  const SystemControl& control = core.system->control;
  const Nvic::Lines ready{nvic.pending[0] & nvic.enabled[0], nvic.pending[1] & nvic.enabled[1]};
  const std::array<std::uint32_t, 2> internal{control.pending[0] & (control.enabled[0] | ~kCanBeDisabled),
                                              control.pending[1] & (control.enabled[1] | ~kCanBeDisabled)};
  PendingException best;
  for_each(core, internal, ready, [&](unsigned number, World world) {
    if (!accept(world)) return;
    PendingException candidate{number, world, exception_priority(core, number, world, false), 0};
    if (best.number != kNoException && !more_urgent(candidate, best)) return;
    best = candidate;
  });
  if (best.number != kNoException) {
    best.group_priority = exception_priority(core, best.number, best.world, true);
  }
  return best;
}

bool in_lines(const Nvic::Lines& lines, unsigned line) { return (lines[line / 64] >> (line % 64) & 1) != 0; }

void put_line(Nvic::Lines& lines, unsigned line, bool value) {
  const std::uint64_t mask = std::uint64_t{1} << (line % 64);
  lines[line / 64] = value ? lines[line / 64] | mask : lines[line / 64] & ~mask;
}

void put(std::uint32_t& word, unsigned position, bool value) {
  word = value ? word | bit(position) : word & ~bit(position);
}

/// A sleeping core goes on for what would pre-empt it without PRIMASK; after WFE only for what can be taken,
/// or for the event register (B3.28).
bool wakes(const Core& core, const PendingException& best) {
  if (core.system->waiting_for_event) return core.state.event;
  return best.number != kNoException && best.group_priority < wake_priority(core);
}

}  // namespace

bool is_banked(unsigned number) {
  constexpr std::uint32_t banked =
      bit(kHardFault) | bit(kMemManage) | bit(kUsageFault) | bit(kSvCall) | bit(kPendSv) | bit(kSysTick);
  return number < kFirstInterrupt && (banked & bit(number)) != 0;
}

World target_world(const Core& core, unsigned number, World world) {
  const SystemControl& control = core.system->control;
  if (is_interrupt(number)) return line_world(core.system->nvic, number - kFirstInterrupt);
  switch (number) {
    case kNmi:
    case kBusFault: return control.faults_nonsecure ? kNonSecure : kSecure;
    case kHardFault: return control.faults_nonsecure ? world : kSecure;
    case kDebugMonitor: return secure_debug_monitor(core) ? kSecure : kNonSecure;
    case kSecureFault: return kSecure;
    default: return world;
  }
}

int exception_priority(const Core& core, unsigned number, World world, bool group) {
  const SystemControl& control = core.system->control;
  switch (number) {
    case kReset: return -4;
    case kNmi: return -2;
    case kHardFault: return world == kSecure && control.faults_nonsecure ? -3 : -1;
    default: break;
  }
  const int field = is_interrupt(number) ? core.system->nvic.priority[number - kFirstInterrupt]
                                         : control.priority[slot(number, world)][number];
  return scaled(control, field, world, group);
}

int raw_priority(const Core& core) {
  int priority = kLowestPriority;
  if (!anything_active(core)) return priority;
  for_each(core, core.system->control.active, core.system->nvic.active, [&](unsigned number, World world) {
    priority = std::min(priority, exception_priority(core, number, world, true));
  });
  return priority;
}

int execution_priority(const Core& core) { return std::min(raw_priority(core), mask_boost(core, true)); }

int wake_priority(const Core& core) { return std::min(raw_priority(core), mask_boost(core, false)); }

bool priority_negative(const Core& core, World world) {
  if (core.state.faultmask[world]) return true;
  for (const unsigned number : {unsigned{kNmi}, unsigned{kHardFault}}) {
    for (const World kept : {kSecure, kNonSecure}) {
      const bool active = (core.system->control.active[kept] & bit(number)) != 0;
      if (active && target_world(core, number, kept) == world) return true;
    }
  }
  return false;
}

PendingException most_urgent(const Core& core) {
  if (!anything_pending(core)) return {};
  return choose(core, [](World) { return true; });
}

PendingException most_urgent_in(const Core& core, World world) {
  return choose(core, [world](World target) { return target == world; });
}

bool is_pending(const Core& core, unsigned number, World world) {
  if (is_interrupt(number)) return in_lines(core.system->nvic.pending, number - kFirstInterrupt);
  return (core.system->control.pending[slot(number, world)] & bit(number)) != 0;
}

bool is_active(const Core& core, unsigned number, World world) {
  if (is_interrupt(number)) return in_lines(core.system->nvic.active, number - kFirstInterrupt);
  return (core.system->control.active[slot(number, world)] & bit(number)) != 0;
}

void set_pending(Core& core, unsigned number, World world, bool value) {
  SystemUnits& units = *core.system;
  const bool rises = value && !is_pending(core, number, world);
  if (is_interrupt(number)) {
    put_line(units.nvic.pending, number - kFirstInterrupt, value);
  } else {
    put(units.control.pending[slot(number, world)], number, value);
  }
  if (!rises) return;
  // SCR.SEVONPEND: an exception that becomes pending, enabled or not, is an event for WFE.
  const World target = target_world(core, number, world);
  const auto& events = units.control.event_on_pending;
  if (events[kSecure] || (events[kNonSecure] && target == kNonSecure)) core.state.event = true;
}

void set_active(Core& core, unsigned number, World world, bool value) {
  SystemUnits& units = *core.system;
  if (is_interrupt(number)) {
    put_line(units.nvic.active, number - kFirstInterrupt, value);
  } else {
    put(units.control.active[slot(number, world)], number, value);
  }
  // With HFNMIENA = 0 the MPU is off at negative priority, and cached permissions are of the other case.
  if (number == kNmi || number == kHardFault) flush_tlb(core);
}

unsigned active_count(const Core& core) {
  unsigned count = 0;
  for_each(core, core.system->control.active, core.system->nvic.active,
           [&count](unsigned, World) { ++count; });
  return count;
}

void weigh_pending(Core& core) {
  const PendingException best = most_urgent(core);
  const bool take = best.number != kNoException && best.group_priority < execution_priority(core);
  if (core.state.asleep && (take || wakes(core, best))) core.state.asleep = false;
  core.attention = take || core.system->control.reset_requested || step_armed(core);
}

void reconsider_from_outside(Core& core) {
  const bool before = core.attention;
  const bool slept = core.state.asleep;
  reconsider(core);
  const bool news = core.attention && (!before || step_armed(core));
  if (news || (slept && !core.state.asleep)) core.scheduler.interrupt_core();
}

}  // namespace microvisor::board
