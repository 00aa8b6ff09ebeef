// The host's network: packets of the board become the host's own sockets, by libslirp. The host's loopback is
// reachable at 10.0.2.2, names are resolved by the host's resolver at 10.0.2.3.
//
// libslirp speaks Ethernet; this class puts headers on and takes them off and answers its ARP. Its TCP timers
// run on the board's clock, so a slow board does not look like a lossy line. libslirp keeps a clock in a
// global variable: all instances of a process take turns under one lock, held only while libslirp runs, never
// while waiting.
#pragma once

#include <memory>

#include "board/bus/scheduler.hpp"
#include "board/modem/network.hpp"

namespace microvisor::board {

class SlirpNetwork final : public Network {
 public:
  /// Throws std::runtime_error if libslirp or the host refuses.
  explicit SlirpNetwork(const Scheduler& scheduler);
  ~SlirpNetwork() override;

  void send(std::span<const std::uint8_t> packet) override;
  void on_receive(Receiver receiver) override;
  bool poll(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool awaiting() const override;
  void wake() override;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace microvisor::board
