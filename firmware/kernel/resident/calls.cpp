// The call bodies: check the arguments, copy them in, let the object do it, copy the results out. A result
// pointer is checked before anything is done, so that no call fails when it is too late.
#include "firmware/kernel/resident/calls.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "abi/dispatch.hpp"
#include "firmware/kernel/resident/application_memory.hpp"
#include "firmware/kernel/resident/peripheral_access.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

namespace {

using abi::Gate;
using abi::Status;

/// The call being performed, for those that take more than one trap. Calls exclude each other, so one is
/// enough.
struct CurrentCall {
  const Caller* caller = nullptr;
  const abi::Registers* registers = nullptr;
  bool again = false;
};
CurrentCall current;

/// Calls that may be made from an interrupt handler: they only tell something, or take a log line.
constexpr bool allowed_in_interrupt(Gate gate) {
  switch (gate) {
    case Gate::EnableFastInterrupt:
    case Gate::DisableFastInterrupt:
    case Gate::SetFastInterrupt:
    case Gate::ClearFastInterrupt:
    case Gate::EnableAllFastInterrupts:
    case Gate::DisableAllFastInterrupts:
    case Gate::GetMicroseconds:
    case Gate::GetWallTime:
    case Gate::GetSysClk:
    case Gate::GetHClk:
    case Gate::GetPClk1:
    case Gate::GetPClk2:
    case Gate::GetDeviceId:
    case Gate::GetNetworkStatus:
    case Gate::GetNetworkReasons:
    case Gate::GetChannelClosureReason:
    case Gate::PeriphPeek32:
    case Gate::PeriphPoke32:
    case Gate::ServerLog:
    case Gate::TestLog:
    case Gate::NoOp: return true;
    default: return false;
  }
}

template <typename T>
Status tell(Address to, const T& value) {
  return give_to_application(to, value) ? Status::OKAY : Status::PARAMETERFAULT;
}

bool can_take_handle(Address to) { return application_can_write(to, sizeof(std::uint32_t)); }

/// For calls that close something: reads the handle, lets `close` end it, and writes zero.
template <typename Close>
Status close_handle(Address in_out, Close close) {
  std::uint32_t handle = 0;
  if (!can_take_handle(in_out) || !take_from_application(in_out, handle)) return Status::PARAMETERFAULT;
  const Status status = close(handle);
  if (status != Status::OKAY) return status;
  return tell(in_out, std::uint32_t{0});
}

template <Gate>
struct CallBody {};

// --- time and clocks
// --------------------------------------------------------------------------------------------------

template <>
struct CallBody<Gate::GetMicroseconds> {
  static Status run(const abi::GetMicrosecondsArguments& a) { return tell(a.ms, clock_microseconds()); }
};

template <>
struct CallBody<Gate::GetWallTime> {
  static Status run(const abi::GetWallTimeArguments& a) {
    if (!application_can_write(a.usec, sizeof(std::uint64_t))) return Status::PARAMETERFAULT;
    const WallClock& clock = services().wall_clock;
    return clock.known() ? tell(a.usec, clock.at(clock_microseconds())) : Status::TIMENOTSET;
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

// --- device
// -----------------------------------------------------------------------------------------------------------

template <>
struct CallBody<Gate::NoOp> {
  static Status run(const abi::NoOpArguments&) { return Status::OKAY; }
};

template <>
struct CallBody<Gate::GetDeviceId> {
  static Status run(const abi::GetDeviceIdArguments& a) {
    if (a.len != kDeviceIdSize) return Status::INVALIDBUFFERSIZE;
    return tell(a.buf, services().device_id);
  }
};

template <>
struct CallBody<Gate::PeriphPeek32> {
  static Status run(const abi::PeriphPeek32Arguments& a) {
    const RegisterRule* rule = find_register_rule(a.reg);
    if (rule == nullptr) return Status::PERIPHERALACCESSFAULT;
    if (!application_can_write(a.output, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    return tell(a.output, read_reserved_register(a.reg) & rule->readable);
  }
};

template <>
struct CallBody<Gate::PeriphPoke32> {
  static Status run(const abi::PeriphPoke32Arguments& a) {
    const RegisterRule* rule = find_register_rule(a.reg);
    if (rule == nullptr) return Status::PERIPHERALACCESSFAULT;
    if (rule->writable == 0) return Status::OKAY;
    const std::uint32_t old = read_reserved_register(a.reg);
    const std::uint32_t value = poked(*rule, old, a.mask, a.xorvalue);
    if (value != old) write_reserved_register(a.reg, value);
    return Status::OKAY;
  }
};

template <>
struct CallBody<Gate::SystemLedEnable> {
  static Status run(const abi::SystemLedEnableArguments& a) {
    if (a.enable > 1) return Status::UNAVAILABLE;
    enable_status_led(a.enable != 0);
    return Status::OKAY;
  }
};

template <>
struct CallBody<Gate::TemporaryStructTest> {
  static Status run(const abi::TemporaryStructTestArguments& a) {
    abi::TemporaryTestVersionedStruct value{};
    if (!take_from_application(a.in, value)) return Status::PARAMETERFAULT;
    if (value.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    abi::TemporaryTestInner inner{};
    return take_from_application(value.b.b, inner) ? Status::OKAY : Status::PARAMETERFAULT;
  }
};

// --- notifications
// ----------------------------------------------------------------------------------------------------

template <>
struct CallBody<Gate::SetupNotifications> {
  static Status run(const abi::SetupNotificationsArguments& a) {
    abi::NotificationSetup setup{};
    if (!take_from_application(a.notifications, setup) || !can_take_handle(a.handle_out)) {
      return Status::PARAMETERFAULT;
    }
    abi::NotificationHandle handle = 0;
    const Status status = services().notifications.setup(setup, services().claims, handle);
    return status == Status::OKAY ? tell(a.handle_out, handle) : status;
  }
};

template <>
struct CallBody<Gate::CloseNotifications> {
  static Status run(const abi::CloseNotificationsArguments& a) {
    return close_handle(a.handle_in_out, [](abi::NotificationHandle handle) {
      return services().notifications.close(handle, services().claims);
    });
  }
};

template <>
struct CallBody<Gate::TempTriggerNotification> {
  static Status run(const abi::TempTriggerNotificationArguments& a) {
    if (!services().notifications.valid(a.handle)) return Status::INVALIDHANDLE;
    services().notifications.post(a.handle, a.type, a.tag, clock_microseconds());
    return Status::OKAY;
  }
};

template <>
struct CallBody<Gate::OpenSystemNotification> {
  static Status run(const abi::OpenSystemNotificationArguments& a) {
    abi::OpenSystemNotificationParams params{};
    if (!take_from_application(a.params, params) || !can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    abi::SystemEventHandle handle = 0;
    const Status status = services().events.open(params, services().notifications, handle);
    return status == Status::OKAY ? tell(a.handle, handle) : status;
  }
};

template <>
struct CallBody<Gate::CloseSystemNotification> {
  static Status run(const abi::CloseSystemNotificationArguments& a) {
    return close_handle(a.handle,
                        [](abi::SystemEventHandle handle) { return services().events.close(handle); });
  }
};

// --- network
// ----------------------------------------------------------------------------------------------------------

template <>
struct CallBody<Gate::RequestNetwork> {
  static Status run(const abi::RequestNetworkArguments& a) {
    abi::RequestNetworkParams params{};
    if (!take_from_application(a.params, params) || !can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    abi::NetworkHandle handle = 0;
    const Status status = services().network.request(params, services().notifications, handle);
    if (status != Status::OKAY) return status;
    wake_link();
    return tell(a.handle, handle);
  }
};

template <>
struct CallBody<Gate::ReleaseNetwork> {
  static Status run(const abi::ReleaseNetworkArguments& a) {
    return close_handle(a.handle, [](abi::NetworkHandle handle) {
      const Status status = services().network.release(handle);
      if (status == Status::OKAY) wake_link();
      return status;
    });
  }
};

template <>
struct CallBody<Gate::GetNetworkStatus> {
  static Status run(const abi::GetNetworkStatusArguments& a) {
    if (!services().network.valid(a.handle)) return Status::INVALIDHANDLE;
    return tell(a.status, services().link_status);
  }
};

template <>
struct CallBody<Gate::GetNetworkReasons> {
  static Status run(const abi::GetNetworkReasonsArguments& a) {
    if (!application_can_write(a.request_ref_count, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    const Status status = tell(a.reasons, services().network_reasons());
    return status == Status::OKAY ? tell(a.request_ref_count, std::uint32_t{services().network.count()})
                                  : status;
  }
};

// --- log
// --------------------------------------------------------------------------------------------------------------

Status log_to(ServerLog& log, Address message, std::uint32_t length) {
  const std::uint64_t now = clock_microseconds();
  const bool was_empty = log.empty();
  const Status status = log.log(message, length, now);
  if (status == Status::OKAY && was_empty) wake_link();
  return status;
}

template <>
struct CallBody<Gate::ServerLoggingInit> {
  static Status run(const abi::ServerLoggingInitArguments& a) {
    return services().log.initialise(a.buffer, a.length_bytes, services().claims);
  }
};

template <>
struct CallBody<Gate::ServerLog> {
  static Status run(const abi::ServerLogArguments& a) {
    if (!services().log.initialised()) return Status::UNAVAILABLE;
    if (services().logging_refused) return Status::LOGGINGDISABLEDBYSERVER;
    return log_to(services().log, a.message, a.length_bytes);
  }
};

// --- factory test
// -----------------------------------------------------------------------------------------------------

template <>
struct CallBody<Gate::TestLoggingInit> {
  static Status run(const abi::TestLoggingInitArguments& a) {
    if (!services().factory_test) return Status::UNAVAILABLE;
    return services().test_log.initialise(a.buffer, a.length_bytes, services().claims);
  }
};

template <>
struct CallBody<Gate::TestLog> {
  static Status run(const abi::TestLogArguments& a) {
    if (!services().factory_test) return Status::UNAVAILABLE;
    return log_to(services().test_log, a.message, a.length_bytes);
  }
};

template <>
struct CallBody<Gate::TestingComplete> {
  static Status run(const abi::TestingCompleteArguments& a) {
    if (!services().factory_test) return Status::UNAVAILABLE;
    services().testing_status = a.status;
    request_application_end(EndRequest::TestingComplete);
    return Status::OKAY;
  }
};

// --- wake reason and restart
// --------------------------------------------------------------------------------------------

template <>
struct CallBody<Gate::GetWakeReason> {
  static Status run(const abi::GetWakeReasonArguments& a) { return tell(a.mode, services().wake_reason); }
};

template <>
struct CallBody<Gate::Restart> {
  static Status run(const abi::RestartArguments& a) {
    if (a.mode != abi::RestartMode::AUTOAPPLYUPDATE) return Status::PARAMETERFAULT;
    request_application_end(EndRequest::Restart);
    return Status::OKAY;
  }
};

// --- channels
// ---------------------------------------------------------------------------------------------------------

/// Copies the endpoint's name. False: it cannot be read.
bool take_endpoint(const abi::SizedString& name, std::span<std::uint8_t> into, std::size_t& length) {
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
    if (!application_can_write(a.written, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    std::uint32_t written = 0;
    const Status status = services().channels.write_stream(a.handle, a.data, a.len, written);
    if (status != Status::OKAY) return status;
    if (written != 0) wake_link();
    return tell(a.written, written);
  }
};

template <>
struct CallBody<Gate::WriteChannel> {
  static Status run(const abi::WriteChannelArguments& a) {
    if (!application_can_write(a.available, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    if (a.len != 0) {
      const Status status = write(a);
      if (status != Status::OKAY || current.again) return status;
      wake_link();
    }
    std::uint32_t available = 0;
    const Status status = services().channels.room(a.handle, available);
    return status == Status::OKAY ? tell(a.available, available) : status;
  }

 private:
  static Status write(const abi::WriteChannelArguments& a) {
    const auto& r = current.registers->r;
    auto* entry = services().restarts.find_or_begin({static_cast<std::uint32_t>(Gate::WriteChannel),
                                                     current.caller->stack_pointer, current.caller->lr, r[0],
                                                     r[1], r[2], r[3]});
    if (entry == nullptr) return Status::UNAVAILABLE;
    entry->object = a.handle;
    const Status status = services().channels.write_whole(a.handle, a.data, a.len, entry->progress);
    current.again = status == Status::OKAY && entry->progress < a.len;
    if (!current.again) Restarts::end(*entry);
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

constinit const auto kDispatch = abi::dispatch_table<CallBody>();

}  // namespace

bool perform_call(unsigned slot, const abi::Registers& registers, const Caller& caller, abi::Status& status) {
  if (caller.in_interrupt && !allowed_in_interrupt(static_cast<Gate>(slot))) {
    status = Status::UNAVAILABLE;
    return true;
  }
  current.caller = &caller;
  current.registers = &registers;
  current.again = false;
  status = kDispatch[slot](registers);
  return !current.again;
}

}  // namespace microvisor::firmware::kernel
