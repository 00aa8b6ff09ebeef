// Channels. What a channel does is in channels.hpp; here are the checks and the copies.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

/// Copies the endpoint's name. False: it cannot be read.
inline bool take_endpoint(const abi::SizedString& name, std::span<std::uint8_t> into, std::size_t& length) {
  if (name.length != 0 && !application_can_read(name.data, name.length)) return false;
  // A name longer than any endpoint's is cut, and known by no one.
  length = std::min<std::size_t>(name.length, into.size());
  copy_from_application(into.data(), name.data, static_cast<std::uint32_t>(length));
  return true;
}

template <>
struct CallBody<Gate::OpenChannel> {
  static Status run(const abi::OpenChannelArguments& a) {
    abi::OpenChannelParams params{};
    if (!take_from_application(a.params, params) || !can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    if (params.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    std::array<std::uint8_t, 64> endpoint;
    std::size_t endpoint_length = 0;
    if (!take_endpoint(params.endpoint, endpoint, endpoint_length) ||
        !application_can_write(params.receive_buffer, params.receive_buffer_len) ||
        !application_can_write(params.send_buffer, params.send_buffer_len)) {
      return Status::PARAMETERFAULT;
    }
    Services& s = services();
    if (!s.notifications.valid(params.notification_handle) || !s.network.valid(params.network_handle)) {
      return Status::INVALIDHANDLE;
    }
    const Status fit = Channels::check(params, std::span(endpoint).first(endpoint_length), s.claims);
    if (fit != Status::OKAY) return fit;
    if (s.link_status != abi::NetworkStatus::CONNECTED) return Status::NETWORKNOTCONNECTED;
    // MQTT, HTTP and configuration channels are not carried by this kernel.
    if (params.channel_type != abi::ChannelType::OPAQUEBYTES) return Status::UNAVAILABLE;
    abi::ChannelHandle handle = 0;
    const Status status = s.channels.open(params, s.claims, clock_microseconds(), handle);
    if (status != Status::OKAY) return status;
    wake_link();
    return tell(a.handle, handle);
  }
};

template <>
struct CallBody<Gate::CloseChannel> {
  static Status run(const abi::CloseChannelArguments& a) {
    return close_handle(a.handle, [](abi::ChannelHandle handle) {
      const Status status = services().channels.close(handle, services().claims);
      if (status == Status::OKAY) {
        services().restarts.abandon(handle);
        wake_link();
      }
      return status;
    });
  }
};

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
    if (a.len != 0) {
      const Status status = write(a);
      if (status != Status::OKAY) return status;
      wake_link();
    }
    std::uint32_t available = 0;
    Status status = services().channels.room(a.handle, available);
    if (status == Status::OKAY) status = tell(a.available, available);
    return status == Status::PARAMETERFAULT && a.len != 0 ? Status::LATEFAULT : status;
  }

 private:
  static Status write(const abi::WriteChannelArguments& a) {
    auto* entry = services().restarts.find_or_begin(restart_key(Gate::WriteChannel));
    if (entry == nullptr) return Status::UNAVAILABLE;
    entry->object = a.handle;
    const Status status = services().channels.write_whole(a.handle, a.data, a.len, entry->progress);
    if (status == Status::OKAY && entry->progress < a.len) return kAgain;
    services().restarts.end(*entry);
    return status;
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
    return status == Status::OKAY ? tell(a.length_out, length) : status;
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
