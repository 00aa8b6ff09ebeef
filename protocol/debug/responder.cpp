// Whatever goes wrong ends one stream, and takes nothing along but what that stream has begun.
#include "protocol/debug/responder.hpp"

#include <algorithm>

namespace microvisor::protocol::debug {

Responder::Responder(Crypto& crypto)
    : crypto_(crypto), channel_(crypto, in_, out_), candidate_(crypto, candidate_in_, candidate_out_) {}

void Responder::allow(const StaticKeys& keys, const Prologue& prologue) {
  keys_.emplace(keys);
  prologue_ = prologue;
}

bool Responder::open(std::uint32_t number, std::uint64_t now) {
  if (!keys_ || candidate_stream_ != 0 || ending_count_ != 0) return false;
  candidate_stream_ = number;
  opened_ = now;
  candidate_.start();
  return true;
}

void Responder::closed(std::uint32_t number) {
  if (number == candidate_stream_) {
    candidate_.end();
    candidate_stream_ = 0;
  }
  if (number == stream_) {
    channel_.end();
    stream_ = 0;
  }
}

std::size_t Responder::push(std::uint32_t number, std::span<const std::uint8_t> bytes, std::uint64_t now) {
  if (number == stream_ && number != 0) {
    const std::size_t taken = channel_.push(bytes);
    if (taken != 0 && !channel_.message().empty()) heard_ = now;
    check(channel_, stream_);
    return taken;
  }
  if (number != candidate_stream_ || number == 0) return bytes.size();  // late, of a stream given up
  const std::size_t taken = candidate_.push(bytes);
  if (!candidate_.message().empty()) serve_candidate(now);
  check(candidate_, candidate_stream_);
  return taken;
}

void Responder::serve_candidate(std::uint64_t now) {
  if (candidate_.state() == Channel::State::Handshake) {
    answer_handshake();
  } else if (candidate_.message().size() <= kMaximumFirstMessage) {
    promote(now);
  } else {
    give_up(candidate_, candidate_stream_, Closing::Protocol);
  }
}

void Responder::answer_handshake() {
  if (candidate_.message().size() != kHandshakeBytes)
    return give_up(candidate_, candidate_stream_, Closing::Protocol);
  HandshakeMessage first{};
  HandshakeMessage second{};
  std::copy_n(candidate_.message().begin(), first.size(), first.begin());
  candidate_.message_done();
  Transport transport;
  if (!respond(crypto_, *keys_, prologue_, first, second, transport))
    return give_up(candidate_, candidate_stream_, Closing::Authentication);
  std::copy(second.begin(), second.end(), candidate_.room().begin());
  candidate_.send(second.size());
  candidate_.open().take(transport);
}

/// The candidate has proven to be there.
void Responder::promote(std::uint64_t now) {
  if (stream_ != 0) give_up_session(Closing::TakenOver, EndReason::TakenOver);
  channel_.take_over(candidate_);
  stream_ = candidate_stream_;
  candidate_stream_ = 0;
  heard_ = now;
  if (++session_ == 0) ++session_;
}

void Responder::check(Channel& channel, std::uint32_t& stream) {
  if (stream == 0) return;
  switch (channel.state()) {
    case Channel::State::Broken: return give_up(channel, stream, Closing::Protocol);
    case Channel::State::NotAuthentic: return give_up(channel, stream, Closing::Authentication);
    case Channel::State::CryptoFailed: return give_up(channel, stream, Closing::Failed);
    default: return;
  }
}

void Responder::give_up(Channel& channel, std::uint32_t& stream, Closing why,
                        std::span<const std::uint8_t> last) {
  // There are two streams at most, and open() takes no other before both endings have been taken.
  if (ending_count_ < endings_.size()) {
    Ending& ending = endings_[ending_count_++];
    ending = {.number = stream, .why = why, .size = static_cast<std::uint8_t>(last.size())};
    std::copy(last.begin(), last.end(), ending.last.begin());
  }
  channel.end();
  stream = 0;
}

/// The last record goes with the ending, for the channel may be another session's at once.
void Responder::give_up_session(Closing why, EndReason reason) {
  Writer writer(channel_.room());
  if (!writer.put_ended(reason)) return give_up(channel_, stream_, why);
  channel_.send(writer.size());
  give_up(channel_, stream_, why, channel_.output());
}

std::optional<Responder::Ending> Responder::take_ending() {
  if (ending_count_ == 0) return std::nullopt;
  return endings_[--ending_count_];
}

std::span<const std::uint8_t> Responder::output(std::uint32_t number) const {
  if (number == 0) return {};
  if (number == stream_) return channel_.output();
  return number == candidate_stream_ ? candidate_.output() : std::span<const std::uint8_t>{};
}

void Responder::sent(std::uint32_t number, std::size_t bytes) {
  Channel& channel = number == stream_ ? channel_ : candidate_;
  channel.sent(std::min(bytes, channel.output().size()));
}

std::span<std::uint8_t> Responder::room() {
  return stream_ != 0 ? channel_.room() : std::span<std::uint8_t>{};
}

void Responder::send(std::size_t size) {
  if (stream_ == 0) return;
  channel_.send(size);
  check(channel_, stream_);
}

void Responder::end_session(Closing why, std::optional<EndReason> reason) {
  if (stream_ == 0) return;
  if (reason) return give_up_session(why, *reason);
  give_up(channel_, stream_, why);
}

void Responder::tick(std::uint64_t now) {
  if (stream_ != 0 && now - heard_ >= kSilenceMilliseconds) give_up(channel_, stream_, Closing::Expired);
  if (candidate_stream_ != 0 && now - opened_ >= kHandshakeMilliseconds)
    give_up(candidate_, candidate_stream_, Closing::Expired);
}

}  // namespace microvisor::protocol::debug
