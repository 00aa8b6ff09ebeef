// Why the application runs, and how it asks to be started anew.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::GetWakeReason> {
  static Status run(const abi::GetWakeReasonArguments& a) { return tell(a.mode, services().wake_reason); }
};

template <>
struct CallBody<Gate::Restart> {
  static Status run(const abi::RestartArguments& a) {
    if (a.mode != abi::RestartMode::AUTOAPPLYUPDATE) return Status::PARAMETERFAULT;
    if (services().update_being_written()) return Status::MICROVISORBUSY;
    request_application_end(EndRequest::Restart);
    return Status::OKAY;
  }
};

}  // namespace microvisor::firmware::kernel::calls
