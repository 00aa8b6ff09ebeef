// WFI, WFE and SEV.
//
// A sleeping core is one whose `asleep` is set; reconsider() clears it as soon as something wakes it, so an
// instruction that finds its reason to go on already there never sleeps at all. Deep sleep is a matter of the
// chip: the core only tells what SCR says, and its SysTicks stand while HCLK does.
//
// Source: Armv8-M ARM (DDI0553) B3.28 "power management", pseudocode WaitForEvent, WaitForInterrupt.
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

void fall_asleep(Core& core, bool waiting_for_event) {
  core.state.asleep = true;
  core.system->waiting_for_event = waiting_for_event;
  reconsider(core);
}

}  // namespace

void execute_wfi(Core& core, std::uint32_t next) {
  core.state.r[15] = next;
  fall_asleep(core, false);
}

void execute_wfe(Core& core, std::uint32_t next) {
  core.state.r[15] = next;
  if (core.state.event) {
    core.state.event = false;
    return;
  }
  fall_asleep(core, true);
}

void execute_sev(Core& core) { core.state.event = true; }

bool deep_sleep_requested(const Core& core) { return core.system->control.sleep_deep; }

}  // namespace microvisor::board
