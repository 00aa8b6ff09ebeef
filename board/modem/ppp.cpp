// LCP, IPCP and the packets between them. See ppp.hpp.
#include "board/modem/ppp.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::board {
namespace {

enum LcpOption : std::uint8_t {
  kMru = 1,
  kAccm = 2,
  kMagic = 5,
  kProtocolCompression = 7,
  kAddressCompression = 8,
};
enum IpcpOption : std::uint8_t { kIpAddress = 3, kPrimaryDns = 129, kSecondaryDns = 131 };

constexpr std::uint16_t kMinimumMru = 128;
constexpr std::uint32_t kMagicNumber = 0x4D6F'6445;  // fixed, as everything on a board is reproducible

std::uint32_t word(ppp::View bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         std::uint32_t{bytes[3]};
}

void put_word(ppp::Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_option(ppp::Bytes& out, std::uint8_t type, std::uint32_t value) {
  out.push_back(type);
  out.push_back(6);
  put_word(out, value);
}

}  // namespace

/// The link control protocol of this end.
class PppServer::Lcp final : public PppNegotiation {
 public:
  Lcp(Scheduler& scheduler, PppServer& server)
      : PppNegotiation(scheduler,
                       [&server](ppp::Code code, std::uint8_t id, ppp::View data) {
                         server.send_control(ppp::kLcp, code, id, data);
                       }),
        server_(server) {}

  // What the peer has told us about its receiver.
  [[nodiscard]] std::uint32_t send_accm() const { return opened() ? peer_accm_ : 0xFFFF'FFFF; }
  [[nodiscard]] bool compress_protocol() const { return opened() && peer_pfc_; }
  [[nodiscard]] bool compress_address() const { return opened() && peer_acfc_; }

  void serialise(Archive& archive) override {
    PppNegotiation::serialise(archive);
    archive(ask_accm_, ask_magic_, ask_pfc_, ask_acfc_, own_accm_, peer_accm_, peer_pfc_, peer_acfc_);
  }

 protected:
  void begin() override {
    ask_accm_ = ask_magic_ = ask_pfc_ = ask_acfc_ = true;
    own_accm_ = 0;
    peer_accm_ = 0xFFFF'FFFF;
    peer_pfc_ = peer_acfc_ = false;
  }

  void own_options(ppp::Bytes& options) override {
    if (ask_accm_) put_option(options, kAccm, own_accm_);
    if (ask_magic_) put_option(options, kMagic, kMagicNumber);
    if (ask_pfc_) options.insert(options.end(), {kProtocolCompression, 2});
    if (ask_acfc_) options.insert(options.end(), {kAddressCompression, 2});
  }

  void option_refused(ppp::View option, bool rejected) override {
    switch (option[0]) {
      case kAccm:
        if (rejected) ask_accm_ = false;
        if (!rejected && option.size() == 6) own_accm_ |= word(option.subspan(2));
        return;
      case kMagic: ask_magic_ = false; return;
      case kProtocolCompression: ask_pfc_ = false; return;
      case kAddressCompression: ask_acfc_ = false; return;
      default: return;
    }
  }

  Verdict judge(ppp::View option, ppp::Bytes& suggestion) override {
    switch (option[0]) {
      case kMru:
        if (option.size() != 4) return Verdict::Reject;
        if ((option[2] << 8 | option[3]) >= kMinimumMru) return Verdict::Ack;
        suggestion.insert(suggestion.end(), {kMru, 4, 0x05, 0xDC});
        return Verdict::Nak;
      case kAccm: return option.size() == 6 ? Verdict::Ack : Verdict::Reject;
      case kMagic:
        if (option.size() != 6) return Verdict::Reject;
        if (const std::uint32_t magic = word(option.subspan(2)); magic != 0 && magic != kMagicNumber) {
          return Verdict::Ack;
        }
        put_option(suggestion, kMagic, ~kMagicNumber);  // our own number comes back: a looped line
        return Verdict::Nak;
      case kProtocolCompression:
      case kAddressCompression: return option.size() == 2 ? Verdict::Ack : Verdict::Reject;
      default: return Verdict::Reject;
    }
  }

  void accepted(ppp::View options) override {
    while (!options.empty()) {
      const ppp::View option = options.first(options[1]);
      options = options.subspan(option.size());
      if (option[0] == kAccm) peer_accm_ = word(option.subspan(2));
      if (option[0] == kProtocolCompression) peer_pfc_ = true;
      if (option[0] == kAddressCompression) peer_acfc_ = true;
    }
  }

  bool other_code(ppp::Code code, std::uint8_t id, ppp::View data) override {
    switch (code) {
      case ppp::EchoRequest:
        if (opened()) echo(id, data);
        return true;
      case ppp::ProtocolReject:
      case ppp::EchoReply:
      case ppp::DiscardRequest: return true;
      default: return false;
    }
  }

  void up() override;
  void down() override;
  void finished() override { server_.ports_.ended(); }

 private:
  void echo(std::uint8_t id, ppp::View data) {
    ppp::Bytes reply;
    put_word(reply, ask_magic_ ? kMagicNumber : 0);
    if (data.size() > 4) reply.insert(reply.end(), data.begin() + 4, data.end());
    send(ppp::EchoReply, id, reply);
  }

  PppServer& server_;
  bool ask_accm_ = true;
  bool ask_magic_ = true;
  bool ask_pfc_ = true;
  bool ask_acfc_ = true;
  std::uint32_t own_accm_ = 0;
  std::uint32_t peer_accm_ = 0xFFFF'FFFF;
  bool peer_pfc_ = false;
  bool peer_acfc_ = false;
};

/// The IP control protocol: hands out the board's address and name server.
class PppServer::Ipcp final : public PppNegotiation {
 public:
  Ipcp(Scheduler& scheduler, PppServer& server, std::uint32_t board, std::uint32_t own, std::uint32_t dns)
      : PppNegotiation(scheduler,
                       [&server](ppp::Code code, std::uint8_t id, ppp::View data) {
                         server.send_control(ppp::kIpcp, code, id, data);
                       }),
        server_(server),
        board_(board),
        own_(own),
        dns_(dns) {}

  void serialise(Archive& archive) override {
    PppNegotiation::serialise(archive);
    archive(ask_address_);
  }

 protected:
  void begin() override { ask_address_ = true; }
  void own_options(ppp::Bytes& options) override {
    if (ask_address_) put_option(options, kIpAddress, own_);
  }
  void option_refused(ppp::View option, bool) override {
    if (option[0] == kIpAddress) ask_address_ = false;
  }

  Verdict judge(ppp::View option, ppp::Bytes& suggestion) override {
    std::uint32_t wanted = 0;
    switch (option[0]) {
      case kIpAddress: wanted = board_; break;
      case kPrimaryDns:
      case kSecondaryDns: wanted = dns_; break;
      default: return Verdict::Reject;
    }
    if (option.size() != 6) return Verdict::Reject;
    if (word(option.subspan(2)) == wanted) return Verdict::Ack;
    put_option(suggestion, option[0], wanted);
    return Verdict::Nak;
  }

  void accepted(ppp::View) override {}
  void up() override {}
  void down() override {}
  /// Without IP the call is of no use: the module ends it.
  void finished() override { server_.lcp_->terminate(); }

 private:
  PppServer& server_;
  std::uint32_t board_;
  std::uint32_t own_;
  std::uint32_t dns_;
  bool ask_address_ = true;
};

void PppServer::Lcp::up() { server_.ipcp_->start(); }
void PppServer::Lcp::down() { server_.ipcp_->stop(); }

PppServer::PppServer(Scheduler& scheduler, Ports ports, std::uint32_t board_address,
                     std::uint32_t own_address, std::uint32_t name_server)
    : ports_(std::move(ports)),
      lcp_(std::make_unique<Lcp>(scheduler, *this)),
      ipcp_(std::make_unique<Ipcp>(scheduler, *this, board_address, own_address, name_server)) {}

PppServer::~PppServer() = default;

void PppServer::start() {
  decoder_.reset();
  lcp_->start();
}

void PppServer::stop() {
  ipcp_->stop();
  lcp_->stop();
}

void PppServer::terminate() { lcp_->terminate(); }

bool PppServer::network_up() const { return lcp_->opened() && ipcp_->opened(); }

void PppServer::serialise(Archive& archive) { archive(decoder_, *lcp_, *ipcp_, reject_id_); }

void PppServer::byte_from_line(std::uint8_t byte) {
  if (const auto complete = decoder_.push(byte)) frame(*complete);
}

void PppServer::packet_from_network(ppp::View packet) {
  if (network_up()) send_frame(ppp::kIp, packet);
}

/// Takes address, control and protocol off, whether compressed or not (RFC 1661 section 6.5, 6.6).
void PppServer::frame(ppp::View frame) {
  if (frame.size() >= 2 && frame[0] == 0xFF && frame[1] == 0x03) frame = frame.subspan(2);
  if (frame.empty()) return;
  std::uint16_t protocol = frame[0];
  std::size_t width = 1;
  if ((protocol & 1) == 0) {
    if (frame.size() < 2) return;
    protocol = static_cast<std::uint16_t>(protocol << 8 | frame[1]);
    width = 2;
  }
  const ppp::View information = frame.subspan(width);
  if (protocol == ppp::kLcp) return lcp_->input(information);
  if (!lcp_->opened()) return;
  if (protocol == ppp::kIpcp) return ipcp_->input(information);
  if (protocol != ppp::kIp) {
    ppp::Bytes rejected{static_cast<std::uint8_t>(protocol >> 8), static_cast<std::uint8_t>(protocol)};
    rejected.insert(rejected.end(), information.begin(), information.end());
    return reject_protocol(rejected);
  }
  if (ipcp_->opened()) ports_.to_network(information);
}

void PppServer::reject_protocol(ppp::View rejected) {
  constexpr std::size_t kLongest = 128;  // enough for the peer to know it again
  send_control(ppp::kLcp, ppp::ProtocolReject, ++reject_id_,
               rejected.first(std::min(rejected.size(), kLongest)));
}

void PppServer::send_control(std::uint16_t protocol, ppp::Code code, std::uint8_t id, ppp::View data) {
  const std::size_t length = data.size() + 4;
  ppp::Bytes packet{code, id, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
  packet.insert(packet.end(), data.begin(), data.end());
  send_frame(protocol, packet);
}

/// LCP packets go out as if nothing had been negotiated (RFC 1661 section 6.6, RFC 1662 section 7).
void PppServer::send_frame(std::uint16_t protocol, ppp::View information) {
  const bool plain = protocol == ppp::kLcp;
  ppp::Bytes frame;
  frame.reserve(information.size() + 4);
  if (plain || !lcp_->compress_address()) frame.insert(frame.end(), {0xFF, 0x03});
  if (plain || !lcp_->compress_protocol() || protocol > 0xFF)
    frame.push_back(static_cast<std::uint8_t>(protocol >> 8));
  frame.push_back(static_cast<std::uint8_t>(protocol));
  frame.insert(frame.end(), information.begin(), information.end());
  ppp::Bytes line;
  line.reserve(frame.size() + frame.size() / 8 + 8);
  hdlc_encode(frame, plain ? 0xFFFF'FFFF : lcp_->send_accm(), line);
  ports_.to_line(line);
}

}  // namespace microvisor::board
