// The LED, the memory of the log, and a call that tests calls.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct FlashCallBody<Gate::SystemLedEnable> {
  static Status run(const abi::SystemLedEnableArguments& a) {
    if (a.enable > 1) return Status::UNAVAILABLE;
    services().status_led = a.enable != 0;
    status_changed();
    return Status::OKAY;
  }
};

template <>
struct FlashCallBody<Gate::TemporaryStructTest> {
  static Status run(const abi::TemporaryStructTestArguments& a) {
    abi::TemporaryTestVersionedStruct value;
    if (!take_from_application(a.in, value)) return Status::PARAMETERFAULT;
    if (value.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    abi::TemporaryTestInner inner;
    return take_from_application(value.b.b, inner) ? Status::OKAY : Status::PARAMETERFAULT;
  }
};

template <>
struct FlashCallBody<Gate::ServerLoggingInit> {
  static Status run(const abi::ServerLoggingInitArguments& a) {
    return services().log.initialise(a.buffer, a.length_bytes, services().claims);
  }
};

}  // namespace microvisor::firmware::kernel::calls
