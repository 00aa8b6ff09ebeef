// Notifications that the application sends itself.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::TempTriggerNotification> {
  static Status run(const abi::TempTriggerNotificationArguments& a) {
    if (!services().notifications.valid(a.handle)) return Status::INVALIDHANDLE;
    services().notifications.post(a.handle, a.type, a.tag, clock_microseconds());
    return Status::OKAY;
  }
};

}  // namespace microvisor::firmware::kernel::calls
