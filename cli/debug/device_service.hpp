// What `microvisor debug` does: a GDB server here for the application of a device anywhere, or on the bench.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/credentials.hpp"

namespace microvisor::cli::debug {

struct ServiceArguments {
  std::string device;       ///< SID or unique name
  std::string key;          ///< file of the private key (PEM)
  std::string certificate;  ///< file of the device's certificate (PEM); empty: the cloud says what it is
  std::string listen = "8001";
};

/// The same without a cloud: the device's modem line ends at this machine.
struct DirectArguments {
  std::string line;         ///< the serial port
  std::string key;          ///< file of the private key (PEM)
  std::string certificate;  ///< file of the device's certificate (PEM), which says its SID
  std::string bundle;       ///< file of the signed bundle that the device has installed; or
  std::string hash;         ///< of its manifest, "sha256:..."
  std::string listen = "8001";
};

/// Owned by the command that runs; on its thread, but for the socket below it.
class DeviceService {
 public:
  /// The session with the device stands when this returns. Throws Failure.
  DeviceService(const Credentials& credentials, const ServiceArguments& arguments);
  /// Likewise; waits for the device's call, for as long as `keep_going`.
  DeviceService(const DirectArguments& arguments, const std::function<bool()>& keep_going);
  ~DeviceService();
  DeviceService(const DeviceService&) = delete;
  DeviceService& operator=(const DeviceService&) = delete;

  /// Where GDB is to connect to.
  [[nodiscard]] const std::string& address() const;
  /// One GDB after the other, or only the first, as long as `keep_going`. Throws ExitStatus when the session
  /// with the device ends, with the reason on stderr.
  void serve(bool once, const std::function<bool()>& keep_going);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace microvisor::cli::debug
