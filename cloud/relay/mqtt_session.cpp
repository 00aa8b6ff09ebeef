// How a session begins, ends and waits. Every request gets its answer before the end is told; the end is the
// last thing that the device hears.
#include "cloud/relay/mqtt_session.hpp"

#include <algorithm>

namespace microvisor::cloud::mqtt {
namespace {

constexpr std::uint8_t kTakenOver = 0x8E;

}  // namespace

Session::Session(Channel& channel, SessionHost& host, Counters& counters, const Limits& limits)
    : channel_(&channel), host_(host), counters_(counters), limits_(limits) {}

Session::~Session() { close_line(); }

void Session::send(std::string bytes) {
  last_sent_ = host_.now();
  line_->send(std::move(bytes));
}

void Session::line_open() { send(write_connect(request_.connect)); }

void Session::line_received(protocol::ByteView bytes) {
  last_heard_ = host_.now();
  Packet packet;
  while (line_) {
    const PacketReader::Status status = reader_.next(bytes, packet);
    if (status == PacketReader::Status::NeedMore) break;
    if (status == PacketReader::Status::Malformed) return protocol_error(reason::kMalformed);
    handle(packet);
  }
  settle();
}

void Session::line_drained() {
  for (const std::uint32_t correlation_id : std::exchange(sent_unconfirmed_, {})) {
    ++counters_.published;
    answer(channel::KIND_MQTT_PUBLISH_RESPONSE, correlation_id, RequestState::Completed,
           std::string(1, '\0'));
  }
  settle();
}

void Session::line_ended(RequestState why) {
  if (state_ == State::Connecting) return connect_failed(why, 0);
  end(RequestState::NotConnected, 0, true);
}

void Session::channel_gone() {
  channel_ = nullptr;
  for_device_.clear();
  if (!has_line()) {
    close_line();
    state_ = State::Ended;
    return;
  }
  since_ = host_.now();
  settle();
}

/// When nothing is under way any more: leaves, if the device has asked for it, or breaks off, if it is gone.
void Session::settle() {
  if (!has_line() || !all_answered()) return;
  if (state_ == State::Leaving) {
    send(write_disconnect(request_.connect.version, reason::kSuccess));
    line_->finish();
    end(RequestState::Completed, reason::kSuccess, false);
  } else if (channel_ == nullptr && line_->queued() == 0) {
    end(RequestState::NotConnected, 0, false);
  }
}

bool Session::all_answered() const {
  return outstanding_.empty() && waiting_publications_.empty() && sent_unconfirmed_.empty();
}

void Session::tick() {
  const Moment now = host_.now();
  if (state_ == State::Connecting && now - since_ > limits_.connect_time)
    return connect_failed(RequestState::SocketError, 0);
  if (has_line()) check_keep_alive(now);
  const bool waits = state_ == State::Leaving || channel_ == nullptr;
  if (!has_line() || !waits || now - since_ <= limits_.linger_time) return;
  answer_rest();
  if (channel_ == nullptr && state_ != State::Leaving) return end(RequestState::NotConnected, 0, false);
  settle();
}

void Session::check_keep_alive(Moment now) {
  if (keep_alive_.count() == 0) return;
  const std::chrono::milliseconds period = keep_alive_;
  const auto patience = std::max(period, limits_.ping_time);
  if (ping_sent_ && now - pinged_ > patience && now - last_heard_ > patience)
    return protocol_error(reason::kKeepAliveTimeout);
  if (now - last_sent_ < period * 3 / 4) return;
  if (!ping_sent_) pinged_ = now;
  ping_sent_ = true;
  send(write_ping());
}

void Session::taken_over() {
  if (state_ == State::Connecting) connect_failed(RequestState::NotConnected, 0);
  if (has_line()) end(RequestState::NotConnected, kTakenOver, true);
  memory_.reset();
}

void Session::connect_failed(RequestState state, std::uint8_t code) {
  ++counters_.failed;
  state_ = State::Ended;
  close_line();
  answer(channel::KIND_MQTT_CONNECT_RESPONSE, 0, state, std::string(1, static_cast<char>(code)));
  answer_rest();
}

void Session::protocol_error(std::uint8_t code) {
  if (state_ == State::Connecting) return connect_failed(RequestState::SocketError, 0);
  if (request_.connect.version == Version::V5) {
    send(write_disconnect(Version::V5, code));
    line_->finish();
  }
  end(RequestState::NotConnected, code, true);
}

void Session::break_circuit(std::uint8_t code) {
  ++counters_.broken;
  if (request_.connect.version == Version::V5) {
    send(write_disconnect(Version::V5, code));
    line_->finish();
  }
  end(RequestState::CircuitBreaker, code, false);
}

/// The connection is over; with `with_what_waits` the device first gets the messages that have come.
void Session::end(RequestState state, std::uint8_t code, bool with_what_waits) {
  close_line();
  state_ = State::Ended;
  answer_rest();
  if (channel_ == nullptr || closes_when_pumped_) return;
  if (!with_what_waits) {
    for_device_.clear();
    for_device_bytes_ = lost_notices_ = 0;
  }
  auto response = std::make_unique<channel::MqttResponse>();
  response->set_state(static_cast<std::uint32_t>(state));
  response->set_reason_codes(std::string(1, static_cast<char>(code)));
  queue(channel::KIND_MQTT_DISCONNECT_RESPONSE, std::move(response));
  closes_when_pumped_ = true;
  pump();
}

void Session::close_line() {
  if (!line_) return;
  if (has_line()) {
    --counters_.open;
    memory_->disconnected();
  }
  line_.reset();
}

void Session::queue(channel::Kind kind, std::unique_ptr<google::protobuf::MessageLite> message) {
  const std::size_t size = Channel::kHeader + message->ByteSizeLong();
  for_device_bytes_ += size;
  for_device_.push_back({kind, std::move(message), size});
}

/// At most one receive buffer's worth waits in the channel: the rest waits here, where it is counted.
void Session::pump() {
  while (channel_ != nullptr && !for_device_.empty() &&
         channel_->queued() + for_device_.front().size <= channel_->receive_buffer()) {
    const ForDevice next = std::move(for_device_.front());
    for_device_.pop_front();
    for_device_bytes_ -= next.size;
    if (next.kind == channel::KIND_MQTT_LOST_MESSAGE) --lost_notices_;
    channel_->send(next.kind, *next.message);
  }
  if (channel_ != nullptr && closes_when_pumped_ && for_device_.empty())
    channel_->close(link::STREAM_ERROR_NONE);
}

}  // namespace microvisor::cloud::mqtt
