// Time and clocks: only told, never set.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::GetMicroseconds> {
  static Status run(const abi::GetMicrosecondsArguments& a) { return tell(a.ms, clock_microseconds()); }
};

template <>
struct CallBody<Gate::GetWallTime> {
  static Status run(const abi::GetWallTimeArguments& a) {
    if (!application_can_write(a.usec, sizeof(std::uint64_t))) return Status::PARAMETERFAULT;
    const WallClock& clock = services().wall_clock;
    return clock.known() ? tell_checked(a.usec, clock.at(clock_microseconds())) : Status::TIMENOTSET;
  }
};

template <>
struct CallBody<Gate::GetSysClk> {
  static Status run(const abi::GetSysClkArguments& a) { return tell(a.hz, system_clock_hertz()); }
};
template <>
struct CallBody<Gate::GetHClk> {
  static Status run(const abi::GetHClkArguments& a) { return tell(a.hz, system_clock_hertz()); }
};
template <>
struct CallBody<Gate::GetPClk1> {
  static Status run(const abi::GetPClk1Arguments& a) { return tell(a.hz, system_clock_hertz()); }
};
template <>
struct CallBody<Gate::GetPClk2> {
  static Status run(const abi::GetPClk2Arguments& a) { return tell(a.hz, system_clock_hertz()); }
};

}  // namespace microvisor::firmware::kernel::calls
