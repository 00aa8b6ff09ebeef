// The network end of a PPP connection, as a cellular module terminates it: LCP (RFC 1661), IPCP (RFC 1332,
// RFC 1877).
//
// One class runs the option negotiation automaton of RFC 1661 section 4; LCP and IPCP give it their options.
// The module asks for no authentication, gives the board its address and name server, and rejects what it
// does not know.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/modem/hdlc.hpp"

namespace microvisor::board {

namespace ppp {

inline constexpr std::uint16_t kIp = 0x0021;
inline constexpr std::uint16_t kIpcp = 0x8021;
inline constexpr std::uint16_t kLcp = 0xC021;

enum Code : std::uint8_t {
  ConfigureRequest = 1,
  ConfigureAck = 2,
  ConfigureNak = 3,
  ConfigureReject = 4,
  TerminateRequest = 5,
  TerminateAck = 6,
  CodeReject = 7,
  ProtocolReject = 8,
  EchoRequest = 9,
  EchoReply = 10,
  DiscardRequest = 11,
};

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

}  // namespace ppp

/// The automaton. The states Initial to Stopped of the RFC are one here (Down): this end always starts
/// actively.
class PppNegotiation {
 public:
  using Send = std::function<void(ppp::Code code, std::uint8_t id, ppp::View data)>;

  PppNegotiation(Scheduler& scheduler, Send send);
  virtual ~PppNegotiation() = default;

  /// The lower layer is up: begins to negotiate.
  void start();
  /// The lower layer is gone: no more packets, no finished().
  void stop();
  /// Ends the connection: Terminate-Request, then finished().
  void terminate();
  void input(ppp::View packet);
  [[nodiscard]] bool opened() const { return state_ == State::Opened; }
  virtual void serialise(Archive& archive);

 protected:
  // --- what LCP and IPCP add ---
  virtual void begin() = 0;                           // forget what an earlier negotiation has settled
  virtual void own_options(ppp::Bytes& options) = 0;  // for our Configure-Request
  virtual void option_refused(ppp::View option,
                              bool rejected) = 0;  // the peer's Nak or Reject of one of ours
  enum class Verdict : std::uint8_t { Ack, Nak, Reject };
  /// Judges one option of the peer; for Nak, appends what would be welcome to `suggestion`.
  virtual Verdict judge(ppp::View option, ppp::Bytes& suggestion) = 0;
  virtual void accepted(ppp::View options) = 0;  // we have acknowledged these
  virtual void up() = 0;
  virtual void down() = 0;
  virtual void finished() = 0;
  /// Codes beyond Code-Reject. False: unknown.
  virtual bool other_code(ppp::Code code, std::uint8_t id, ppp::View data);

  void send(ppp::Code code, std::uint8_t id, ppp::View data) { send_(code, id, data); }
  std::uint8_t next_id() { return ++id_; }

 private:
  enum class State : std::uint8_t { Down, RequestSent, AckReceived, AckSent, Opened, Closing };
  static constexpr int kMaximumConfigure = 10;  // RFC 1661 section 4.6
  static constexpr int kMaximumTerminate = 2;

  void configure_request(ppp::View packet, std::uint8_t id, ppp::View options);
  bool answer_request(std::uint8_t id, ppp::View options);
  void configure_ack(std::uint8_t id);
  void configure_refused(std::uint8_t id, ppp::View options, bool rejected);
  void terminate_request(std::uint8_t id);
  void send_request();
  void time_out();
  void enter(State state);
  void finish();

  Send send_;
  Scheduler::Event restart_;
  State state_ = State::Down;
  std::uint8_t id_ = 0;
  std::uint8_t request_id_ = 0;
  int tries_left_ = 0;
};

/// The connection: framing, LCP, IPCP and IP packets.
class PppServer {
 public:
  struct Ports {
    std::function<void(ppp::View)> to_line;     ///< bytes for the UART
    std::function<void(ppp::View)> to_network;  ///< an IP packet from the board
    std::function<void()> ended;                ///< LCP has been terminated: the call is over
  };

  PppServer(Scheduler& scheduler, Ports ports, std::uint32_t board_address, std::uint32_t own_address,
            std::uint32_t name_server);
  ~PppServer();

  /// The data call stands: starts LCP.
  void start();
  /// The call was ended from the module's side of the line (ATH, power): silence at once.
  void stop();
  /// Ends the connection in good order (network side hang-up).
  void terminate();
  void byte_from_line(std::uint8_t byte);
  /// An IP packet for the board; dropped while IPCP is not open.
  void packet_from_network(ppp::View packet);
  [[nodiscard]] bool network_up() const;
  void serialise(Archive& archive);

 private:
  class Lcp;
  class Ipcp;

  void frame(ppp::View frame);
  void send_frame(std::uint16_t protocol, ppp::View information);
  void send_control(std::uint16_t protocol, ppp::Code code, std::uint8_t id, ppp::View data);
  void reject_protocol(ppp::View protocol_and_information);

  Ports ports_;
  HdlcDecoder decoder_;
  std::unique_ptr<Lcp> lcp_;
  std::unique_ptr<Ipcp> ipcp_;
  std::uint8_t reject_id_ = 0;
};

}  // namespace microvisor::board
