// Requests for the connection, and how it stands. The link is woken when what is wanted has changed.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::RequestNetwork> {
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
struct CallBody<Gate::ReleaseNetwork> {
  static Status run(const abi::ReleaseNetworkArguments& a) {
    return close_handle(a.handle, [](abi::NetworkHandle handle) {
      const Status status = services().network.release(handle);
      if (status == Status::OKAY) wake_link();
      return status;
    });
  }
};

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
