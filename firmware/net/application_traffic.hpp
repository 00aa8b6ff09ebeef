// The application's packets on Microvisor's bearer: which go out and when, and which of those that come are
// its own.
//
// Microvisor's traffic is first. A packet of the application's goes out when there is nothing else to do, and
// not while something of Microvisor's is on its way: a slow bearer would have to carry both. One that stays
// unanswered for long holds up all but a trickle. There is one packet in hand, in memory of our own: what the
// application does to its rings in the meantime changes nothing. Owned by the link, lives in the worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/net/packet_queues.hpp"
#include "firmware/net/translator.hpp"

namespace microvisor::firmware::net {

class ApplicationTraffic {
 public:
  // Microseconds.
  static constexpr std::uint64_t kPatience = 20'000'000;  ///< for which ours alone has the bearer
  static constexpr std::uint64_t kTrickle = 1'000'000;    ///< between two of its packets from then on
  static constexpr std::uint64_t kLately = 300'000'000;   ///< of heard_lately()

  /// `queues` may be null: there is no interface.
  explicit ApplicationTraffic(PacketQueues* queues) : queues_(queues) {}

  /// What the bearer has been given; without an address of its own there is none.
  void bearer_is(const BearerAddresses& bearer, std::uint32_t mtu);

  struct Outgoing {
    bool taken = false;                ///< from the application; there may be more
    std::span<std::uint8_t> packet{};  ///< that goes out, valid until the next call; empty: none
  };
  /// `own_under_way`: something of Microvisor's has not been sent, or not been acknowledged.
  [[nodiscard]] Outgoing next(bool own_under_way, std::uint64_t now);

  /// Whether received() can be true at all: else nobody need ask.
  [[nodiscard]] bool expects(std::uint64_t now) const { return translator_.in_use(now) != 0; }
  /// Where a packet that has come is put for received().
  [[nodiscard]] std::span<std::uint8_t> room() { return packet_; }
  /// Of the packet in room(): true if it is the application's, which has been given it.
  [[nodiscard]] bool received(std::size_t size, std::uint64_t now);
  /// Packets of the application's have been answered: whoever does not answer us, it is not the bearer.
  [[nodiscard]] bool heard_lately(std::uint64_t now) const {
    return last_heard_ != 0 && now - last_heard_ < kLately;
  }

 private:
  [[nodiscard]] bool may_send(bool own_under_way, std::uint64_t now);
  void follow_interface();

  PacketQueues* queues_;
  Translator translator_;
  BearerAddresses bearer_{};
  std::uint32_t mtu_ = 0;
  std::uint32_t number_ = 0;      // of the interface that the translator's entries belong to
  std::uint64_t last_quiet_ = 0;  // when nothing of Microvisor's was under way
  std::uint64_t last_sent_ = 0;
  std::uint64_t last_heard_ = 0;
  std::array<std::uint8_t, kMaximumPacket> packet_{};
};

}  // namespace microvisor::firmware::net
