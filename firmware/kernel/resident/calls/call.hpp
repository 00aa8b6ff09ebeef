// What every call body is built with. A body checks the arguments, copies them in, lets the object do it and
// copies the results out; a result pointer is checked before anything is done, so that no call fails when it
// is too late - but for two old ones whose LATEFAULT says that it did. Included by calls.cpp alone, which
// makes one table of all bodies.
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

/// The call being performed, for those that take more than one trap. Calls exclude each other, so one is
/// enough.
struct CurrentCall {
  const Caller* caller = nullptr;
  const abi::Registers* registers = nullptr;
  bool again = false;
};
inline CurrentCall current;

template <typename T>
Status tell(Address to, const T& value) {
  return give_to_application(to, value) ? Status::OKAY : Status::PARAMETERFAULT;
}

inline bool can_take_handle(Address to) { return application_can_write(to, sizeof(std::uint32_t)); }

/// For calls that close something: reads the handle, lets `close` end it, and writes zero.
template <typename Close>
Status close_handle(Address in_out, Close close) {
  std::uint32_t handle = 0;
  if (!can_take_handle(in_out) || !take_from_application(in_out, handle)) return Status::PARAMETERFAULT;
  const Status status = close(handle);
  if (status != Status::OKAY) return status;
  return tell(in_out, std::uint32_t{0});
}

}  // namespace microvisor::firmware::kernel::calls
