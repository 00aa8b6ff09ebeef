// Calls that exist only while the factory tests the device.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct FlashCallBody<Gate::TestLoggingInit> {
  static Status run(const abi::TestLoggingInitArguments& a) {
    if (!services().factory_test) return Status::UNAVAILABLE;
    return services().test_log.initialise(a.buffer, a.length_bytes, services().claims);
  }
};

template <>
struct FlashCallBody<Gate::TestingComplete> {
  static Status run(const abi::TestingCompleteArguments& a) {
    if (!services().factory_test) return Status::UNAVAILABLE;
    services().testing_status = a.status;
    request_application_end(EndRequest::TestingComplete);
    return Status::OKAY;
  }
};

}  // namespace microvisor::firmware::kernel::calls
