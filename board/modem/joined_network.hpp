// A network inside the process: TCP connections of the board end in an object of the caller's, names resolve
// from a table.
//
// Nothing here depends on the host's clock or sockets: a packet takes a fixed latency of board time, so a run
// is a function of the board's image and of what the peer answers. The peer's code runs on the board's
// thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/modem/network.hpp"
#include "board/modem/packet.hpp"

namespace microvisor::board {

/// The network's side of one TCP connection, for the peer to write to. Lives until the peer's ended()
/// returns.
class JoinedConnection {
 public:
  virtual ~JoinedConnection() = default;
  /// Queues bytes for the board; sent as its window allows.
  virtual void send(std::span<const std::uint8_t> bytes) = 0;
  /// Ends the stream towards the board after what is queued.
  virtual void close() = 0;
  /// Breaks the connection off at once.
  virtual void reset() = 0;
};

/// The peer of one TCP connection.
class JoinedPeer {
 public:
  virtual ~JoinedPeer() = default;
  virtual void received(std::span<const std::uint8_t> bytes) = 0;
  /// The board has closed or reset the connection, or does not answer any more. The last call.
  virtual void ended() = 0;
};

struct JoinedOptions {
  /// One way, from the peer to the board.
  Time latency = 10'000 * kTicksPerMicrosecond;
  /// What the way to the board carries; 0: any number.
  std::uint64_t bits_per_second = 0;
  /// What the name server at 10.0.2.3 knows.
  std::map<std::string, std::uint32_t> names;
};

class TcpEndpoint;

class JoinedNetwork final : public Network {
 public:
  /// Called for each connection that the board opens; nullptr refuses it.
  using Accept = std::function<std::unique_ptr<JoinedPeer>(JoinedConnection& connection,
                                                           std::uint32_t address, std::uint16_t port)>;

  JoinedNetwork(Scheduler& scheduler, Accept accept, JoinedOptions options = {});
  ~JoinedNetwork() override;

  void send(std::span<const std::uint8_t> packet) override;
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  bool poll(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool awaiting() const override { return false; }
  void wake() override;

  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  friend class TcpEndpoint;
  /// Board's address and port, peer's address and port.
  using Key = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t>;

  void tcp_segment(std::uint32_t board, std::uint32_t address, const packet::Tcp& segment);
  void name_query(std::uint32_t board, const packet::Udp& query);
  void to_board(std::vector<std::uint8_t> packet);
  void deliver_due();
  void remove_dead();

  Scheduler& scheduler_;
  Accept accept_;
  JoinedOptions options_;
  Receiver receiver_;
  std::map<Key, std::unique_ptr<TcpEndpoint>> connections_;
  std::deque<std::pair<Time, std::vector<std::uint8_t>>> under_way_;
  Time line_free_ = 0;  // when the way to the board can take the next packet
  Scheduler::Event delivery_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wake_ = false;
};

}  // namespace microvisor::board
