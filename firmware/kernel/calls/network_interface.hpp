// The virtual network interface comes and goes. What it does is in network_interface.hpp.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

/// Takes three traps: one copies what is asked for and checks its pointers, one checks all else, one opens.
/// A buffer that is given away in between, or another caller, makes it begin anew.
template <>
struct FlashCallBody<Gate::OpenNetworkInterface> {
  static Status run(const abi::OpenNetworkInterfaceArguments& a) {
    if (!can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    InterfaceOpening& opening = services().interface_opening;
    if (!opening.by.same_call(caller)) return take(a.params, opening);
    if (!opening.fits || opening.claims_changes != services().claims.changes()) return check(opening);
    return open(opening, a.handle);
  }

 private:
  static Status take(Address from, InterfaceOpening& opening) {
    abi::OpenNetworkInterfaceParams& params = opening.params;
    opening.end();
    if (!take_from_application(from, params)) return Status::PARAMETERFAULT;
    if (params.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    if (!application_can_write(params.receive_buffer, params.receive_buffer_len) ||
        !application_can_write(params.send_buffer, params.send_buffer_len)) {
      return Status::PARAMETERFAULT;
    }
    opening.by = caller;
    opening.fits = false;
    return kAgain;
  }

  static bool handles_are_valid(const abi::OpenNetworkInterfaceParams& params) {
    const Services& s = services();
    return s.notifications.valid(params.notification_handle) && s.network.valid(params.network_handle);
  }

  static Status check(InterfaceOpening& opening) {
    const MemoryClaims& claims = services().claims;
    const Status status = handles_are_valid(opening.params) ? NetworkInterface::check(opening.params, claims)
                                                            : Status::INVALIDHANDLE;
    if (status != Status::OKAY) {
      opening.end();
      return status;
    }
    opening.fits = true;
    opening.claims_changes = claims.changes();
    return kAgain;
  }

  static Status open(InterfaceOpening& opening, Address to) {
    Services& s = services();
    opening.end();
    if (!handles_are_valid(opening.params)) return Status::INVALIDHANDLE;
    abi::NetworkInterfaceHandle handle = 0;
    const Status status = s.network_interface.open(opening.params, s.claims, handle);
    return status == Status::OKAY ? tell_checked(to, handle) : status;
  }
};

template <>
struct FlashCallBody<Gate::GetNetworkInterfaceState> {
  static Status run(const abi::GetNetworkInterfaceStateArguments& a) {
    abi::NetworkInterfaceState state;
    if (!application_can_write(a.state, sizeof state)) return Status::PARAMETERFAULT;
    copy_from_application(&state.version, a.state, sizeof state.version);
    if (!services().network_interface.valid(a.handle)) return Status::INVALIDHANDLE;
    if (state.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    services().network_interface.tell(state);
    return tell_checked(a.state, state);
  }
};

template <>
struct FlashCallBody<Gate::CloseNetworkInterface> {
  static Status run(const abi::CloseNetworkInterfaceArguments& a) {
    return close_handle(a.handle, [](abi::NetworkInterfaceHandle handle) {
      return services().network_interface.close(handle, services().claims);
    });
  }
};

}  // namespace microvisor::firmware::kernel::calls
