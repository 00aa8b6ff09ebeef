// The two SysTick timers: nothing runs between two looks at them.
//
// A timer is a value that was right at a moment (`anchor`) and a period; what it shows now, and whether it
// has passed zero since, is arithmetic. Only an interrupt that is to come needs an event. After zero comes
// RVR, so a full round takes RVR + 1 clocks; with RVR = 0 the counter stays at zero. Writing CVR sets it to
// zero without an interrupt.
//
// Source: Armv8-M ARM (DDI0553) B12 "SysTick", D1.2 SYST_CSR, SYST_RVR, SYST_CVR, SYST_CALIB. CALIB: 1 ms at
// 1 MHz.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kCounterMask = 0x00FF'FFFF;
constexpr std::uint32_t kCountFlag = 1u << 16;
constexpr std::uint32_t kCalibration = 0x3E8;
constexpr Time kExternalDivider = 8;  // HCLK/8, the reset setting of RCC_CCIPR1.SYSTICKSEL

constexpr unsigned kControl = 0x10;
constexpr unsigned kReload = 0x14;
constexpr unsigned kCurrent = 0x18;
constexpr unsigned kCalib = 0x1C;

Time period_for(const SystemUnits& units, const SysTick& timer, const Scheduler& scheduler) {
  const Time processor = units.processor_period != 0 ? units.processor_period : scheduler.instruction_ticks();
  if (timer.processor_clock) return processor;
  return units.external_period != 0 ? units.external_period : processor * kExternalDivider;
}

bool counting(const SystemUnits& units, const SysTick& timer) {
  return timer.enabled && !units.clocks_stopped && timer.period != 0 && timer.period != kNever;
}

/// Clocks from the anchor to the next time the counter becomes zero; 0 if it never does.
std::uint64_t clocks_to_zero(const SysTick& timer) {
  if (timer.value != 0) return timer.value;
  return timer.reload == 0 ? 0 : std::uint64_t{timer.reload} + 1;
}

/// The counter `clocks` after the anchor, and whether it has become zero on the way.
std::uint32_t count_after(const SysTick& timer, std::uint64_t clocks, bool& reached_zero) {
  const std::uint64_t first = clocks_to_zero(timer);
  if (first == 0 || clocks < first) {
    if (timer.value != 0) return static_cast<std::uint32_t>(timer.value - clocks);
    return clocks == 0 || timer.reload == 0 ? 0 : static_cast<std::uint32_t>(timer.reload + 1 - clocks);
  }
  reached_zero = true;
  const std::uint64_t round = std::uint64_t{timer.reload} + 1;
  const std::uint64_t into = (clocks - first) % round;
  return into == 0 ? 0 : static_cast<std::uint32_t>(round - into);
}

/// Moves the anchor to the last clock edge before now.
void catch_up(const SystemUnits& units, SysTick& timer, Time now) {
  if (!counting(units, timer)) {
    timer.anchor = now;
    return;
  }
  const std::uint64_t clocks = now > timer.anchor ? (now - timer.anchor) / timer.period : 0;
  timer.value = count_after(timer, clocks, timer.count_flag);
  timer.anchor += clocks * timer.period;
}

std::uint32_t value_now(const SystemUnits& units, const SysTick& timer, Time now) {
  SysTick copy = timer;
  catch_up(units, copy, now);
  return copy.value;
}

bool flag_now(const SystemUnits& units, const SysTick& timer, Time now) {
  SysTick copy = timer;
  catch_up(units, copy, now);
  return copy.count_flag;
}

void rearm_one(Core& core, World world) {
  SystemUnits& units = *core.system;
  SysTick& timer = units.systick[world];
  Scheduler::Event& event = units.systick_due[world];
  const std::uint64_t clocks = clocks_to_zero(timer);
  if (!counting(units, timer) || !timer.interrupt || clocks == 0) {
    event.cancel();
    return;
  }
  event.at(timer.anchor + clocks * timer.period);
}

void on_due(Core& core, World world) {
  SystemUnits& units = *core.system;
  SysTick& timer = units.systick[world];
  catch_up(units, timer, core.scheduler.now());
  set_pending(core, kSysTick, world, true);
  rearm_one(core, world);
  reconsider_from_outside(core);
}

/// Brings both timers to now under the old clock, lets `change` alter it, and goes on.
template <typename Change>
void change_clock(Core& core, Change change) {
  SystemUnits& units = *core.system;
  const Time now = core.scheduler.now();
  for (SysTick& timer : units.systick) catch_up(units, timer, now);
  change(units);
  for (SysTick& timer : units.systick) {
    timer.period = period_for(units, timer, core.scheduler);
    timer.anchor = now;
  }
  systick_rearm(core);
  dwt_rearm_cycle_match(core);
}

void write_control(Core& core, SysTick& timer, std::uint32_t value) {
  const bool enabled = (value & 1) != 0;
  const bool processor_clock = (value & 4) != 0;
  if (enabled != timer.enabled || processor_clock != timer.processor_clock)
    timer.anchor = core.scheduler.now();
  timer.enabled = enabled;
  timer.interrupt = (value & 2) != 0;
  timer.processor_clock = processor_clock;
  timer.period = period_for(*core.system, timer, core.scheduler);
}

}  // namespace

SystemUnits::SystemUnits(Core& core)
    : systick_due{Scheduler::Event(core.scheduler, [&core] { on_due(core, kNonSecure); }),
                  Scheduler::Event(core.scheduler, [&core] { on_due(core, kSecure); })},
      cycle_match_due(core.scheduler, [&core] { dwt_on_cycle_match_due(core); }) {}

void systick_reset(Core& core) {
  SystemUnits& units = *core.system;
  for (SysTick& timer : units.systick) timer = SysTick{};
  units.clocks_stopped = false;
  for (Scheduler::Event& event : units.systick_due) event.cancel();
}

void systick_rearm(Core& core) {
  rearm_one(core, kNonSecure);
  rearm_one(core, kSecure);
}

std::uint32_t systick_read(Core& core, World world, unsigned offset, bool peek) {
  SysTick& timer = core.system->systick[world];
  const Time now = core.scheduler.now();
  switch (offset) {
    case kControl: {
      std::uint32_t value =
          (timer.enabled ? 1u : 0u) | (timer.interrupt ? 2u : 0u) | (timer.processor_clock ? 4u : 0u);
      if (flag_now(*core.system, timer, now)) value |= kCountFlag;
      if (!peek) {
        catch_up(*core.system, timer, now);
        timer.count_flag = false;
      }
      return value;
    }
    case kReload: return timer.reload;
    case kCurrent: return value_now(*core.system, timer, now);
    case kCalib: return kCalibration;
    default: return 0;
  }
}

void systick_write(Core& core, World world, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  SysTick& timer = core.system->systick[world];
  catch_up(*core.system, timer, core.scheduler.now());
  switch (offset) {
    case kControl: {
      const std::uint32_t old =
          (timer.enabled ? 1u : 0u) | (timer.interrupt ? 2u : 0u) | (timer.processor_clock ? 4u : 0u);
      write_control(core, timer, merged(old, value, mask));
      break;
    }
    case kReload: timer.reload = merged(timer.reload, value, mask) & kCounterMask; break;
    case kCurrent:
      timer.value = 0;
      timer.count_flag = false;
      timer.anchor = core.scheduler.now();
      break;
    default: return;
  }
  rearm_one(core, world);
}

void set_systick_clocks(Core& core, Time processor_period, Time external_period) {
  change_clock(core, [=](SystemUnits& units) {
    units.processor_period = processor_period;
    units.external_period = external_period;
  });
}

void stop_core_clock(Core& core) {
  change_clock(core, [](SystemUnits& units) { units.clocks_stopped = true; });
}

void start_core_clock(Core& core) {
  change_clock(core, [](SystemUnits& units) { units.clocks_stopped = false; });
}

}  // namespace microvisor::board
