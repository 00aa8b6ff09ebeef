// Which release of Microvisor itself a device should run, and which of its module's firmware the module;
// which ones they say they run, and the story in between. To the device both are releases of the vendor's,
// named one at a time, Microvisor's first.
//
// As Deployments is for applications: `pending` until the device says that it runs the target, `error` when
// it has reported FAILED, be it that it refused the release or that the new kernel did not prove itself and
// the previous one is back. Lives on the service thread.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "cloud/bus/bus.hpp"
#include "cloud/store/store.hpp"
#include "protocol/link.pb.h"

namespace microvisor::cloud {

class KernelUpdates {
 public:
  KernelUpdates(Store& store, Bus& bus, const Clock& clock) : store_(store), bus_(bus), clock_(clock) {}

  /// Makes it the device's target, and says so to whoever holds its connection.
  void deploy(Device device, const Kernel& kernel);

  /// The device has said Hello; the caller stores it.
  void connected(Device& device, const link::Hello& hello);
  void reported(const std::string& device_sid, const link::UpdateReport& report);
  /// So many bytes of the object have gone out to the device. False: it is not of the release that is the
  /// device's target.
  bool object_sent(const std::string& device_sid, const protocol::Hash& object, std::size_t bytes);

  /// What has gone out to the device for its target, since that was named or this process has started.
  [[nodiscard]] std::uint32_t bytes_sent(const std::string& device_sid) const;

  /// The manifest to name at a connection; empty if there is none, or if the device has failed at it.
  [[nodiscard]] static std::optional<protocol::Hash> target_of(const Device& device);
  /// When it was named.
  [[nodiscard]] static std::optional<Timestamp> targeted(const Device& device);

 private:
  struct Transfer {
    std::vector<protocol::Hash> objects;  ///< of the target: manifest and layers
    std::uint32_t bytes_sent = 0;
  };
  void show(const Device& device, KernelState& state, link::UpdateState moment);
  void module_connected(Device& device, const link::Hello& hello);
  [[nodiscard]] Transfer transfer_to(const std::string& device_sid) const;

  Store& store_;
  Bus& bus_;
  const Clock& clock_;
  std::unordered_map<std::string, Transfer> transfers_;  // of devices that fetch; changes too often to store
};

}  // namespace microvisor::cloud
