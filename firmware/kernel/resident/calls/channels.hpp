// Channels that are open. What a channel does is in channels.hpp; here are the checks and the copies.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::GetChannelClosureReason> {
  static Status run(const abi::GetChannelClosureReasonArguments& a) {
    abi::ClosureReason reason{};
    const Status status = services().channels.closure_reason(a.handle, reason);
    return status == Status::OKAY ? tell(a.reason_out, reason) : status;
  }
};

template <>
struct CallBody<Gate::WriteChannelStream> {
  static Status run(const abi::WriteChannelStreamArguments& a) {
    std::uint32_t written = 0;
    const Status status = services().channels.write_stream(a.handle, a.data, a.len, written);
    if (status != Status::OKAY) return status;
    if (written == 0) return tell(a.written, written);
    wake_link();
    return tell(a.written, written) == Status::OKAY ? Status::OKAY : Status::LATEFAULT;
  }
};

template <>
struct CallBody<Gate::WriteChannel> {
  static Status run(const abi::WriteChannelArguments& a) {
    std::uint32_t available = 0;
    if (a.len == 0) {
      const Status status = services().channels.room(a.handle, available);
      return status == Status::OKAY ? tell(a.available, available) : status;
    }
    const Status status = services().channels.write_whole(a.handle, a.data, a.len, available);
    if (status != Status::OKAY) return status;
    wake_link();
    return tell(a.available, available) == Status::OKAY ? Status::OKAY : Status::LATEFAULT;
  }
};

template <>
struct CallBody<Gate::ReadChannel> {
  static Status run(const abi::ReadChannelArguments& a) {
    if (!application_can_write(a.length_out, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    Address data = 0;
    std::uint32_t length = 0;
    Status status = services().channels.unread(a.handle, data, length);
    if (status == Status::OKAY) status = tell(a.read_pointer_out, data);
    return status == Status::OKAY ? tell_checked(a.length_out, length) : status;
  }
};

template <>
struct CallBody<Gate::ReadChannelComplete> {
  static Status run(const abi::ReadChannelCompleteArguments& a) {
    const Status status = services().channels.consume(a.handle, a.consumed);
    if (status == Status::OKAY) wake_link();
    return status;
  }
};

}  // namespace microvisor::firmware::kernel::calls
