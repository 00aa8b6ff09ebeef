// What every call body is built with. A body checks the arguments, copies them in, lets the object do it and
// copies the results out; a result pointer is checked before anything is done, so that no call fails when it
// is too late - but for two old ones whose LATEFAULT says that it did. Included by calls.cpp, which makes the
// table of bodies that are resident, and kernel/calls/flash_calls.cpp, which makes that of those in flash.
#pragma once

#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/application_memory.hpp"
#include "firmware/kernel/resident/calls.hpp"

namespace microvisor::firmware::kernel::calls {

using abi::Gate;
using abi::Status;

/// The body of one call: specialisations have `static Status run(const abi::<Call>Arguments&)`. A call
/// without one is answered UNAVAILABLE.
template <Gate>
struct CallBody {};

/// The same of a call that is not resident (docs/kernel.md, "Calls in flash").
template <Gate>
struct FlashCallBody {};

template <typename T>
Status tell(Address to, const T& value) {
  return give_to_application(to, value) ? Status::OKAY : Status::PARAMETERFAULT;
}
/// The same where `to` has been checked: nothing of the application's runs in between.
template <typename T>
Status tell_checked(Address to, const T& value) {
  copy_to_application(to, &value, sizeof value);
  return Status::OKAY;
}

inline bool can_take_handle(Address to) { return application_can_write(to, sizeof(std::uint32_t)); }

/// For calls that close something: reads the handle, lets `close` end it, and writes zero.
template <typename Close>
Status close_handle(Address in_out, Close close) {
  std::uint32_t handle = 0;
  if (!can_take_handle(in_out)) return Status::PARAMETERFAULT;  // what can be written can be read
  copy_from_application(&handle, in_out, sizeof handle);
  const Status status = close(handle);
  return status == Status::OKAY ? tell_checked(in_out, std::uint32_t{0}) : status;
}

}  // namespace microvisor::firmware::kernel::calls
