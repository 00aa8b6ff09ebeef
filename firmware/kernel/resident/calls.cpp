// The one dispatcher. The bodies are in calls/, a file a group.
#include "firmware/kernel/resident/calls.hpp"

#include "abi/dispatch.hpp"
#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/calls/channels.hpp"
#include "firmware/kernel/resident/calls/device.hpp"
#include "firmware/kernel/resident/calls/external_flash.hpp"
#include "firmware/kernel/resident/calls/factory_test.hpp"
#include "firmware/kernel/resident/calls/fast_interrupts.hpp"
#include "firmware/kernel/resident/calls/log.hpp"
#include "firmware/kernel/resident/calls/network.hpp"
#include "firmware/kernel/resident/calls/notifications.hpp"
#include "firmware/kernel/resident/calls/power.hpp"
#include "firmware/kernel/resident/calls/time.hpp"
#include "firmware/kernel/resident/calls/wifi.hpp"

namespace microvisor::firmware::kernel {

namespace {

constinit const auto kDispatch = abi::dispatch_table<calls::CallBody>();

}  // namespace

bool perform_call(unsigned slot, const abi::Registers& registers, const Caller& caller, abi::Status& status) {
  if (caller.in_interrupt && !abi::allowed_in_handlers(static_cast<abi::Gate>(slot))) {
    status = abi::Status::UNAVAILABLE;
    return true;
  }
  calls::current = {&caller, &registers, false};
  status = kDispatch[slot](registers);
  return !calls::current.again;
}

}  // namespace microvisor::firmware::kernel
