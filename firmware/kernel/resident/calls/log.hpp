// The log. A message is copied into the application's own buffer; the link is woken for the first one.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

inline Status log_to(ServerLog& log, Address message, std::uint32_t length) {
  const std::uint64_t now = clock_microseconds();
  const bool was_empty = log.empty();
  const Status status = log.log(message, length, now);
  if (status == Status::OKAY && was_empty) wake_link();
  return status;
}

template <>
struct CallBody<Gate::ServerLog> {
  static Status run(const abi::ServerLogArguments& a) {
    if (!services().log.initialised()) return Status::UNAVAILABLE;
    if (services().logging_refused) return Status::LOGGINGDISABLEDBYSERVER;
    return log_to(services().log, a.message, a.length_bytes);
  }
};

/// Exists only while the factory tests the device.
template <>
struct CallBody<Gate::TestLog> {
  static Status run(const abi::TestLogArguments& a) {
    if (!services().factory_test) return Status::UNAVAILABLE;
    return log_to(services().test_log, a.message, a.length_bytes);
  }
};

}  // namespace microvisor::firmware::kernel::calls
