// What an application reads from its MQTT session, always the oldest item. A call that fails leaves it where
// it is; the numbers of fields are those of protocol/channel.proto.
#pragma once

#include "firmware/kernel/calls/messages.hpp"

namespace microvisor::firmware::kernel::calls {

/// The channel, if its oldest item is of this kind; looked at.
inline Status find_item(abi::ChannelHandle handle, MessageKind kind, Channels::Slot*& slot) {
  const Status status = find_reader(handle, abi::ChannelType::MQTT, slot);
  return status == Status::OKAY ? look_at(*slot, kind, Status::WRONGDATAREQUESTED) : status;
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

/// Reads an item by the steps of `Reading`, the last of which takes it.
template <typename Reading, typename Structure>
Status read_by_steps(abi::ChannelHandle handle, MessageKind kind, Address where) {
  Channels::Slot* slot = nullptr;
  const Status status = find_item(handle, kind, slot);
  return status == Status::OKAY ? next_step<Reading, Structure>(*slot, where) : status;
}

/// An answer with a code for each topic. The structures of both are alike.
struct ReadingOfCodes {
  template <typename Response>
  static Status step(Channels::Slot& slot, const Response& to, std::uint32_t number) {
    const MqttResponseFields fields(slot);
    if (number == 0) return check(to, fields);
    if (number == 1) return give_codes(to.reason_codes, fields);
    if (number == 2) {
      return give_to_application(to.reason_codes_len, fields.codes_count) &&
                     give_to_application(to.correlation_id, fields.correlation_id)
                 ? kAgain
                 : Status::LATEFAULT;
    }
    return give_to_application(to.request_state, fields.state) ? take_item(slot) : Status::LATEFAULT;
  }

 private:
  template <typename Response>
  static Status check(const Response& to, const MqttResponseFields& fields) {
    if (!can_take<abi::MqttRequestState>(to.request_state) || !can_take<std::uint32_t>(to.correlation_id) ||
        !can_take<std::uint32_t>(to.reason_codes_len)) {
      return Status::PARAMETERFAULT;
    }
    if (fields.codes_count > to.reason_codes_size) return Status::INVALIDBUFFERSIZE;
    return application_can_write(to.reason_codes, 4 * fields.codes_count) ? kAgain : Status::PARAMETERFAULT;
  }

  [[gnu::noinline]] static Status give_codes(Address to, const MqttResponseFields& fields) {
    std::array<std::uint32_t, 8> codes;
    std::copy(fields.codes.begin(), fields.codes.end(), codes.begin());
    const std::uint32_t size = 4 * fields.codes_count;
    if (!application_can_write(to, size)) return Status::LATEFAULT;
    copy_to_application(to, codes.data(), size);
    return kAgain;
  }
};

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
    return read_by_steps<ReadingOfCodes, abi::MqttSubscribeResponse>(
        a.handle, MessageKind::MqttSubscribeResponse, a.response_data);
  }
};

template <>
struct FlashCallBody<Gate::MqttReadUnsubscribeResponse> {
  static Status run(const abi::MqttReadUnsubscribeResponseArguments& a) {
    return read_by_steps<ReadingOfCodes, abi::MqttUnsubscribeResponse>(
        a.handle, MessageKind::MqttUnsubscribeResponse, a.response_data);
  }
};

template <>
struct FlashCallBody<Gate::MqttReceiveLostMessageInfo> {
  static Status run(const abi::MqttReceiveLostMessageInfoArguments& a) {
    return read_by_steps<FlashCallBody, abi::MqttLostMessageInfo>(a.handle, MessageKind::MqttLostMessage,
                                                                  a.lost_message_info);
  }

  static Status step(Channels::Slot& slot, const abi::MqttLostMessageInfo& to, std::uint32_t number) {
    const MessageField& topic = slot.reader.field(3);
    if (number == 0) return check(to, topic);
    if (number - 1 < pieces_of(topic)) return give_piece(slot, topic, number - 1, to.topic.data);
    return give_to_application(to.topic.length, topic.value) &&
                   give_to_application(to.message_len, slot.reader.field(2).value) &&
                   give_to_application(to.reason, slot.reader.field(1).value)
               ? take_item(slot)
               : Status::LATEFAULT;
  }

 private:
  static Status check(const abi::MqttLostMessageInfo& to, const MessageField& topic) {
    if (!can_take<abi::MqttLostMessageReason>(to.reason) || !can_take<std::uint32_t>(to.message_len) ||
        !can_take(to.topic)) {
      return Status::PARAMETERFAULT;
    }
    return topic.value > to.topic.size ? Status::INVALIDBUFFERSIZE : kAgain;
  }
};

template <>
struct FlashCallBody<Gate::MqttReceiveMessage> {
  static Status run(const abi::MqttReceiveMessageArguments& a) {
    return read_by_steps<FlashCallBody, abi::MqttMessage>(a.handle, MessageKind::MqttMessage, a.message_data);
  }

  static Status step(Channels::Slot& slot, const abi::MqttMessage& to, std::uint32_t number) {
    if (number == 0) return check(slot, to);
    const MessageField& topic = slot.reader.field(4);
    const MessageField& payload = slot.reader.field(5);
    std::uint32_t piece = number - 1;
    if (piece < pieces_of(topic)) return give_piece(slot, topic, piece, to.topic.data);
    piece -= pieces_of(topic);
    if (piece < pieces_of(payload)) return give_piece(slot, payload, piece, to.payload.data);
    if (piece > pieces_of(payload)) return finish(slot, to);
    return give_to_application(to.topic.length, topic.value) &&
                   give_to_application(to.payload.length, payload.value) &&
                   give_to_application(to.correlation_id, slot.reader.field(1).value)
               ? kAgain
               : Status::LATEFAULT;
  }

 private:
  static constexpr std::uint32_t kExactlyOnce = 2;  // quality of service

  static Status check(const Channels::Slot& slot, const abi::MqttMessage& to) {
    if (!can_take<std::uint32_t>(to.correlation_id) || !can_take<std::uint32_t>(to.qos) ||
        !can_take<std::uint8_t>(to.retain) || !can_take(to.topic) || !can_take(to.payload)) {
      return Status::PARAMETERFAULT;
    }
    const bool fits =
        slot.reader.field(4).value <= to.topic.size && slot.reader.field(5).value <= to.payload.size;
    return fits ? kAgain : Status::INVALIDBUFFERSIZE;
  }

  static Status finish(Channels::Slot& slot, const abi::MqttMessage& to) {
    const std::uint32_t qos = slot.reader.field(2).value;
    const auto retain = static_cast<std::uint8_t>(slot.reader.field(3).value);
    if (!give_to_application(to.qos, qos) || !give_to_application(to.retain, retain))
      return Status::LATEFAULT;
    if (qos == kExactlyOnce) services().delivered.add(slot.reader.field(1).value);
    return take_item(slot);
  }
};

}  // namespace microvisor::firmware::kernel::calls
