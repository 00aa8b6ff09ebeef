// How the connection stands.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
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

}  // namespace microvisor::firmware::kernel::calls
