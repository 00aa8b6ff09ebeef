// How the connection stands, and that the network interface has something to send.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::GetNetworkStatus> {
  static Status run(const abi::GetNetworkStatusArguments& a) {
    if (!services().network.valid(a.handle)) return Status::INVALIDHANDLE;
    return tell(a.status, services().link_status);
  }
};

template <>
struct CallBody<Gate::GetNetworkReasons> {
  static Status run(const abi::GetNetworkReasonsArguments& a) {
    if (!application_can_write(a.request_ref_count, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    const Status status = tell(a.reasons, services().network_reasons());
    return status == Status::OKAY
               ? tell_checked(a.request_ref_count, std::uint32_t{services().network.count()})
               : status;
  }
};

template <>
struct CallBody<Gate::SendNetworkPackets> {
  static Status run(const abi::SendNetworkPacketsArguments& a) {
    const Status status = services().network_interface.sent(a.handle, a.room);
    if (status == Status::OKAY) wake_link();
    return status;
  }
};

}  // namespace microvisor::firmware::kernel::calls
