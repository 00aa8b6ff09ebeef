// One outgoing TCP connection as a byte stream, on lwIP's raw interface.
//
// Owned by whoever opens it; lives in the worker. Received segments stay in lwIP's buffers until they are
// read, which is what keeps the receive window honest.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/net/loss_watch.hpp"
#include "firmware/net/stack.hpp"

struct tcp_pcb;
struct pbuf;

namespace microvisor::firmware::net {

enum class ConnectResult : std::uint8_t { Connected, NoName, Refused, TimedOut, NoMemory };

class TcpStream {
 public:
  explicit TcpStream(Stack& stack) : stack_(stack) {}
  ~TcpStream() { abort(); }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  /// Resolves `host` (a name or a dotted address) and connects. Blocks up to `timeout` microseconds.
  [[nodiscard]] ConnectResult connect(std::string_view host, std::uint16_t port, std::uint64_t timeout);
  /// Takes received bytes; 0 if there are none now.
  [[nodiscard]] std::size_t read(std::span<std::uint8_t> into);
  /// Queues bytes; returns how many there was room for.
  [[nodiscard]] std::size_t write(std::span<const std::uint8_t> bytes);
  /// Waits until the peer has acknowledged everything written. False at the deadline or if the connection is
  /// gone.
  [[nodiscard]] bool flush(std::uint64_t deadline);
  /// The same at this moment, without waiting.
  [[nodiscard]] bool delivered() const;
  /// Something waits for its first time on the wire: what is written now would wait behind it.
  [[nodiscard]] bool held_back() const;
  /// True once the peer has closed or reset (or the bearer is gone) and everything received has been read.
  [[nodiscard]] bool ended() const {
    return received_ == nullptr && (pcb_ == nullptr || peer_closed_ || !stack_.up());
  }
  /// Orderly end: FIN after what is queued.
  void close();
  /// RST, and everything is forgotten.
  void abort();
  [[nodiscard]] Stack& stack() { return stack_; }

  struct Callbacks;  // lwIP's side

 private:
  [[nodiscard]] bool resolve(std::string_view host, std::uint64_t deadline, std::uint32_t& address);
  void forget();

  Stack& stack_;
  tcp_pcb* pcb_ = nullptr;
  pbuf* received_ = nullptr;         // chain of what has not been read
  std::size_t received_offset_ = 0;  // read of its first buffer
  bool connected_ = false;
  bool peer_closed_ = false;
  LossWatch losses_;
};

}  // namespace microvisor::firmware::net
