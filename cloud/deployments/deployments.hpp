// What a device should run, what it says it runs, and the story in between.
//
// One record a device in the store. `pending` until the device has reported COMPLETE for the target's
// manifest (or says at a connection that it runs it), `error` when it has reported FAILED. Each state stands
// once in the log stream for each deployment, whatever gets lost or repeated on the link. Lives on the
// service thread.
#pragma once

#include <string>
#include <unordered_map>

#include "cloud/bus/bus.hpp"
#include "cloud/store/store.hpp"
#include "protocol/link.pb.h"

namespace microvisor::cloud {

class Deployments {
 public:
  Deployments(Store& store, Bus& bus, const Clock& clock) : store_(store), bus_(bus), clock_(clock) {}

  /// Makes `app` the target; the caller stores the device afterwards and then calls announce().
  void assign(Device& device, const App& app) const;
  void announce(const Device& device);

  /// The device has said Hello.
  void connected(Device& device, const link::Hello& hello);
  void reported(const std::string& device_sid, const link::UpdateReport& report);
  void disconnected(const std::string& device_sid);
  /// So many bytes have gone out to the device for its update.
  void object_sent(const std::string& device_sid, std::size_t bytes);
  /// The device's application has crashed. If it does so too often for its owner, the last good one becomes
  /// the target (returns.hpp).
  void crashed(const std::string& device_sid);

  /// Of the latest deployment; more recent than what the store has.
  [[nodiscard]] UpdateProgress progress(const Device& device) const;
  /// The manifest to name at a connection; empty if there is none, or if the device has failed at it.
  [[nodiscard]] static std::optional<protocol::Hash> target_of(const Device& device);

 private:
  void show(Device& device, link::UpdateState state, int error = 0);
  void show_missing(Device& device, link::UpdateState until);
  void complete(Device& device);
  void fetching(const std::string& device_sid, const link::UpdateReport& report);
  void set_reported(Device& device, const std::string& manifest_hash);
  void save(Device& device);

  Store& store_;
  Bus& bus_;
  const Clock& clock_;
  std::unordered_map<std::string, UpdateProgress> live_;  // bytes fetched change too often for the store
};

}  // namespace microvisor::cloud
