// The network interface as the link sees it: packets by pieces, each with interrupts held off no longer than
// other copies of the worker's.
#pragma once

#include "firmware/net/packet_queues.hpp"

namespace microvisor::firmware::kernel {

class NetworkQueues final : public net::PacketQueues {
 public:
  [[nodiscard]] std::uint32_t number() override;
  [[nodiscard]] std::size_t take(std::span<std::uint8_t, net::kMaximumPacket> into) override;
  void refused() override;
  void give(std::span<const std::uint8_t> packet) override;
  void bearer_changed(const net::BearerAddresses& bearer, std::uint32_t mtu) override;
};

}  // namespace microvisor::firmware::kernel
