// What an application reads from its MQTT session, always the oldest item. A call that fails leaves it where
// it is; the numbers of fields are those of protocol/channel.proto.
#pragma once

#include "firmware/kernel/calls/messages.hpp"

namespace microvisor::firmware::kernel::calls {

/// The channel, if its oldest item is of this kind; looked at.
inline Status find_item(abi::ChannelHandle handle, MessageKind kind, Channels::Slot*& slot) {
  const Status status = find_reader(handle, abi::ChannelType::MQTT, slot);
  return status == Status::OKAY ? look_at(*slot, kind) : status;
}

/// The item has been read: there is room for more.
inline Status take_item(Channels::Slot& slot) {
  slot.reader.take(slot.receive);
  wake_link();
  return Status::OKAY;
}

template <typename T>
bool can_take(Address to) {
  return application_can_write(to, sizeof(T));
}
inline bool can_take(const abi::SizedStringBuffer& buffer) {
  return can_take<std::uint32_t>(buffer.length) && application_can_write(buffer.data, buffer.size);
}

/// Fields of an answer to a request.
struct MqttResponseFields {
  static constexpr unsigned kCorrelationId = 1, kState = 2, kReasonCodes = 3;

  abi::MqttRequestState state;
  std::uint32_t correlation_id;
  std::uint32_t codes_count;
  std::array<std::uint8_t, 8> codes{};

  explicit MqttResponseFields(const Channels::Slot& slot)
      : state(static_cast<abi::MqttRequestState>(slot.reader.field(kState).value)),
        correlation_id(slot.reader.field(kCorrelationId).value),
        codes_count(std::min<std::uint32_t>(slot.reader.field(kReasonCodes).value, codes.size())) {
    slot.receive.peek(codes.data(), slot.reader.field(kReasonCodes).at, codes_count);
  }
  /// Of a request that has one; 0 if there is none.
  [[nodiscard]] std::uint32_t code() const { return codes[0]; }
};

/// Reads an answer that is one structure: `make(fields)`.
template <typename Response, typename Make>
Status read_response(abi::ChannelHandle handle, MessageKind kind, Address to, Make make) {
  if (!can_take<Response>(to)) return Status::PARAMETERFAULT;
  Channels::Slot* slot = nullptr;
  const Status status = find_item(handle, kind, slot);
  if (status != Status::OKAY) return status;
  const Response response = make(MqttResponseFields(*slot));
  copy_to_application(to, &response, sizeof response);
  return take_item(*slot);
}

/// Reads an answer with a code for each topic. The structures of both are alike.
template <typename Response>
[[gnu::noinline]] Status give_codes(Channels::Slot& slot, Address where) {
  Response to;
  if (!take_from_application(where, to)) return Status::PARAMETERFAULT;
  if (!can_take<abi::MqttRequestState>(to.request_state) || !can_take<std::uint32_t>(to.correlation_id) ||
      !can_take<std::uint32_t>(to.reason_codes_len)) {
    return Status::PARAMETERFAULT;
  }
  const MqttResponseFields fields(slot);
  if (fields.codes_count > to.reason_codes_size) return Status::INVALIDBUFFERSIZE;
  std::array<std::uint32_t, 8> codes{};
  std::copy(fields.codes.begin(), fields.codes.end(), codes.begin());
  const auto size = static_cast<std::uint32_t>(fields.codes_count * sizeof codes[0]);
  if (!application_can_write(to.reason_codes, size)) return Status::PARAMETERFAULT;
  copy_to_application(to.reason_codes, codes.data(), size);
  copy_to_application(to.reason_codes_len, &fields.codes_count, sizeof fields.codes_count);
  copy_to_application(to.correlation_id, &fields.correlation_id, sizeof fields.correlation_id);
  copy_to_application(to.request_state, &fields.state, sizeof fields.state);
  return take_item(slot);
}
template <typename Response>
Status read_codes(abi::ChannelHandle handle, MessageKind kind, Address where) {
  Channels::Slot* slot = nullptr;
  const Status status = find_item(handle, kind, slot);
  return status == Status::OKAY ? give_codes<Response>(*slot, where) : status;
}

template <>
struct FlashCallBody<Gate::MqttGetNextReadableDataType> {
  static Status run(const abi::MqttGetNextReadableDataTypeArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_reader(a.handle, abi::ChannelType::MQTT, slot);
    if (status == Status::RESPONSENOTPRESENT) return tell(a.data_type, abi::MqttReadableDataType::NONE);
    return status == Status::OKAY ? tell(a.data_type, type_of(slot->reader.kind(slot->receive))) : status;
  }

 private:
  /// The kinds are numbered by them.
  static abi::MqttReadableDataType type_of(MessageKind kind) {
    constexpr unsigned kBefore = static_cast<unsigned>(MessageKind::MqttMessage) -
                                 static_cast<unsigned>(abi::MqttReadableDataType::MESSAGERECEIVED);
    const unsigned type = static_cast<unsigned>(kind) - kBefore;
    return type <= static_cast<unsigned>(abi::MqttReadableDataType::DISCONNECTRESPONSE)
               ? static_cast<abi::MqttReadableDataType>(type)
               : abi::MqttReadableDataType::NONE;
  }
};

template <>
struct FlashCallBody<Gate::MqttReadConnectResponse> {
  static Status run(const abi::MqttReadConnectResponseArguments& a) {
    return read_response<abi::MqttConnectResponse>(a.handle, MessageKind::MqttConnectResponse,
                                                   a.response_data, [](const MqttResponseFields& f) {
                                                     return abi::MqttConnectResponse{f.state, f.code()};
                                                   });
  }
};

template <>
struct FlashCallBody<Gate::MqttReadPublishResponse> {
  static Status run(const abi::MqttReadPublishResponseArguments& a) {
    return read_response<abi::MqttPublishResponse>(
        a.handle, MessageKind::MqttPublishResponse, a.response_data, [](const MqttResponseFields& f) {
          return abi::MqttPublishResponse{f.state, f.correlation_id, f.code()};
        });
  }
};

template <>
struct FlashCallBody<Gate::MqttReadDisconnectResponse> {
  static Status run(const abi::MqttReadDisconnectResponseArguments& a) {
    return read_response<abi::MqttDisconnectResponse>(a.handle, MessageKind::MqttDisconnectResponse,
                                                      a.response_data, [](const MqttResponseFields& f) {
                                                        return abi::MqttDisconnectResponse{f.state, f.code()};
                                                      });
  }
};

template <>
struct FlashCallBody<Gate::MqttReadSubscribeResponse> {
  static Status run(const abi::MqttReadSubscribeResponseArguments& a) {
    return read_codes<abi::MqttSubscribeResponse>(a.handle, MessageKind::MqttSubscribeResponse,
                                                  a.response_data);
  }
};

template <>
struct FlashCallBody<Gate::MqttReadUnsubscribeResponse> {
  static Status run(const abi::MqttReadUnsubscribeResponseArguments& a) {
    return read_codes<abi::MqttUnsubscribeResponse>(a.handle, MessageKind::MqttUnsubscribeResponse,
                                                    a.response_data);
  }
};

template <>
struct FlashCallBody<Gate::MqttReceiveLostMessageInfo> {
  static Status run(const abi::MqttReceiveLostMessageInfoArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_item(a.handle, MessageKind::MqttLostMessage, slot);
    return status == Status::OKAY ? give(*slot, a.lost_message_info) : status;
  }

 private:
  [[gnu::noinline]] static Status give(Channels::Slot& slot, Address where) {
    abi::MqttLostMessageInfo to;
    if (!take_from_application(where, to)) return Status::PARAMETERFAULT;
    if (!can_take<abi::MqttLostMessageReason>(to.reason) || !can_take<std::uint32_t>(to.message_len) ||
        !can_take(to.topic)) {
      return Status::PARAMETERFAULT;
    }
    const MessageField topic = slot.reader.field(3);
    if (topic.value > to.topic.size) return Status::INVALIDBUFFERSIZE;
    const Status status = copy_field(slot, topic, 0, to.topic.data, topic.value);
    if (status != Status::OKAY) return status;
    copy_to_application(to.topic.length, &topic.value, sizeof topic.value);
    copy_to_application(to.message_len, &slot.reader.field(2).value, sizeof(std::uint32_t));
    copy_to_application(to.reason, &slot.reader.field(1).value, sizeof(std::uint32_t));
    return take_item(slot);
  }
};

template <>
struct FlashCallBody<Gate::MqttReceiveMessage> {
  static Status run(const abi::MqttReceiveMessageArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_item(a.handle, MessageKind::MqttMessage, slot);
    return status == Status::OKAY ? give(*slot, a.message_data) : status;
  }

 private:
  static constexpr std::uint32_t kExactlyOnce = 2;  // quality of service

  [[gnu::noinline]] static Status give(Channels::Slot& slot, Address where) {
    abi::MqttMessage to;
    if (!take_from_application(where, to)) return Status::PARAMETERFAULT;
    if (!can_take<std::uint32_t>(to.correlation_id) || !can_take<std::uint32_t>(to.qos) ||
        !can_take<std::uint8_t>(to.retain) || !can_take(to.topic) || !can_take(to.payload)) {
      return Status::PARAMETERFAULT;
    }
    const MessageField& topic = slot.reader.field(4);
    const MessageField& payload = slot.reader.field(5);
    if (topic.value > to.topic.size || payload.value > to.payload.size) return Status::INVALIDBUFFERSIZE;
    const Status status = copy(slot, topic, payload, to);
    return status == Status::OKAY ? finish(slot, topic.value, payload.value, to) : status;
  }

  /// One piece of topic and payload, which lie behind each other for this.
  static Status copy(Channels::Slot& slot, const MessageField& topic, const MessageField& payload,
                     const abi::MqttMessage& to) {
    const auto piece = slot.reader.pieces().next(caller, topic.value + payload.value);
    const std::uint32_t end = piece.from + piece.size;
    if (piece.from < topic.value) {
      slot.receive.copy_out(to.topic.data + piece.from, topic.at + piece.from,
                            std::min(end, topic.value) - piece.from);
    }
    if (end > topic.value) {
      const std::uint32_t from = std::max(piece.from, topic.value) - topic.value;
      slot.receive.copy_out(to.payload.data + from, payload.at + from, end - topic.value - from);
    }
    return piece.last ? Status::OKAY : kAgain;
  }

  static Status finish(Channels::Slot& slot, std::uint32_t topic, std::uint32_t payload,
                       const abi::MqttMessage& to) {
    const std::uint32_t correlation_id = slot.reader.field(1).value, qos = slot.reader.field(2).value;
    const auto retain = static_cast<std::uint8_t>(slot.reader.field(3).value);
    copy_to_application(to.topic.length, &topic, sizeof topic);
    copy_to_application(to.payload.length, &payload, sizeof payload);
    copy_to_application(to.correlation_id, &correlation_id, sizeof correlation_id);
    copy_to_application(to.qos, &qos, sizeof qos);
    copy_to_application(to.retain, &retain, sizeof retain);
    if (qos == kExactlyOnce) services().delivered.add(correlation_id);
    return take_item(slot);
  }
};

}  // namespace microvisor::firmware::kernel::calls
