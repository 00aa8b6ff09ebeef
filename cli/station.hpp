// The station of a production line, as one end of a serial line: asks a new device for its request, has the
// cloud issue the certificate, and hands it over (docs/factory.md).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/factory/device_request.hpp"

namespace microvisor::cli {

/// A serial line at whose other end a device may be. Lines go and come without their ends.
class SerialLine {
 public:
  virtual ~SerialLine() = default;
  virtual void send(const std::string& line) = 0;
  /// The next line, or nothing if none comes within some seconds of the device's time. Throws Failure.
  virtual std::optional<std::string> receive() = 0;
};

/// What a device has told and got.
struct NewDevice {
  protocol::DeviceRequest request;
  std::string claim_code;
};

/// Issues the certificate (DER) for a request (as it came). Throws Failure to refuse it.
using Issue = std::function<protocol::Bytes(const protocol::DeviceRequest&, protocol::ByteView)>;

/// Throws Failure if no new device answers, its request does not hold, or it refuses the certificate.
NewDevice provision_over(SerialLine& line, const Issue& issue);

}  // namespace microvisor::cli
