// Requests for the connection. The link is woken when what is wanted has changed.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct FlashCallBody<Gate::RequestNetwork> {
  static Status run(const abi::RequestNetworkArguments& a) {
    abi::RequestNetworkParams params;
    if (!take_from_application(a.params, params) || !can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    abi::NetworkHandle handle = 0;
    const Status status = services().network.request(params, services().notifications, handle);
    if (status != Status::OKAY) return status;
    wake_link();
    return tell_checked(a.handle, handle);
  }
};

template <>
struct FlashCallBody<Gate::ReleaseNetwork> {
  static Status run(const abi::ReleaseNetworkArguments& a) {
    return close_handle(a.handle, [](abi::NetworkHandle handle) {
      const Status status = services().network.release(handle);
      if (status == Status::OKAY) wake_link();
      return status;
    });
  }
};

}  // namespace microvisor::firmware::kernel::calls
