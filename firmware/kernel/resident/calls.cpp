// The table of all calls, by slot. Bodies that are resident are in calls/, a file a group; those in flash are
// reached through a guard.
#include "firmware/kernel/resident/calls.hpp"

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/calls/channels.hpp"
#include "firmware/kernel/resident/calls/device.hpp"
#include "firmware/kernel/resident/calls/fast_interrupts.hpp"
#include "firmware/kernel/resident/calls/log.hpp"
#include "firmware/kernel/resident/calls/network.hpp"
#include "firmware/kernel/resident/calls/notifications.hpp"
#include "firmware/kernel/resident/calls/time.hpp"
#include "firmware/kernel/resident/platform.hpp"

namespace microvisor::firmware::kernel {

/// The only way into flash that a trap has (check_residency.py). While the flash is busy a fetch would stall,
/// and with it the application's interrupts; so the call is made again, with them served in between. No
/// operation on the flash begins before the call is over: only the worker begins one, and calls pre-empt it.
[[gnu::noinline]] abi::Status perform_call_in_flash(unsigned index, const abi::Registers& registers) {
  if (flash_is_busy()) [[unlikely]]
    return kAgain;
  return flash_call_bodies[index](registers);
}

namespace {

/// Entry of a call in flash: all that is resident of it.
template <unsigned kIndex>
struct InFlash {
  static abi::Status run(const abi::Registers& registers) { return perform_call_in_flash(kIndex, registers); }
};

}  // namespace

constinit const std::array<abi::CallFunction, abi::kGateCount> call_bodies =
    abi::dispatch_table<calls::CallBody, InFlash>();

}  // namespace microvisor::firmware::kernel
