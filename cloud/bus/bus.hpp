// How the parts of the cloud tell each other what happened.
//
// Whoever handles a REST request does not know which part (or, later, which machine) holds the device's
// connection or has a reader of its log; it publishes. Handlers run on the service thread, in the order of
// subscription.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "cloud/logs/log_record.hpp"

namespace microvisor::cloud {

/// Something the holder of a device's connection has to act on.
struct DeviceCommand {
  enum class Kind : std::uint8_t {
    TargetChanged,
    KernelTargetChanged,
    SettingsChanged,
    RestartApp,
    CertificateChanged,
    OwnerChanged
  };
  std::string device_sid;
  Kind kind;
};

/// The devices of the account are to accept other signatures.
struct SignersChanged {
  std::string account_sid;
};

/// Opaque channels of the account's devices may be opened to other endpoints.
struct EndpointsChanged {
  std::string account_sid;
};

/// The device's record in the store is not what it was.
struct DeviceChanged {
  std::string device_sid;
};

class Bus {
 public:
  template <class Message>
  using Handler = std::function<void(const Message&)>;

  virtual ~Bus() = default;
  virtual void publish(const DeviceCommand& message) = 0;
  virtual void publish(const DeviceChanged& message) = 0;
  virtual void publish(const SignersChanged& message) = 0;
  virtual void publish(const EndpointsChanged& message) = 0;
  virtual void publish(const LogRecord& message) = 0;

  virtual void subscribe(Handler<DeviceCommand> handler) = 0;
  virtual void subscribe(Handler<DeviceChanged> handler) = 0;
  virtual void subscribe(Handler<SignersChanged> handler) = 0;
  virtual void subscribe(Handler<EndpointsChanged> handler) = 0;
  virtual void subscribe(Handler<LogRecord> handler) = 0;
};

/// Within one process: a function call. Subscribers stay for the bus's life.
std::unique_ptr<Bus> make_in_process_bus();

}  // namespace microvisor::cloud
