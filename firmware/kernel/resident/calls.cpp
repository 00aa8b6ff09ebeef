// The one dispatcher. The bodies are in calls/, a file a group.
#include "firmware/kernel/resident/calls.hpp"

#include "abi/dispatch.hpp"
#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/calls/channels.hpp"
#include "firmware/kernel/resident/calls/device.hpp"
#include "firmware/kernel/resident/calls/factory_test.hpp"
#include "firmware/kernel/resident/calls/fast_interrupts.hpp"
#include "firmware/kernel/resident/calls/log.hpp"
#include "firmware/kernel/resident/calls/network.hpp"
#include "firmware/kernel/resident/calls/notifications.hpp"
#include "firmware/kernel/resident/calls/power.hpp"
#include "firmware/kernel/resident/calls/time.hpp"

namespace microvisor::firmware::kernel {

namespace {

using abi::Gate;
using abi::Status;

/// Calls that may be made from an interrupt handler: they only tell something, or take a log line.
constexpr bool allowed_in_interrupt(Gate gate) {
  switch (gate) {
    case Gate::EnableFastInterrupt:
    case Gate::DisableFastInterrupt:
    case Gate::SetFastInterrupt:
    case Gate::ClearFastInterrupt:
    case Gate::EnableAllFastInterrupts:
    case Gate::DisableAllFastInterrupts:
    case Gate::GetMicroseconds:
    case Gate::GetWallTime:
    case Gate::GetSysClk:
    case Gate::GetHClk:
    case Gate::GetPClk1:
    case Gate::GetPClk2:
    case Gate::GetDeviceId:
    case Gate::GetNetworkStatus:
    case Gate::GetNetworkReasons:
    case Gate::GetChannelClosureReason:
    case Gate::PeriphPeek32:
    case Gate::PeriphPoke32:
    case Gate::ServerLog:
    case Gate::TestLog:
    case Gate::NoOp: return true;
    default: return false;
  }
}

constinit const auto kDispatch = abi::dispatch_table<calls::CallBody>();

}  // namespace

bool perform_call(unsigned slot, const abi::Registers& registers, const Caller& caller, abi::Status& status) {
  if (caller.in_interrupt && !allowed_in_interrupt(static_cast<Gate>(slot))) {
    status = Status::UNAVAILABLE;
    return true;
  }
  calls::current = {&caller, &registers, false};
  status = kDispatch[slot](registers);
  return !calls::current.again;
}

}  // namespace microvisor::firmware::kernel
