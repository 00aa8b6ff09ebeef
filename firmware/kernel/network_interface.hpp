// The virtual network interface: the application's end of it, which is two rings of packets in its memory,
// and what it is told.
//
// What is in the rings is the application's to change at any time; a packet counts as it was copied, and
// positions and lengths that cannot be are answered by emptying a ring or by losing a packet. How the bearer
// stands outlives the application. Used by system calls and, under Atomic, by the worker.
#pragma once

#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/packet_ring.hpp"
#include "firmware/kernel/resident/handles.hpp"
#include "firmware/kernel/resident/memory_claims.hpp"
#include "firmware/kernel/resident/notifications.hpp"
#include "firmware/net/translator.hpp"

namespace microvisor::firmware::kernel {

/// An interface that is being opened: looked at in two traps, opened in a third.
struct InterfaceOpening {
  Caller by;          // its stack pointer is 0 if there is none
  bool fits = false;  // NetworkInterface::check has passed
  std::uint32_t claims_changes = 0;
  abi::OpenNetworkInterfaceParams params{};

  void end() { by.stack_pointer = 0; }
};

class NetworkInterface {
 public:
  static constexpr std::uint32_t kGranule = 512;
  static constexpr std::uint32_t kSmallestBuffer = 2048;
  static constexpr std::uint32_t kLargestBuffer = 65'536;

  void reset(std::uint32_t seed);

  // --- system calls ---
  [[nodiscard]] static abi::Status check(const abi::OpenNetworkInterfaceParams& params,
                                         const MemoryClaims& claims);
  /// What has been checked, with the claims as they are.
  [[nodiscard]] abi::Status open(const abi::OpenNetworkInterfaceParams& params, MemoryClaims& claims,
                                 abi::NetworkInterfaceHandle& handle);
  [[nodiscard]] abi::Status close(abi::NetworkInterfaceHandle handle, MemoryClaims& claims);
  [[nodiscard]] bool valid(abi::NetworkInterfaceHandle handle) const {
    return handles_.find(handle).has_value();
  }
  void tell(abi::NetworkInterfaceState& state) const;
  /// The worker looks for packets, and tells once of so much room. Resident, as its call is.
  [[nodiscard]] abi::Status sent(abi::NetworkInterfaceHandle handle, std::uint32_t room) {
    if (!valid(handle)) return abi::Status::INVALIDHANDLE;
    if (room > send_.capacity()) return abi::Status::PARAMETERFAULT;
    room_wanted_ = room;
    return abi::Status::OKAY;
  }

  // --- link ---
  /// Another one each time that it is opened; 0: it is not open, and nothing else here may be called but
  /// bearer_changed().
  [[nodiscard]] std::uint32_t number() const { return handles_.handle(0); }
  /// Length of the oldest packet that the application has sent, 0 if there is none. Tells of room.
  [[nodiscard]] std::uint32_t oldest(Notifications& notifications, std::uint64_t now);
  void read(std::uint32_t from, void* to, std::uint32_t size) const;
  void remove(std::uint32_t length, Notifications& notifications, std::uint64_t now);
  void refused() { ++refused_count_; }
  /// False: there is no room, and the packet is lost.
  [[nodiscard]] bool begin(std::uint32_t length);
  void write(std::uint32_t from, const void* bytes, std::uint32_t size);
  void finish(std::uint32_t length, Notifications& notifications, std::uint64_t now);
  void bearer_changed(const net::BearerAddresses& bearer, std::uint32_t mtu, Notifications& notifications,
                      std::uint64_t now);

 private:
  void tell_room(Notifications& notifications, std::uint64_t now);

  HandleTable<HandleKind::NetworkInterface, 1> handles_;
  abi::NotificationHandle centre_ = 0;
  std::uint32_t tag_ = 0;
  PacketRing receive_;
  PacketRing send_;
  std::uint32_t room_wanted_ = 0;
  std::uint32_t refused_count_ = 0;
  std::uint32_t lost_count_ = 0;

  // Outlives the application.
  net::BearerAddresses bearer_{};
  std::uint32_t mtu_ = 0;
};

}  // namespace microvisor::firmware::kernel
