// The application's end of its network interface, as the network code sees it: packets it has sent, and room
// for those that have come for it.
//
// The kernel stands behind it, in host tests whatever they like. All functions are called by the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/net/translator.hpp"

namespace microvisor::firmware::net {

/// Bytes of the longest packet of an application's.
inline constexpr std::size_t kMaximumPacket = 1500;

class PacketQueues {
 public:
  /// Of the interface that is open: another one each time that one is opened. 0: none is.
  [[nodiscard]] virtual std::uint32_t number() = 0;
  /// Takes the oldest packet that the application has sent; its size, 0 if there is none. `into` has room for
  /// the longest.
  [[nodiscard]] virtual std::size_t take(std::span<std::uint8_t, kMaximumPacket> into) = 0;
  /// One that was taken does not go out.
  virtual void refused() = 0;
  /// A packet for the application. Without room it is lost.
  virtual void give(std::span<const std::uint8_t> packet) = 0;
  /// There is a bearer with these addresses, or, if it has none of its own, there is none.
  virtual void bearer_changed(const BearerAddresses& bearer, std::uint32_t mtu) = 0;

 protected:
  ~PacketQueues() = default;
};

}  // namespace microvisor::firmware::net
