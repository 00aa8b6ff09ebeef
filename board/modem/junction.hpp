// One network for several modules, told apart by the address that each gives to the board.
//
// A Junction leads several networks of the board's into one; an Airs leads one into several, so that a
// recording can stand between the two and see all packets in one row. Both belong to one board and live on
// its thread.
#pragma once

#include <map>
#include <memory>

#include "board/modem/network.hpp"

namespace microvisor::board {

/// Packets from behind go to the port whose address they have.
class Junction {
 public:
  /// `behind` must outlive this, and this its ports' users.
  explicit Junction(Network& behind);
  ~Junction();
  Junction(const Junction&) = delete;
  Junction& operator=(const Junction&) = delete;

  [[nodiscard]] Network& port(std::uint32_t address);

 private:
  class Port;

  Network& behind_;
  std::map<std::uint32_t, std::unique_ptr<Port>> ports_;
};

/// Packets of the board go to the network that was set for the address they come from.
class Airs final : public Network {
 public:
  /// Must outlive this. What comes from it goes to the board.
  void add(std::uint32_t address, Network& network);

  void send(std::span<const std::uint8_t> packet) override;
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  bool poll(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool awaiting() const override;
  void wake() override;

 private:
  std::map<std::uint32_t, Network*> networks_;
  Receiver receiver_;
};

}  // namespace microvisor::board
