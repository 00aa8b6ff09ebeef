// Which conversations of the board still wait for an answer from outside.
//
// A flow is a pair of endpoints and a protocol. The board's SYN, its data and its datagrams ask for an
// answer; any data, SYN, FIN or RST from the peer is one. A peer need not answer, so an unanswered flow is
// given up after a while of host time. And a peer that has just sent something may be in the middle of
// sending more, so for a moment after it that is awaited too.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>

namespace microvisor::board {

class FlowTable {
 public:
  using Clock = std::chrono::steady_clock;
  /// Longer than any time-out of a device for one answer.
  static constexpr std::chrono::seconds kPatience{30};
  /// Longer than the pauses inside one transfer.
  static constexpr std::chrono::milliseconds kLinger{100};

  void from_board(std::span<const std::uint8_t> packet, Clock::time_point now);
  void to_board(std::span<const std::uint8_t> packet, Clock::time_point now);
  [[nodiscard]] bool awaiting(Clock::time_point now) const;

 private:
  /// Protocol, board's port, peer's address, peer's port.
  using Flow = std::tuple<std::uint8_t, std::uint16_t, std::uint32_t, std::uint16_t>;
  /// Unanswered flows, with the moment of the latest question.
  std::map<Flow, Clock::time_point> unanswered_;
  Clock::time_point last_data_ = Clock::time_point::min();  // from any peer
};

}  // namespace microvisor::board
