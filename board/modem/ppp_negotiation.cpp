// The option negotiation automaton of RFC 1661 section 4, the part that LCP and IPCP share.
#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/modem/ppp.hpp"

namespace microvisor::board {
namespace {

constexpr Time kRestartTimer = 3 * kTicksPerSecond;  // RFC 1661 section 4.6
constexpr std::size_t kHeader = 4;                   // code, identifier, length

/// Cuts the first option off `options`; empty if they are malformed or at their end.
ppp::View take_option(ppp::View& options) {
  if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return {};
  const ppp::View option = options.first(options[1]);
  options = options.subspan(option.size());
  return option;
}

}  // namespace

PppNegotiation::PppNegotiation(Scheduler& scheduler, Send send)
    : send_(std::move(send)), restart_(scheduler, [this] { time_out(); }) {}

void PppNegotiation::start() {
  begin();
  tries_left_ = kMaximumConfigure;
  state_ = State::RequestSent;
  send_request();
}

void PppNegotiation::stop() {
  const bool was_open = opened();
  restart_.cancel();
  state_ = State::Down;
  if (was_open) down();
}

void PppNegotiation::terminate() {
  if (state_ == State::Down || state_ == State::Closing) return;
  const bool was_open = opened();
  state_ = State::Closing;
  if (was_open) down();
  tries_left_ = kMaximumTerminate;
  time_out();
}

void PppNegotiation::input(ppp::View packet) {
  if (state_ == State::Down || packet.size() < kHeader) return;
  const std::size_t length = static_cast<std::size_t>(packet[2]) << 8 | packet[3];
  if (length < kHeader || length > packet.size()) return;
  packet = packet.first(length);  // what follows is padding
  const auto code = static_cast<ppp::Code>(packet[0]);
  const std::uint8_t id = packet[1];
  const ppp::View data = packet.subspan(kHeader);
  switch (code) {
    case ppp::ConfigureRequest: return configure_request(packet, id, data);
    case ppp::ConfigureAck: return configure_ack(id);
    case ppp::ConfigureNak: return configure_refused(id, data, false);
    case ppp::ConfigureReject: return configure_refused(id, data, true);
    case ppp::TerminateRequest: return terminate_request(id);
    case ppp::TerminateAck:
      if (state_ == State::Closing) finish();
      return;
    case ppp::CodeReject: return;
    default:
      if (!other_code(code, id, data)) send_(ppp::CodeReject, next_id(), packet);
  }
}

bool PppNegotiation::other_code(ppp::Code, std::uint8_t, ppp::View) { return false; }

/// RCR+ and RCR- of the state table. A request in the Opened state starts the negotiation anew.
void PppNegotiation::configure_request(ppp::View, std::uint8_t id, ppp::View options) {
  if (state_ == State::Closing) return;
  if (state_ == State::Opened) {
    down();
    begin();
    tries_left_ = kMaximumConfigure;
    state_ = State::RequestSent;
    send_request();
  }
  const bool good = answer_request(id, options);
  if (!good) {
    if (state_ == State::AckSent) state_ = State::RequestSent;
  } else if (state_ == State::AckReceived) {
    enter(State::Opened);
  } else {
    state_ = State::AckSent;
  }
}

/// Answers with Reject if any option is unknown, else Nak if any value is unwelcome, else Ack (RFC 1661
/// section 5).
bool PppNegotiation::answer_request(std::uint8_t id, ppp::View options) {
  ppp::Bytes naks;
  ppp::Bytes rejects;
  ppp::View rest = options;
  while (!rest.empty()) {
    const ppp::View option = take_option(rest);
    if (option.empty()) return false;  // malformed: silently discarded
    if (judge(option, naks) == Verdict::Reject) rejects.insert(rejects.end(), option.begin(), option.end());
  }
  if (!rejects.empty()) {
    send_(ppp::ConfigureReject, id, rejects);
  } else if (!naks.empty()) {
    send_(ppp::ConfigureNak, id, naks);
  } else {
    accepted(options);
    send_(ppp::ConfigureAck, id, options);
    return true;
  }
  return false;
}

void PppNegotiation::configure_ack(std::uint8_t id) {
  if (id != request_id_) return;
  switch (state_) {
    case State::RequestSent:
      tries_left_ = kMaximumConfigure;
      state_ = State::AckReceived;
      return;
    case State::AckSent: return enter(State::Opened);
    case State::AckReceived:
    case State::Opened:
      if (state_ == State::Opened) down();
      state_ = State::RequestSent;
      return send_request();
    default: return;
  }
}

void PppNegotiation::configure_refused(std::uint8_t id, ppp::View options, bool rejected) {
  if (id != request_id_ || state_ == State::Closing) return;
  while (!options.empty()) {
    const ppp::View option = take_option(options);
    if (option.empty()) return;
    option_refused(option, rejected);
  }
  if (state_ == State::Opened) down();
  if (state_ != State::AckSent) state_ = State::RequestSent;
  send_request();
}

void PppNegotiation::terminate_request(std::uint8_t id) {
  send_(ppp::TerminateAck, id, {});
  if (opened()) down();
  finish();
}

void PppNegotiation::send_request() {
  ppp::Bytes options;
  own_options(options);
  request_id_ = next_id();
  send_(ppp::ConfigureRequest, request_id_, options);
  restart_.after(kRestartTimer);
}

void PppNegotiation::time_out() {
  if (tries_left_-- <= 0) return finish();
  if (state_ == State::Closing) {
    send_(ppp::TerminateRequest, next_id(), {});
    restart_.after(kRestartTimer);
    return;
  }
  if (state_ == State::AckReceived) state_ = State::RequestSent;
  send_request();
}

void PppNegotiation::enter(State state) {
  restart_.cancel();
  state_ = state;
  if (state == State::Opened) up();
}

void PppNegotiation::finish() {
  restart_.cancel();
  state_ = State::Down;
  finished();
}

void PppNegotiation::serialise(Archive& archive) {
  archive(state_, id_, request_id_, tries_left_);
  serialise_event(archive, restart_);
}

}  // namespace microvisor::board
