// What an application asks of its MQTT session. The numbers of fields are those of protocol/channel.proto.
#pragma once

#include "firmware/kernel/calls/messages.hpp"

namespace microvisor::firmware::kernel::calls {

inline constexpr std::uint32_t kMaximumCertificates = 8;  // of a chain
inline constexpr std::uint32_t kMaximumTopics = 8;

/// The channel, if a request can be sent on it.
inline Status find_mqtt_sender(abi::ChannelHandle handle, Channels::Slot*& slot) {
  return find_sender(handle, abi::ChannelType::MQTT, slot);
}
/// A list of the application's, which has been found readable, but for what its elements point at.
template <typename Element>
Status element(Address list, std::uint32_t index, Element& value) {
  return take_from_application(list + index * static_cast<std::uint32_t>(sizeof value), value)
             ? Status::OKAY
             : Status::LATEFAULT;
}

template <>
struct FlashCallBody<Gate::MqttRequestConnect> {
  static Status run(const abi::MqttRequestConnectArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->requested) return Status::REQUESTALREADYSENT;
    abi::MqttConnectRequest request;
    if (!take_from_application(a.request, request)) return Status::PARAMETERFAULT;
    return send_request(*slot, MessageKind::MqttConnect, [&](std::uint32_t index, MessagePart& part) {
      return part_of(request, index, part);
    });
  }

 private:
  static constexpr std::uint32_t kDeliveredAPart = 4,
                                 kDeliveredParts = DeliveredMessages::kCount / kDeliveredAPart;
  // Parts behind the numbers, in the order of their fields.
  static constexpr std::uint32_t kTexts = 1 + kDeliveredParts, kAuthorities = kTexts + 4,
                                 kCertificates = kAuthorities + kMaximumCertificates,
                                 kKey = kCertificates + kMaximumCertificates, kWill = kKey + 1,
                                 kParts = kWill + 2;

  static bool by_name(const abi::MqttConnectRequest& request) {
    return request.authentication.method == abi::MqttAuthenticationMethod::USERNAMEPASSWORD;
  }

  /// What a pointer that may be null leads to; null: all of it is zero.
  template <typename T>
  static bool take_optional(Address from, T& to) {
    to = {};
    return from == 0 || take_from_application(from, to);
  }

  static Status part_of(const abi::MqttConnectRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) return begin(request, part);
    if (index < kTexts) return delivered(index - 1, part);
    if (index < kAuthorities) return text(request, index - kTexts, part);
    if (index < kWill) return credential(request.tls_credentials, index - kAuthorities, part);
    return index < kParts ? will_text(request.will, index - kWill, part) : kNoMoreParts;
  }

  /// Checks, and the numbers.
  static Status begin(const abi::MqttConnectRequest& request, MessagePart& part) {
    if (request.host.length == 0 || request.clientid.length == 0) return Status::REQUIREDELEMENTMISSING;
    if (request.authentication.method > abi::MqttAuthenticationMethod::USERNAMEPASSWORD)
      return Status::INVALIDAUTHENTICATION;
    if (!can_read(request.host) || !can_read(request.clientid)) return Status::PARAMETERFAULT;
    const Status status = check_credentials(request);
    if (status != Status::OKAY) return status;
    part.number(1, static_cast<std::uint32_t>(request.protocol_version));
    part.number(2, request.port);
    part.number(3, request.keepalive);
    part.number(4, request.clean_start != 0);
    part.number(5, by_name(request));
    part.number(6, request.tls_credentials != 0);
    return add_will(request.will, part);
  }

  [[gnu::noinline]] static Status check_credentials(const abi::MqttConnectRequest& request) {
    abi::TlsCredentials tls;
    if (!take_optional(request.tls_credentials, tls)) return Status::PARAMETERFAULT;
    const auto& [chain, key] = tls.clientcert;
    if (tls.cacert.num_certs > kMaximumCertificates || chain.num_certs > kMaximumCertificates)
      return Status::TOOMANYELEMENTS;
    const bool certified = chain.num_certs != 0;
    if (certified != (key.length != 0)) return Status::REQUIREDELEMENTMISSING;
    return by_name(request) && certified ? Status::INVALIDAUTHENTICATION : Status::OKAY;
  }

  [[gnu::noinline]] static Status add_will(Address from, MessagePart& part) {
    abi::MqttWill will;
    if (!take_optional(from, will)) return Status::PARAMETERFAULT;
    if (from == 0) return Status::OKAY;
    if (will.topic.length == 0 || will.payload.length == 0) return Status::REQUIREDELEMENTMISSING;
    part.number(7, 1);
    part.number(8, will.qos);
    part.number(9, will.retain != 0);
    return Status::OKAY;
  }

  static Status delivered(std::uint32_t group, MessagePart& part) {
    for (std::uint32_t i = 0; i < kDeliveredAPart; ++i)
      part.number(10, services().delivered[group * kDeliveredAPart + i]);
    return Status::OKAY;
  }

  static Status text(const abi::MqttConnectRequest& request, std::uint32_t index, MessagePart& part) {
    const auto& [username, password] = request.authentication.username_password;
    if (index == 0) part.bytes(11, request.host);
    if (index == 1) part.bytes(12, request.clientid);
    if (index == 2 && by_name(request)) part.bytes(13, username);
    if (index == 3 && by_name(request)) part.bytes(14, password);
    return Status::OKAY;
  }

  /// Authorities, own certificates, key.
  [[gnu::noinline]] static Status credential(Address from, std::uint32_t index, MessagePart& part) {
    abi::TlsCredentials tls;
    if (!take_optional(from, tls)) return Status::LATEFAULT;
    const auto& [chain, key] = tls.clientcert;
    if (index < kMaximumCertificates) return certificate(tls.cacert, 15, index, part);
    if (index < 2 * kMaximumCertificates) return certificate(chain, 16, index - kMaximumCertificates, part);
    if (key.length != 0) part.bytes(17, key);
    return Status::OKAY;
  }

  static Status certificate(const abi::TlsCertificateChain& chain, unsigned field, std::uint32_t index,
                            MessagePart& part) {
    if (index >= chain.num_certs) return Status::OKAY;
    abi::SizedString certificate;
    const Status status = element(chain.certs, index, certificate);
    if (status == Status::OKAY) part.bytes(field, certificate);
    return status;
  }

  [[gnu::noinline]] static Status will_text(Address from, std::uint32_t index, MessagePart& part) {
    abi::MqttWill will;
    if (!take_optional(from, will)) return Status::LATEFAULT;
    if (from != 0) part.bytes(18 + index, index == 0 ? will.topic : will.payload);
    return Status::OKAY;
  }
};

template <>
struct FlashCallBody<Gate::MqttRequestSubscribe> {
  static Status run(const abi::MqttRequestSubscribeArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->mqtt.subscription) return Status::RATELIMITED;
    abi::MqttSubscribeRequest request;
    if (!take_from_application(a.request, request)) return Status::PARAMETERFAULT;
    if (request.num_subscriptions > kMaximumTopics) return Status::TOOMANYELEMENTS;
    status = send_message(*slot, MessageKind::MqttSubscribe, [&](std::uint32_t index, MessagePart& part) {
      return part_of(request, index, part);
    });
    if (status == Status::OKAY) slot->mqtt.subscription = true;
    return status;
  }

 private:
  static Status part_of(const abi::MqttSubscribeRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) {
      if (!application_can_read(request.subscriptions,
                                request.num_subscriptions * sizeof(abi::MqttSubscription)))
        return Status::PARAMETERFAULT;
      part.number(1, request.correlation_id);
      return Status::OKAY;
    }
    if (index > request.num_subscriptions) return kNoMoreParts;
    abi::MqttSubscription subscription;
    const Status status = element(request.subscriptions, index - 1, subscription);
    if (status == Status::OKAY) describe(subscription, part);
    return status;
  }

  /// What no broker knows is cut to a number that no broker knows.
  static std::uint32_t option(std::uint32_t value) { return std::min<std::uint32_t>(value, 0x7F); }

  static void describe(const abi::MqttSubscription& subscription, MessagePart& part) {
    const std::array options{option(subscription.desired_qos), option(subscription.nl),
                             option(subscription.rap), option(subscription.rh)};
    std::uint32_t size = MessagePart::overhead(subscription.topic.length) + subscription.topic.length;
    for (const std::uint32_t value : options) size += value != 0 ? 2 : 0;
    part.message(2, size);
    for (unsigned i = 0; i < options.size(); ++i) part.number(i + 1, options[i]);
    part.bytes(5, subscription.topic);
  }
};

template <>
struct FlashCallBody<Gate::MqttRequestUnsubscribe> {
  static Status run(const abi::MqttRequestUnsubscribeArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->mqtt.end_of_subscription) return Status::RATELIMITED;
    abi::MqttUnsubscribeRequest request;
    if (!take_from_application(a.request, request)) return Status::PARAMETERFAULT;
    if (request.num_topics > kMaximumTopics) return Status::TOOMANYELEMENTS;
    status = send_message(*slot, MessageKind::MqttUnsubscribe, [&](std::uint32_t index, MessagePart& part) {
      return part_of(request, index, part);
    });
    if (status == Status::OKAY) slot->mqtt.end_of_subscription = true;
    return status;
  }

 private:
  static Status part_of(const abi::MqttUnsubscribeRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) {
      if (!application_can_read(request.topics, request.num_topics * sizeof(abi::SizedString)))
        return Status::PARAMETERFAULT;
      part.number(1, request.correlation_id);
      return Status::OKAY;
    }
    if (index > request.num_topics) return kNoMoreParts;
    abi::SizedString topic;
    const Status status = element(request.topics, index - 1, topic);
    if (status == Status::OKAY) part.bytes(2, topic);
    return status;
  }
};

template <>
struct FlashCallBody<Gate::MqttRequestPublish> {
  static Status run(const abi::MqttRequestPublishArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->mqtt.publications == MqttRequests::kPublications) return Status::RATELIMITED;
    abi::MqttPublishRequest request;
    if (!take_from_application(a.request, request)) return Status::PARAMETERFAULT;
    status = send_message(*slot, MessageKind::MqttPublish, [&](std::uint32_t index, MessagePart& part) {
      return part_of(request, index, part);
    });
    if (status == Status::OKAY) ++slot->mqtt.publications;
    return status;
  }

 private:
  static Status part_of(const abi::MqttPublishRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) {
      if (!can_read(request.topic) || !can_read(request.payload)) return Status::PARAMETERFAULT;
      part.number(1, request.correlation_id);
      part.number(2, request.desired_qos);
      part.number(3, request.retain != 0);
      part.bytes(4, request.topic);
    } else if (index == 1) {
      part.bytes(5, request.payload);
    } else {
      return kNoMoreParts;
    }
    return Status::OKAY;
  }
};

template <>
struct FlashCallBody<Gate::MqttAcknowledgeMessage> {
  static Status run(const abi::MqttAcknowledgeMessageArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    return send_message(*slot, MessageKind::MqttAcknowledge, [&](std::uint32_t index, MessagePart& part) {
      if (index != 0) return kNoMoreParts;
      part.number(1, a.correlation_id);
      return Status::OKAY;
    });
  }
};

template <>
struct FlashCallBody<Gate::MqttRequestDisconnect> {
  static Status run(const abi::MqttRequestDisconnectArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->mqtt.disconnection) return Status::RATELIMITED;
    status = send_message(*slot, MessageKind::MqttDisconnect,
                          [](std::uint32_t, MessagePart&) { return kNoMoreParts; });
    if (status == Status::OKAY) slot->mqtt.disconnection = true;
    return status;
  }
};

}  // namespace microvisor::firmware::kernel::calls
