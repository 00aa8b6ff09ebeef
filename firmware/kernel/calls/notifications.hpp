// Notification centres and the system events they can be told of.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

/// Takes two traps: one looks at what is asked for, one does it. A buffer that is given away in between, or
/// another caller, makes it begin anew.
template <>
struct FlashCallBody<Gate::SetupNotifications> {
  static Status run(const abi::SetupNotificationsArguments& a) {
    if (!can_take_handle(a.handle_out)) return Status::PARAMETERFAULT;
    Services& s = services();
    CentreSetup& under_way = s.centre_setup;
    if (!under_way.by.same_call(caller) || under_way.claims_changes != s.claims.changes())
      return check(a.notifications, under_way);
    under_way.by.stack_pointer = 0;
    abi::NotificationHandle handle = 0;
    const Status status = s.notifications.add(under_way.setup, s.claims, handle);
    return status == Status::OKAY ? tell_checked(a.handle_out, handle) : status;
  }

 private:
  static Status check(Address from, CentreSetup& under_way) {
    under_way.by.stack_pointer = 0;
    if (!take_from_application(from, under_way.setup)) return Status::PARAMETERFAULT;
    const MemoryClaims& claims = services().claims;
    const Status status = services().notifications.check(under_way.setup, claims);
    if (status != Status::OKAY) return status;
    under_way.by = caller;
    under_way.claims_changes = claims.changes();
    return kAgain;
  }
};

template <>
struct FlashCallBody<Gate::CloseNotifications> {
  static Status run(const abi::CloseNotificationsArguments& a) {
    return close_handle(a.handle_in_out, [](abi::NotificationHandle handle) {
      return services().notifications.close(handle, services().claims);
    });
  }
};

template <>
struct FlashCallBody<Gate::OpenSystemNotification> {
  static Status run(const abi::OpenSystemNotificationArguments& a) {
    abi::OpenSystemNotificationParams params;
    if (!take_from_application(a.params, params) || !can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    abi::SystemEventHandle handle = 0;
    Services& s = services();
    const Status status = s.events.open(params, s.notifications, handle);
    if (status != Status::OKAY) return status;
    // Who asks after an update has become ready hears of it too.
    if (s.update_waits() && params.notification_source == abi::SystemNotificationSource::UPDATE)
      s.events.announce(params.notification_source, s.notifications, clock_microseconds(), handle);
    return tell_checked(a.handle, handle);
  }
};

template <>
struct FlashCallBody<Gate::CloseSystemNotification> {
  static Status run(const abi::CloseSystemNotificationArguments& a) {
    return close_handle(a.handle,
                        [](abi::SystemEventHandle handle) { return services().events.close(handle); });
  }
};

}  // namespace microvisor::firmware::kernel::calls
