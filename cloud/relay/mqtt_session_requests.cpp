// What the device asks for. A request is refused, or sent to the broker and noted until the broker has
// answered: so that each has exactly one answer.
#include <algorithm>
#include <utility>

#include "cloud/relay/mqtt_session.hpp"

namespace microvisor::cloud::mqtt {
namespace {

template <class Message>
bool parse(protocol::ByteView bytes, Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string one_code(std::uint8_t code) { return std::string(1, static_cast<char>(code)); }

}  // namespace

/// False also of a device that asks for more than any kernel lets an application ask for.
bool Session::received(channel::Kind kind, protocol::ByteView message) {
  if (kind == channel::KIND_MQTT_CONNECT) return connect(message);
  if (kind < channel::KIND_MQTT_CONNECT || kind > channel::KIND_MQTT_DISCONNECT || !has_room(message.size()))
    return false;
  if (state_ != State::Connecting) return perform(kind, message);
  behind_connect_.push_back({kind, protocol::Bytes(message.begin(), message.end())});
  return true;
}

bool Session::has_room(std::size_t bytes) const {
  constexpr std::size_t kLongestAnswer = 64;
  std::size_t count = outstanding_.size() + waiting_publications_.size() + sent_unconfirmed_.size();
  for (const Request& request : behind_connect_) bytes += request.message.size();
  count += behind_connect_.size();
  bytes += waiting_publication_bytes_ + (line_ ? line_->queued() : 0);
  const bool takes_answers =
      channel_->queued() <= channel_->receive_buffer() + limits_.requests * kLongestAnswer;
  return count < limits_.requests && bytes <= limits_.request_bytes && takes_answers;
}

bool Session::perform(channel::Kind kind, protocol::ByteView message) {
  switch (kind) {
    case channel::KIND_MQTT_SUBSCRIBE: return subscribe(message);
    case channel::KIND_MQTT_UNSUBSCRIBE: return unsubscribe(message);
    case channel::KIND_MQTT_PUBLISH: return publish(message);
    case channel::KIND_MQTT_DISCONNECT: leave(); return true;
    default: {
      channel::MqttAcknowledge request;
      if (!parse(message, request)) return false;
      acknowledge(request.correlation_id());
      return true;
    }
  }
}

void Session::answer(channel::Kind kind, std::uint32_t correlation_id, RequestState state,
                     const std::string& codes) {
  if (channel_ == nullptr) return;
  channel::MqttResponse response;
  response.set_correlation_id(correlation_id);
  response.set_state(static_cast<std::uint32_t>(state));
  response.set_reason_codes(codes);
  if (!channel_->fits(response)) return channel_->close(link::STREAM_ERROR_PROTOCOL);
  channel_->send(kind, response);
}

bool Session::connect(protocol::ByteView bytes) {
  channel::MqttConnect message;
  if (!parse(bytes, message)) return false;
  if (state_ != State::New) {
    answer(channel::KIND_MQTT_CONNECT_RESPONSE, 0, RequestState::AlreadyConnected, one_code(0));
    return has_room(0);
  }
  if (auto request = read_request(message)) {
    begin(*request);
  } else {
    connect_failed(RequestState::InvalidParameters, 0);
  }
  return true;
}

void Session::begin(const ConnectRequest& request) {
  request_ = request;
  Connect& connect = request_.connect;
  const ChannelOwner& owner = channel_->owner();
  memory_ = host_.remember(*this, {owner.account_sid, owner.device_sid, request.address.host,
                                   request.address.port, connect.client_id});
  if (connect.clean_start) memory_->clear();
  if (!connect.clean_start) connect.session_expiry_seconds = std::chrono::seconds(kRemembered).count();
  // None is longer than the receive buffer, so that as many as this never are more than may wait.
  const std::size_t at_once = limits_.waiting_bytes / std::max<std::size_t>(channel_->receive_buffer(), 1);
  connect.receive_maximum =
      static_cast<std::uint16_t>(std::clamp<std::size_t>(at_once, 1, limits_.unacknowledged / 2));
  reader_ = PacketReader(connect.version, limits_.packet_bytes);
  auto line = host_.dial(owner, request.address, *this);
  if (!line) return connect_failed(line.error(), 0);
  line_ = std::move(*line);
  request_.address.tls.reset();  // the key is the line's
  state_ = State::Connecting;
  since_ = last_heard_ = last_sent_ = host_.now();
}

std::uint16_t Session::new_id() {
  std::uint16_t& id = memory_->last_id;
  do {
    ++id;
  } while (id == 0 || outstanding_.contains(id) || memory_->departing.contains(id));
  return id;
}

template <typename Message>
bool Session::ask_about_topics(protocol::ByteView bytes, channel::Kind answer_kind, auto read, auto write) {
  Message message;
  if (!parse(bytes, message)) return false;
  const auto request = read(message);
  if (state_ != State::Connected || !request) {
    answer(answer_kind, message.correlation_id(),
           request ? RequestState::NotConnected : RequestState::InvalidParameters, "");
    return true;
  }
  const std::uint16_t id = new_id();
  await(id, {answer_kind, request->correlation_id, request->topics.size()});
  send(write(request_.connect.version, id, request->topics));
  return true;
}

bool Session::subscribe(protocol::ByteView bytes) {
  return ask_about_topics<channel::MqttSubscribe>(
      bytes, channel::KIND_MQTT_SUBSCRIBE_RESPONSE,
      [this](const auto& message) { return read_request(message, request_.connect.version); },
      write_subscribe);
}

bool Session::unsubscribe(protocol::ByteView bytes) {
  return ask_about_topics<channel::MqttUnsubscribe>(
      bytes, channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE,
      [](const auto& message) { return read_request(message); }, write_unsubscribe);
}

bool Session::publish(protocol::ByteView bytes) {
  channel::MqttMessage message;
  if (!parse(bytes, message)) return false;
  auto request = read_request(message);
  if (state_ != State::Connected || !request) {
    answer(channel::KIND_MQTT_PUBLISH_RESPONSE, message.correlation_id(),
           request ? RequestState::NotConnected : RequestState::InvalidParameters, one_code(0));
    return true;
  }
  waiting_publication_bytes_ += request->publication.payload.size();
  waiting_publications_.push_back(std::move(*request));
  publish_waiting();
  return true;
}

/// In their order, and no more of QoS 1 and 2 at once than the broker has said that it takes.
void Session::publish_waiting() {
  while (line_ && !waiting_publications_.empty()) {
    const bool counts = waiting_publications_.front().publication.qos > 0;
    if (counts && unconfirmed() >= connected_.receive_maximum) return;
    const PublishRequest request = std::move(waiting_publications_.front());
    waiting_publications_.pop_front();
    waiting_publication_bytes_ -= request.publication.payload.size();
    publish_now(request);
  }
}

std::size_t Session::unconfirmed() const {
  std::size_t count = 0;
  for (const auto& [id, request] : outstanding_)
    if (request.answer == channel::KIND_MQTT_PUBLISH_RESPONSE && !memory_->departing.contains(id)) ++count;
  return count + memory_->departing.size();
}

/// The code that the broker would end the connection with; 0: there is nothing against it.
std::uint8_t Session::refusal_of(const Publication& publication) const {
  constexpr std::size_t kAround = 16;  // the most that stands around topic and payload
  if (publication.qos > connected_.maximum_qos) return reason::kQosNotSupported;
  if (publication.retain && !connected_.retain_available) return reason::kRetainNotSupported;
  const std::size_t size = publication.topic.size() + publication.payload.size() + kAround;
  return size > connected_.maximum_packet ? reason::kTooLarge : reason::kSuccess;
}

void Session::publish_now(const PublishRequest& request) {
  constexpr auto kAnswer = channel::KIND_MQTT_PUBLISH_RESPONSE;
  if (const std::uint8_t code = refusal_of(request.publication); code != reason::kSuccess)
    return answer(kAnswer, request.correlation_id, RequestState::Completed, one_code(code));
  std::uint16_t id = 0;
  if (request.publication.qos == 0) {
    sent_unconfirmed_.push_back(request.correlation_id);
  } else {
    id = new_id();
    await(id, {kAnswer, request.correlation_id});
  }
  if (request.publication.qos == 2) memory_->departing[id].publication = request.publication;
  send(write_publish(request_.connect.version, request.publication, id, false));
}

/// Also of a message whose connection has ended since: the next one then tells the broker.
void Session::acknowledge(std::uint32_t correlation_id) {
  if (!memory_) return;
  for (auto& [id, arrived] : memory_->arrived) {
    if (arrived.correlation_id != correlation_id || arrived.acknowledged) continue;
    arrived.acknowledged = true;
    if (has_line() && arrived.here) confirm(id, arrived);
    return;
  }
}

void Session::leave() {
  if (state_ != State::Connected) {
    answer(channel::KIND_MQTT_DISCONNECT_RESPONSE, 0, RequestState::NotConnected, one_code(0));
    if (state_ != State::Leaving) channel_->close(link::STREAM_ERROR_NONE);
    return;
  }
  state_ = State::Leaving;
  since_ = host_.now();
  settle();
}

/// Nobody will hear of these from the broker.
void Session::answer_rest() {
  const auto outstanding = std::exchange(outstanding_, {});
  for (const auto& [id, request] : outstanding)
    answer(request.answer, request.correlation_id, RequestState::NotConnected,
           request.topics > 0 ? "" : one_code(0));
  for (const std::uint32_t id : std::exchange(sent_unconfirmed_, {}))
    answer(channel::KIND_MQTT_PUBLISH_RESPONSE, id, RequestState::NotConnected, one_code(0));
  waiting_publication_bytes_ = 0;
  for (const PublishRequest& request : std::exchange(waiting_publications_, {}))
    answer(channel::KIND_MQTT_PUBLISH_RESPONSE, request.correlation_id, RequestState::NotConnected,
           one_code(0));
  for (const Request& request : std::exchange(behind_connect_, {})) {
    if (channel_ != nullptr && !perform(request.kind, request.message))
      channel_->close(link::STREAM_ERROR_PROTOCOL);
  }
}

}  // namespace microvisor::cloud::mqtt
