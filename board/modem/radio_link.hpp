// The air between a modem and its network: packets are late, wait for their turn, get lost, and at times none
// passes.
//
// Everything is by the board's clock and a seed, so with a joined network behind it a run is repeatable. What
// is under way is not part of a snapshot: it is lost, as a link loses packets. Owned by whoever owns the
// board, lives on its thread.
#pragma once

#include <deque>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/memory/random_bits.hpp"
#include "board/modem/network.hpp"

namespace microvisor::board {

/// The same in both directions; as it stands here nothing is held up.
struct RadioConditions {
  Time delay = 0;                       ///< one way
  double loss = 0;                      ///< share of packets, 0 to 1
  std::uint64_t bits_per_second = 0;    ///< 0: any number
  std::size_t queue_bytes = 64 * 1024;  ///< that wait for their turn, beyond which packets are dropped
  Time outage_every = 0;                ///< from one outage to the next, the first after as long; 0: none
  Time outage = 0;                      ///< how long it takes
  std::uint64_t seed = 1;               ///< of what is lost; counts at the beginning
};

class RadioLink final : public Network {
 public:
  /// `behind` must outlive this.
  RadioLink(Scheduler& scheduler, Network& behind, RadioConditions conditions);

  /// From now on. What is under way stays so.
  void set(const RadioConditions& conditions) { conditions_ = conditions; }
  [[nodiscard]] bool in_outage() const;

  void send(std::span<const std::uint8_t> packet) override;
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  bool poll(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool awaiting() const override { return behind_.awaiting(); }
  void wake() override { behind_.wake(); }

  /// Packets that never came to the other side.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

  /// What was sent in one direction, whether it arrived or not.
  struct Carried {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  ///< of IP packets
  };
  [[nodiscard]] const Carried& from_board() const { return out_.carried; }
  [[nodiscard]] const Carried& to_board() const { return in_.carried; }

 private:
  struct UnderWay {
    Time due;
    std::vector<std::uint8_t> packet;
  };
  /// One direction.
  struct Way {
    Time free = 0;  // when the next packet can begin
    std::deque<UnderWay> packets;
    Carried carried;
  };
  bool enter(Way& way, std::span<const std::uint8_t> packet);
  void deliver_due();

  Scheduler& scheduler_;
  Network& behind_;
  RadioConditions conditions_;
  RandomBits random_;
  Receiver receiver_;
  Way out_, in_;
  Scheduler::Event delivery_;
  std::uint64_t lost_ = 0;
  bool arrived_ = false;
};

}  // namespace microvisor::board
