// What lies behind the modem's antenna: something that takes IP packets and brings others back.
//
// A Network belongs to one board and lives on that board's thread. Two exist: SlirpNetwork leads to real
// peers through the host's sockets, JoinedNetwork to a peer inside the process. The Board's run loop treats a
// Network as a source of outside events, through HostEvents.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

namespace microvisor::board {

/// Events that come from outside of virtual time. The run loop calls poll() with no wait every few thousand
/// instructions while the core runs, and with a wait while the core sleeps and the loop is pacing itself.
class HostEvents {
 public:
  virtual ~HostEvents() = default;
  /// Waits at most `timeout` of host time for something to happen, then delivers what has happened. Returns
  /// true if it delivered anything (the board's next event may then be earlier than before).
  virtual bool poll(std::chrono::microseconds timeout) = 0;
  /// True while an answer from outside is awaited: idle virtual time must then pass no faster than host time.
  [[nodiscard]] virtual bool awaiting() const = 0;
  /// Ends a poll() that is waiting, now or at its next call. The only function another thread may call.
  virtual void wake() = 0;
};

class Network : public HostEvents {
 public:
  using Receiver = std::function<void(std::span<const std::uint8_t> packet)>;

  /// One IPv4 packet from the board. What cannot be carried is dropped, as a network does.
  virtual void send(std::span<const std::uint8_t> packet) = 0;
  /// Who gets the packets for the board. They are delivered during poll(), send() or an event of the board.
  virtual void on_receive(Receiver receiver) = 0;
};

/// The addresses of the modules' network, the same in both networks.
inline constexpr std::uint32_t kBoardAddress = 0x0A00'020F;       // 10.0.2.15
inline constexpr std::uint32_t kPeerAddress = 0x0A40'4040;        // 10.64.64.64, the modem's end of PPP
inline constexpr std::uint32_t kWifiAddress = 0x0A00'0210;        // 10.0.2.16, the board's over that module
inline constexpr std::uint32_t kGatewayAddress = 0x0A00'0202;     // 10.0.2.2, the host's loopback
inline constexpr std::uint32_t kNameServerAddress = 0x0A00'0203;  // 10.0.2.3
inline constexpr std::size_t kMaximumPacket = 1500;

}  // namespace microvisor::board
