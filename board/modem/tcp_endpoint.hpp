// The peer's end of one TCP connection in a joined network (RFC 9293), as small as correctness allows.
//
// The path does not reorder and loses only what the line damages, so segments are taken in order only and
// repeated from the first unacknowledged byte. The peer consumes at once: the window towards the board is
// always full.
#pragma once

#include <deque>
#include <memory>

#include "board/modem/joined_network.hpp"
#include "board/modem/packet.hpp"

namespace microvisor::board {

class TcpEndpoint final : public JoinedConnection {
 public:
  /// For the SYN `segment`. The peer is given by adopt() before anything else happens.
  TcpEndpoint(JoinedNetwork& network, std::uint32_t board, std::uint32_t address, const packet::Tcp& segment);
  ~TcpEndpoint() override;

  void adopt(std::unique_ptr<JoinedPeer> peer);
  void segment(const packet::Tcp& segment);
  [[nodiscard]] bool dead() const { return dead_; }

  // JoinedConnection
  void send(std::span<const std::uint8_t> bytes) override;
  void close() override;
  void reset() override;

 private:
  static constexpr unsigned kMaximumRepeats = 8;
  static constexpr std::uint16_t kWindow = 0xFFFF;

  void take_acknowledgement(const packet::Tcp& segment);
  void take_data(const packet::Tcp& segment);
  void take_end(const packet::Tcp& segment);
  void push();
  void emit(std::uint8_t flags, std::uint32_t sequence, std::span<const std::uint8_t> data = {});
  void time_out();
  void finish();
  [[nodiscard]] std::uint32_t in_flight() const { return next_ - acknowledged_; }

  JoinedNetwork& network_;
  std::unique_ptr<JoinedPeer> peer_;
  std::uint32_t board_;
  std::uint32_t address_;
  std::uint16_t port_;
  std::uint16_t board_port_;
  std::uint32_t expected_;      // next byte from the board
  std::uint32_t acknowledged_;  // first byte of ours that the board has not confirmed
  std::uint32_t next_;          // next byte of ours to send
  std::uint32_t window_;        // the board's
  std::size_t segment_size_;
  std::deque<std::uint8_t> queue_;  // from acknowledged_ on (behind the SYN)
  bool established_ = false;
  bool close_wanted_ = false;
  bool fin_sent_ = false;
  bool fin_received_ = false;
  bool dead_ = false;
  unsigned repeats_ = 0;
  Scheduler::Event repeat_;
};

}  // namespace microvisor::board
