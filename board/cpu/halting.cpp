#include "board/cpu/halting.hpp"

#include <algorithm>

#include "board/cpu/exceptions.hpp"
#include "board/cpu/system_units.hpp"

namespace microvisor::board {
namespace {

/// The other alias of memory and peripherals (RM0456 section 2.3): flash and the SRAMs on the code bus differ
/// in bit 26, SRAM and peripherals in bit 28.
std::uint32_t other_alias(std::uint32_t address) {
  if (address >= 0x0800'0000 && address < 0x1000'0000) return address ^ 0x0400'0000;
  if (address >= 0x2000'0000 && address < 0x6000'0000) return address ^ 0x1000'0000;
  return address;
}

AddressRange range_of(std::uint32_t address, std::uint32_t size) { return {address, address + (size - 1)}; }

}  // namespace

void set_breakpoint(Core& core, std::uint32_t address) {
  core.halting.breakpoints.insert(address & ~1u);
  update_watch(core);
}

void clear_breakpoint(Core& core, std::uint32_t address) {
  core.halting.breakpoints.erase(address & ~1u);
  update_watch(core);
}

void add_watch(Core& core, const Watch& watch) {
  auto& watches = core.halting.watches;
  if (std::ranges::find(watches, watch) == watches.end()) watches.push_back(watch);
  update_watch(core);
}

void remove_watch(Core& core, const Watch& watch) {
  std::erase(core.halting.watches, watch);
  update_watch(core);
}

void stop_halting(Core& core) {
  core.halting = Halting{};
  update_watch(core);
}

void resume_from_halt(Core& core, bool stepping) {
  core.halting.stepping = stepping;
  core.halting.due = false;
  core.halting.reason = HaltReason::Step;
  core.halting.resumed_at = core.state.r[15];
  core.halting.resumed_after = core.retired;
}

void add_halting_ranges(const Core& core, DebugWatch& watch) {
  for (const std::uint32_t address : core.halting.breakpoints) watch.watch_code({address, address});
  for (const Watch& wanted : core.halting.watches) {
    watch.watch_data(range_of(wanted.address, wanted.size));
    const std::uint32_t alias = other_alias(wanted.address);
    if (alias != wanted.address) watch.watch_data(range_of(alias, wanted.size));
  }
}

bool halts_at_breakpoint(const Core& core) {
  const Halting& halting = core.halting;
  const std::uint32_t address = core.state.r[15];
  const bool just_resumed = address == halting.resumed_at && core.retired == halting.resumed_after;
  return !just_resumed && halting.breakpoints.contains(address);
}

void halt_for_fault(Core& core, unsigned exception) {
  if (exception < kHardFault || exception > kSecureFault) return;
  const bool of_secure = (core.state.r[14] & kExcReturnSecureStack) != 0;
  if (of_secure && core.halting.faults == FaultHalts::OfNonSecure) return;
  const auto& control = core.system->control;
  const bool only_entry = control.sfsr == kInvEp && (control.cfsr[kSecure] | control.cfsr[kNonSecure]) == 0;
  if (only_entry) return;
  core.halting.due = true;
  core.halting.reason = HaltReason::Fault;
}

void halt_for_access(Core& core, std::uint32_t address, unsigned size, bool read) {
  for (const Watch& watch : core.halting.watches) {
    if (!(read ? watch.reads : watch.writes)) continue;
    for (const std::uint32_t base : {watch.address, other_alias(watch.address)}) {
      if (!range_of(base, watch.size).overlaps(address, address + (size - 1))) continue;
      core.halting.due = true;
      core.halting.reason = HaltReason::Watchpoint;
      core.halting.met = watch;
      if (address > base) core.halting.met.address += address - base;
      core.scheduler.interrupt_core();
      return;
    }
  }
}

}  // namespace microvisor::board
