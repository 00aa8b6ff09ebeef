// What the broker says. A packet that answers nothing ends the connection, as the standard has it, unless it
// may be left over from an earlier one.
#include <algorithm>
#include <utility>

#include "cloud/relay/mqtt_session.hpp"

namespace microvisor::cloud::mqtt {
namespace {

std::string text_of(const std::vector<std::uint8_t>& codes) { return {codes.begin(), codes.end()}; }

}  // namespace

void Session::handle(Packet& packet) {
  if ((state_ == State::Connecting) != (packet.type == PacketType::ConnectAnswer))
    return protocol_error(reason::kProtocolError);
  switch (packet.type) {
    case PacketType::ConnectAnswer: return handle_connect_answer(packet);
    case PacketType::Publish: return handle_publish(packet);
    case PacketType::PublishAnswer:
    case PacketType::PublishComplete: return handle_published(packet);
    case PacketType::PublishReceived: return handle_publish_received(packet);
    case PacketType::PublishRelease: return handle_publish_released(packet);
    case PacketType::SubscribeAnswer:
      return handle_topics_answer(packet, channel::KIND_MQTT_SUBSCRIBE_RESPONSE);
    case PacketType::UnsubscribeAnswer:
      return handle_topics_answer(packet, channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE);
    case PacketType::PingResponse: ping_sent_ = false; return;
    default: return end(RequestState::Completed, packet.codes[0], true);
  }
}

void Session::handle_connect_answer(const Packet& packet) {
  const std::uint8_t code = packet.codes[0];
  if (code != reason::kSuccess) return connect_failed(RequestState::Completed, code);
  connected_ = packet;
  state_ = State::Connected;
  ++counters_.connected;
  ++counters_.open;
  keep_alive_ = std::chrono::seconds(packet.keep_alive_seconds.value_or(request_.connect.keep_alive_seconds));
  answer(channel::KIND_MQTT_CONNECT_RESPONSE, 0, RequestState::Completed, std::string(1, '\0'));
  if (packet.session_present) {
    session_resumed();
  } else {
    memory_->clear();
  }
  for (const Request& request : std::exchange(behind_connect_, {})) {
    if (channel_ != nullptr && !perform(request.kind, request.message))
      channel_->close(link::STREAM_ERROR_PROTOCOL);
  }
}

/// The broker sends again what has not been acknowledged, and we what has not been confirmed (4.4).
void Session::session_resumed() {
  for (auto& [id, arrived] : memory_->arrived) arrived.here = false;
  for (const std::uint32_t correlation_id : request_.delivered) acknowledge(correlation_id);
  for (const auto& [id, departing] : memory_->departing) {
    send(departing.released ? write_answer(PacketType::PublishRelease, id)
                            : write_publish(request_.connect.version, departing.publication, id, true));
  }
}

void Session::handle_publish(Packet& packet) {
  if (channel_ == nullptr) return;  // the broker keeps it
  if (packet.publication.qos == 0) return for_device(packet, memory_->correlation());
  auto& known = memory_->arrived;
  const auto found = known.find(packet.id);
  if (found != known.end()) {
    Memory::Arrived& arrived = found->second;
    const bool same =
        arrived.qos == packet.publication.qos && (arrived.here || arrived.qos == 2 || packet.again);
    const bool was_here = std::exchange(arrived.here, true);
    if (same && arrived.acknowledged) return confirm(packet.id, arrived);
    if (same && was_here) return;
    if (same) return for_device(packet, arrived.correlation_id);
    known.erase(found);
  }
  if (known.size() >= limits_.unacknowledged)
    std::erase_if(known, [](const auto& entry) { return !entry.second.here; });
  if (known.size() >= limits_.unacknowledged) return break_circuit(reason::kReceiveMaximumExceeded);
  const std::uint32_t correlation_id = memory_->correlation();
  known[packet.id] = {correlation_id, packet.publication.qos, false, true};
  for_device(packet, correlation_id);
}

/// Tells the broker that the device has the message. Of QoS 2 it is remembered until the broker has heard
/// that.
void Session::confirm(std::uint16_t id, Memory::Arrived& arrived) {
  arrived.acknowledged = true;
  if (arrived.qos == 2) return send(write_answer(PacketType::PublishReceived, id));
  memory_->arrived.erase(id);
  send(write_answer(PacketType::PublishAnswer, id));
}

void Session::for_device(Packet& packet, std::uint32_t correlation_id) {
  auto message = std::make_unique<channel::MqttMessage>();
  message->set_correlation_id(correlation_id);
  message->set_qos(packet.publication.qos);
  message->set_retain(packet.publication.retain ? 1 : 0);
  message->set_topic(packet.publication.topic);
  message->set_payload(packet.publication.payload);
  const std::size_t length = packet.cut_length.value_or(packet.publication.payload.size());
  if (packet.cut_length || !channel_->fits(*message)) {
    if (packet.publication.qos > 0) confirm(packet.id, memory_->arrived.at(packet.id));
    return lose(packet, length);
  }
  const std::size_t after = for_device_bytes_ + Channel::kHeader + message->ByteSizeLong();
  if (packet.publication.qos == 0 && after > limits_.fleeting_bytes) return lose(packet, length);
  if (after > limits_.waiting_bytes) return break_circuit(reason::kQuotaExceeded);
  ++counters_.received;
  queue(channel::KIND_MQTT_MESSAGE, std::move(message));
  pump();
}

void Session::lose(const Packet& packet, std::size_t length) {
  constexpr std::size_t kAround = 24;  // the most that stands around the topic
  ++counters_.lost;
  if (++lost_notices_ > limits_.lost_notices) return break_circuit(reason::kQuotaExceeded);
  auto notice = std::make_unique<channel::MqttLostMessage>();
  notice->set_length(static_cast<std::uint32_t>(length));
  const std::size_t room = channel_->receive_buffer() - std::min(channel_->receive_buffer(), kAround);
  notice->set_topic(packet.publication.topic.substr(0, room));
  queue(channel::KIND_MQTT_LOST_MESSAGE, std::move(notice));
  pump();
}

void Session::handle_publish_released(const Packet& packet) {
  memory_->arrived.erase(packet.id);
  send(write_answer(PacketType::PublishComplete, packet.id));
}

void Session::handle_publish_received(const Packet& packet) {
  const auto departing = memory_->departing.find(packet.id);
  if (packet.codes[0] >= reason::kFailure) return handle_published(packet);
  if (departing != memory_->departing.end()) {
    departing->second.released = true;
    departing->second.publication = {};
  }
  send(write_answer(PacketType::PublishRelease, packet.id));
}

/// The end of a publication, good or bad. PUBACK answers QoS 1 only, the others QoS 2.
void Session::handle_published(const Packet& packet) {
  const bool exactly_once = memory_->departing.erase(packet.id) > 0;
  const auto found = outstanding_.find(packet.id);
  const bool of_publication =
      found != outstanding_.end() && found->second.answer == channel::KIND_MQTT_PUBLISH_RESPONSE;
  if (exactly_once == (packet.type == PacketType::PublishAnswer) && (exactly_once || of_publication))
    return protocol_error(reason::kProtocolError);
  if (of_publication) {
    if (packet.codes[0] < reason::kFailure) ++counters_.published;
    const std::uint32_t correlation_id = found->second.correlation_id;
    outstanding_.erase(found);
    answer(channel::KIND_MQTT_PUBLISH_RESPONSE, correlation_id, RequestState::Completed,
           text_of(packet.codes));
  }
  publish_waiting();
}

void Session::handle_topics_answer(const Packet& packet, channel::Kind kind) {
  const auto found = outstanding_.find(packet.id);
  if (found == outstanding_.end() || found->second.answer != kind)
    return protocol_error(reason::kProtocolError);
  const Outstanding request = found->second;
  std::string codes = text_of(packet.codes);
  // Version 3.1.1 has no codes for the end of a subscription: it has always worked.
  const bool none =
      request_.connect.version == Version::V3_1_1 && kind == channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE;
  if (none && codes.empty()) codes.assign(request.topics, '\0');
  if (codes.size() != request.topics) return protocol_error(reason::kProtocolError);
  outstanding_.erase(found);
  answer(kind, request.correlation_id, RequestState::Completed, codes);
}

}  // namespace microvisor::cloud::mqtt
