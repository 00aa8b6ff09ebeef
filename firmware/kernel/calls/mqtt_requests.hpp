// What an application asks of its MQTT session. The numbers of fields are those of protocol/channel.proto.
#pragma once

#include <cstddef>

#include "firmware/kernel/calls/messages.hpp"

namespace microvisor::firmware::kernel::calls {

inline constexpr std::uint32_t kMaximumCertificates = 8;  // of a chain
inline constexpr std::uint32_t kMaximumTopics = 8;

/// The channel, if a request can be sent on it.
inline Status find_mqtt_sender(abi::ChannelHandle handle, Channels::Slot*& slot) {
  return find_sender(handle, abi::ChannelType::MQTT, slot);
}
template <>
struct FlashCallBody<Gate::MqttRequestConnect> {
  static Status run(const abi::MqttRequestConnectArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    return send_request(
        *slot, MessageKind::MqttConnect,
        [from = a.request](std::uint32_t index, MessagePart& part) { return part_of(from, index, part); });
  }

 private:
  /// Of the structure only what this part needs is taken: it is large.
  static Status part_of(Address from, std::uint32_t index, MessagePart& part) {
    constexpr Address kCredentialsAt = offsetof(abi::MqttConnectRequest, tls_credentials),
                      kWillAt = offsetof(abi::MqttConnectRequest, will);
    if (index >= kParts) return kNoMoreParts;
    if (index >= kDelivered && index < kTexts) return delivered(index - kDelivered, part);
    const bool of_will = index == kWillNumbers || index >= kWill;
    if (!of_will && index < kAuthorities) return request_part(from, index, part);
    Address at = 0;
    if (!take_from_application(from + (of_will ? kWillAt : kCredentialsAt), at)) return Status::LATEFAULT;
    if (!of_will) return credential(at, index - kAuthorities, part);
    return index == kWillNumbers ? will_numbers(at, part) : will_text(at, index - kWill, part);
  }

  [[gnu::noinline]] static Status request_part(Address from, std::uint32_t index, MessagePart& part) {
    abi::MqttConnectRequest request;
    if (!take_from_application(from, request)) return index == 0 ? Status::PARAMETERFAULT : Status::LATEFAULT;
    if (index == 0) return check(request);
    if (index == 1) return check_credentials(request);
    return index == kNumbers ? numbers(request, part) : text(request, index - kTexts, part);
  }

  static constexpr std::uint32_t kDeliveredAPart = 4,
                                 kDeliveredParts = DeliveredMessages::kCount / kDeliveredAPart;
  // Parts, in the order of their fields: two that only check, numbers, those of the will, and so on.
  static constexpr std::uint32_t kNumbers = 2, kWillNumbers = 3, kDelivered = 4,
                                 kTexts = kDelivered + kDeliveredParts, kAuthorities = kTexts + 4,
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

  static Status check(const abi::MqttConnectRequest& request) {
    if (request.host.length == 0 || request.clientid.length == 0) return Status::REQUIREDELEMENTMISSING;
    if (request.authentication.method > abi::MqttAuthenticationMethod::USERNAMEPASSWORD)
      return Status::INVALIDAUTHENTICATION;
    return can_read(request.host) && can_read(request.clientid) ? Status::OKAY : Status::PARAMETERFAULT;
  }

  static Status numbers(const abi::MqttConnectRequest& request, MessagePart& part) {
    part.number(1, static_cast<std::uint32_t>(request.protocol_version));
    part.number(2, request.port);
    part.number(3, request.keepalive);
    part.number(4, request.clean_start != 0);
    part.number(5, by_name(request));
    part.number(6, request.tls_credentials != 0);
    return Status::OKAY;
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

  [[gnu::noinline]] static Status will_numbers(Address from, MessagePart& part) {
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
    constexpr Address kOwn = offsetof(abi::TlsCredentials, clientcert);  // a chain, and the key behind it
    if (from == 0) return Status::OKAY;
    if (index == 2 * kMaximumCertificates) return key(from + kOwn + sizeof(abi::TlsCertificateChain), part);
    const bool own = index >= kMaximumCertificates;
    abi::TlsCertificateChain chain;
    if (!take_from_application(from + (own ? kOwn : 0), chain)) return Status::LATEFAULT;
    return certificate(chain, own ? 16 : 15, index % kMaximumCertificates, part);
  }

  static Status key(Address from, MessagePart& part) {
    abi::SizedString key;
    if (!take_from_application(from, key)) return Status::LATEFAULT;
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
    if (from == 0) return Status::OKAY;
    abi::SizedString text;  // the two that the structure begins with
    const Status status = element(from, index, text);
    if (status == Status::OKAY) part.bytes(18 + index, text);
    return status;
  }
};

template <>
struct FlashCallBody<Gate::MqttRequestSubscribe> {
  static Status run(const abi::MqttRequestSubscribeArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->mqtt.subscription) return Status::RATELIMITED;
    status = send_message(*slot, MessageKind::MqttSubscribe,
                          parts_of<FlashCallBody, abi::MqttSubscribeRequest>(a.request));
    if (status == Status::OKAY) slot->mqtt.subscription = true;
    return status;
  }

  static Status part_of(const abi::MqttSubscribeRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) {
      if (request.num_subscriptions > kMaximumTopics) return Status::TOOMANYELEMENTS;
      part.number(1, request.correlation_id);
      return can_read_list(request.subscriptions, request.num_subscriptions, sizeof(abi::MqttSubscription))
                 ? Status::OKAY
                 : Status::PARAMETERFAULT;
    }
    const std::uint32_t which = (index - 1) / kPartsOfOne;
    if (which >= request.num_subscriptions) return kNoMoreParts;
    abi::MqttSubscription subscription;
    const Status status = element(request.subscriptions, which, subscription);
    if (status == Status::OKAY) describe(subscription, (index - 1) % kPartsOfOne, part);
    return status;
  }

 private:
  static constexpr std::uint32_t kPartsOfOne = 3;

  /// What no broker knows is cut to a number that no broker knows.
  static std::uint32_t option(std::uint32_t value) { return std::min<std::uint32_t>(value, 0x7F); }

  static void describe(const abi::MqttSubscription& subscription, std::uint32_t index, MessagePart& part) {
    const abi::SizedString& topic = subscription.topic;
    const auto& [name, qos, no_local, as_published, handling] = subscription;
    if (index == 0) {
      const unsigned options = (qos != 0) + (no_local != 0) + (as_published != 0) + (handling != 0);
      part.message(2, 2 * options + MessagePart::overhead(topic.length) + topic.length);
    } else if (index == 1) {
      part.number(1, option(qos));
      part.number(2, option(no_local));
      part.number(3, option(as_published));
      part.number(4, option(handling));
    } else {
      part.bytes(5, topic);
    }
  }
};

template <>
struct FlashCallBody<Gate::MqttRequestUnsubscribe> {
  static Status run(const abi::MqttRequestUnsubscribeArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_mqtt_sender(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (slot->mqtt.end_of_subscription) return Status::RATELIMITED;
    status = send_message(*slot, MessageKind::MqttUnsubscribe,
                          parts_of<FlashCallBody, abi::MqttUnsubscribeRequest>(a.request));
    if (status == Status::OKAY) slot->mqtt.end_of_subscription = true;
    return status;
  }

  static Status part_of(const abi::MqttUnsubscribeRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) {
      if (request.num_topics > kMaximumTopics) return Status::TOOMANYELEMENTS;
      part.number(1, request.correlation_id);
      return can_read_list(request.topics, request.num_topics, sizeof(abi::SizedString))
                 ? Status::OKAY
                 : Status::PARAMETERFAULT;
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
    status = send_message(*slot, MessageKind::MqttPublish,
                          parts_of<FlashCallBody, abi::MqttPublishRequest>(a.request));
    if (status == Status::OKAY) ++slot->mqtt.publications;
    return status;
  }

  static Status part_of(const abi::MqttPublishRequest& request, std::uint32_t index, MessagePart& part) {
    if (index == 0) {
      return can_read(request.topic) && can_read(request.payload) ? Status::OKAY : Status::PARAMETERFAULT;
    }
    if (index == 1) {
      part.number(1, request.correlation_id);
      part.number(2, request.desired_qos);
      part.number(3, request.retain != 0);
    } else if (index == 2) {
      part.bytes(4, request.topic);
    } else if (index == 3) {
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
