// Who wants to be connected, and who is told about the connection: network requests and system subscriptions.
#pragma once

#include <array>
#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/handles.hpp"
#include "firmware/kernel/resident/notifications.hpp"

namespace microvisor::firmware::kernel {

/// Where a piece of news goes.
struct Subscriber {
  abi::NotificationHandle centre = 0;  // 0: nowhere
  std::uint32_t tag = 0;
};

class NetworkRequests {
 public:
  static constexpr unsigned kRequests = 32;

  void reset(std::uint32_t seed) {
    handles_.reset(seed);
    ever_used_ = false;
  }
  [[nodiscard]] bool valid(abi::NetworkHandle handle) const { return handles_.find(handle).has_value(); }
  [[nodiscard]] unsigned count() const { return handles_.in_use(); }
  /// Whether the application has ever asked for the network: until then Microvisor decides.
  [[nodiscard]] bool ever_used() const { return ever_used_; }

  /// PARAMETERFAULT when all are taken: the interface has no status of its own for that.
  [[nodiscard]] abi::Status request(const abi::RequestNetworkParams& params,
                                    const Notifications& notifications, abi::NetworkHandle& handle) {
    if (params.version != 1) return abi::Status::UNSUPPORTEDSTRUCTUREVERSION;
    if (params.notification_handle != 0 && !notifications.valid(params.notification_handle)) {
      return abi::Status::INVALIDHANDLE;
    }
    const auto index = handles_.allocate();
    if (!index) return abi::Status::PARAMETERFAULT;
    subscribers_[*index] = {params.notification_handle, params.notification_tag};
    handle = handles_.handle(*index);
    ever_used_ = true;
    return abi::Status::OKAY;
  }
  [[nodiscard]] abi::Status release(abi::NetworkHandle handle) {
    const auto index = handles_.find(handle);
    if (!index) return abi::Status::INVALIDHANDLE;
    handles_.release(*index);
    return abi::Status::OKAY;
  }
  void announce(Notifications& notifications, std::uint64_t now) const {
    for (unsigned i = 0; i < kRequests; ++i) {
      if (!handles_.taken(i)) continue;
      notifications.post(subscribers_[i].centre, abi::EventType::NETWORKSTATUSCHANGED, subscribers_[i].tag,
                         now);
    }
  }

 private:
  HandleTable<HandleKind::Network, kRequests> handles_;
  std::array<Subscriber, kRequests> subscribers_{};
  bool ever_used_ = false;
};

class SystemEvents {
 public:
  static constexpr unsigned kSubscriptions = 16;

  void reset(std::uint32_t seed) { handles_.reset(seed); }

  [[nodiscard]] abi::Status open(const abi::OpenSystemNotificationParams& params,
                                 const Notifications& notifications, abi::SystemEventHandle& handle) {
    const bool known = params.notification_source == abi::SystemNotificationSource::NETWORK ||
                       params.notification_source == abi::SystemNotificationSource::UPDATE;
    if (!known || !notifications.valid(params.notification_handle)) return abi::Status::INVALIDHANDLE;
    const auto index = handles_.allocate();
    if (!index) return abi::Status::UNAVAILABLE;
    subscriptions_[*index] = {{params.notification_handle, params.notification_tag},
                              params.notification_source};
    handle = handles_.handle(*index);
    return abi::Status::OKAY;
  }
  [[nodiscard]] abi::Status close(abi::SystemEventHandle handle) {
    const auto index = handles_.find(handle);
    if (!index) return abi::Status::INVALIDHANDLE;
    handles_.release(*index);
    return abi::Status::OKAY;
  }
  /// To all subscribers of `source`, or to `only` one of them.
  void announce(abi::SystemNotificationSource source, Notifications& notifications, std::uint64_t now,
                abi::SystemEventHandle only = 0) const {
    const auto type = source == abi::SystemNotificationSource::NETWORK ? abi::EventType::NETWORKSTATUSCHANGED
                                                                       : abi::EventType::UPDATEDOWNLOADED;
    for (unsigned i = 0; i < kSubscriptions; ++i) {
      if (!handles_.taken(i) || subscriptions_[i].source != source) continue;
      if (only != 0 && handles_.handle(i) != only) continue;
      notifications.post(subscriptions_[i].subscriber.centre, type, subscriptions_[i].subscriber.tag, now);
    }
  }

 private:
  struct Subscription {
    Subscriber subscriber;
    abi::SystemNotificationSource source = abi::SystemNotificationSource::NETWORK;
  };
  HandleTable<HandleKind::SystemEvent, kSubscriptions> handles_;
  std::array<Subscription, kSubscriptions> subscriptions_{};
};

}  // namespace microvisor::firmware::kernel
