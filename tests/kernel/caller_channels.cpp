// See caller_channels.hpp.
#include "tests/kernel/caller_channels.hpp"

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

#include "firmware/kernel/resident/services.hpp"
#include "protocol/channel.pb.h"

namespace microvisor::tests {
namespace {

using abi::ChannelType;
using firmware::kernel::ApplicationRing;
using firmware::kernel::Channels;

struct Buffers {
  ChannelType type;
  std::uint32_t send, send_size, receive, receive_size;
};
constexpr std::uint32_t kOpaqueBuffers = RING_ADDRESS + 0x1000;
constexpr std::uint32_t kOwnArena = RECEIVE_BUFFERS_ADDRESS + 0x4000;  // what cases find in theirs is zero
constexpr std::uint32_t kInterfaceArena = kOwnArena + 0x2000;          // its rings stay there
constexpr Buffers kBuffers[] = {
    {ChannelType::OPAQUEBYTES, kOpaqueBuffers + 512, 512, kOpaqueBuffers, 512},
    {ChannelType::MQTT, SEND_BUFFERS_ADDRESS, 0x1600, RECEIVE_BUFFERS_ADDRESS, 0x0C00},
    {ChannelType::HTTP, SEND_BUFFERS_ADDRESS + 0x1600, 0x0C00, RECEIVE_BUFFERS_ADDRESS + 0x1000, 0x1000},
    {ChannelType::CONFIGFETCH, SEND_BUFFERS_ADDRESS + 0x2200, 0x0A00, RECEIVE_BUFFERS_ADDRESS + 0x2000,
     0x0A00},
};

const Buffers& buffers_of(ChannelType type) { return kBuffers[static_cast<unsigned>(type)]; }

// What is in the rings: of typical and of largest calls.
constexpr std::size_t kTopic[] = {12, 64};
constexpr std::size_t kPayload[] = {40, 1024};
constexpr std::size_t kCodes[] = {2, 8};
constexpr unsigned kHeaders = 32, kItems = 16;
constexpr std::size_t kBody = 1030, kHeader = 40, kLongValue = 1024, kValue = 20;

std::string text(std::size_t size) {
  std::string result(size, 0);
  for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<char>('A' + i % 53);
  return result;
}

std::string framed(channel::Kind kind, const google::protobuf::MessageLite& message) {
  const std::string content = message.SerializeAsString();
  const auto header = static_cast<std::uint32_t>(content.size()) | static_cast<std::uint32_t>(kind) << 24;
  std::string result(sizeof header, 0);
  std::memcpy(result.data(), &header, sizeof header);
  return result + content;
}

std::string http_response() {
  channel::HttpResponse response;
  response.set_status_code(200);
  response.set_header_count(kHeaders);
  response.set_body(text(kBody));
  for (unsigned i = 0; i < kHeaders; ++i)
    response.add_headers("Name-" + std::to_string(i % 10) + ": " + text(kHeader - 8));
  return framed(channel::KIND_HTTP_RESPONSE, response);
}

std::string config_response() {
  channel::ConfigResponse response;
  response.set_item_count(kItems);
  for (unsigned i = 0; i < kItems; ++i)
    response.add_items()->set_value(text(i == kItems - 2 ? kLongValue : kValue));
  return framed(channel::KIND_CONFIG_RESPONSE, response);
}

std::string mqtt_message(unsigned size) {
  channel::MqttMessage message;
  message.set_correlation_id(77);
  message.set_qos(2);
  message.set_retain(1);
  message.set_topic(text(kTopic[size]));
  message.set_payload(text(kPayload[size]));
  return framed(channel::KIND_MQTT_MESSAGE, message);
}

std::string lost_message(unsigned size) {
  channel::MqttLostMessage message;
  message.set_length(100'000);
  message.set_topic(text(kTopic[size]));
  return framed(channel::KIND_MQTT_LOST_MESSAGE, message);
}

std::string mqtt_response(channel::Kind kind, std::size_t codes) {
  channel::MqttResponse message;
  message.set_correlation_id(0x1234'5678);
  message.set_state(1);
  message.set_reason_codes(text(codes));
  return framed(kind, message);
}

/// What the call reads; empty if it reads nothing.
std::string message_for(std::string_view call, unsigned size) {
  if (call.starts_with("mvReadHttp")) return http_response();
  if (call.starts_with("mvReadConfig")) return config_response();
  if (call == "mvMqttReceiveMessage" || call == "mvMqttGetNextReadableDataType") return mqtt_message(size);
  if (call == "mvMqttReceiveLostMessageInfo") return lost_message(size);
  if (call == "mvMqttReadConnectResponse") return mqtt_response(channel::KIND_MQTT_CONNECT_RESPONSE, 1);
  if (call == "mvMqttReadPublishResponse") return mqtt_response(channel::KIND_MQTT_PUBLISH_RESPONSE, 1);
  if (call == "mvMqttReadDisconnectResponse") return mqtt_response(channel::KIND_MQTT_DISCONNECT_RESPONSE, 1);
  if (call == "mvMqttReadSubscribeResponse")
    return mqtt_response(channel::KIND_MQTT_SUBSCRIBE_RESPONSE, kCodes[size]);
  if (call == "mvMqttReadUnsubscribeResponse")
    return mqtt_response(channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE, kCodes[size]);
  return {};
}

/// Where the kernel keeps the channel with these buffers: its slot's `receive`, behind which `send` stands.
/// Both rings begin with address and size, and are empty.
std::uint32_t rings_of(CallerMachine& caller, const Buffers& buffers) {
  const std::uint32_t sought[] = {buffers.receive, buffers.receive_size, 0, 0,
                                  buffers.send,    buffers.send_size,    0, 0};
  const std::uint32_t services = kernel_symbol("microvisor::firmware::kernel::the_services");
  for (std::uint32_t at = services; at < services + sizeof(firmware::kernel::Services); at += 4) {
    std::uint32_t same = 0;
    while (same < std::size(sought) && caller.word(at + 4 * same) == sought[same]) ++same;
    if (same == std::size(sought)) return at;
  }
  throw std::runtime_error("the kernel has no such channel");
}

constexpr std::uint32_t kTail = 8, kUsed = 12;  // places in a ring
constexpr std::uint32_t kWholeMessages = offsetof(Channels::Slot, reader) - offsetof(Channels::Slot, receive);

void poke_bytes(CallerMachine& caller, const Buffers& buffers, std::uint32_t from, const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto place = static_cast<std::uint32_t>(from + i) % buffers.receive_size;
    const auto value = static_cast<std::uint8_t>(bytes[i]);
    if (!caller.board().bus().poke(buffers.receive + place, 1, value)) throw std::runtime_error("no memory");
  }
}

void deliver(CallerMachine& caller, const Buffers& buffers, std::uint32_t tail, const std::string& bytes) {
  if (bytes.size() > buffers.receive_size) throw std::runtime_error("a message does not fit");
  poke_bytes(caller, buffers, tail, bytes);
  const std::uint32_t rings = rings_of(caller, buffers);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  caller.poke(rings + kTail, tail);
  caller.poke(rings + kUsed, size);
  caller.poke(rings + kWholeMessages, size);
}

/// The last header or item has been read already.
void read_last(CallerMachine& caller, const abi::CallShape& call) {
  CallImage image = caller.image_of(call, Amount::Largest, kOwnArena);
  const std::string_view name = call.name;
  if (name == "mvReadHttpResponseHeader") {
    image.set({true, 1}, kHeaders - 1);
  } else if (name == "mvReadConfigResponseItem") {
    image.set({false, image.pointers()[0].target}, kItems - 1);
  } else {
    return;
  }
  expect_okay(caller.perform(image, CallerMachine::order_for(image)), call.name);
}

void open_channel(CallerMachine& caller, const Buffers& buffers) {
  CallImage image = caller.image_of(shape_of("mvOpenChannel"), Amount::Typical, kOwnArena);
  const std::uint32_t params = image.get({true, 0});
  const auto set = [&](std::uint32_t offset, std::uint32_t value) {
    image.set({false, params + offset}, value);
  };
  const auto type = static_cast<std::uint32_t>(buffers.type);
  set(16, buffers.receive), set(20, buffers.receive_size);
  set(24, buffers.send), set(28, buffers.send_size);
  set(32, type);
  if (buffers.type != ChannelType::OPAQUEBYTES) set(40, 0);
  expect_okay(caller.perform(image, CallerMachine::order_for(image)), "mvOpenChannel");
  caller.poke(COMMAND_ADDRESS + offsetof(command, handle) + 4 * handle_place(buffers.type),
              caller.word(image.get({true, 1})));
}

}  // namespace

ChannelType channel_type_of(const abi::CallShape& call) {
  const std::string_view name = call.name;
  if (name.starts_with("mvMqtt")) return ChannelType::MQTT;
  if (name.find("Http") != std::string_view::npos) return ChannelType::HTTP;
  if (name.starts_with("mvSendConfig") || name.starts_with("mvReadConfig")) return ChannelType::CONFIGFETCH;
  return ChannelType::OPAQUEBYTES;
}

void open_opaque_channel(CallerMachine& caller) {
  open_channel(caller, buffers_of(ChannelType::OPAQUEBYTES));
}

void open_message_channels(CallerMachine& caller) {
  for (const Buffers& buffers : kBuffers) {
    if (buffers.type != ChannelType::OPAQUEBYTES) open_channel(caller, buffers);
  }
}

void open_network_interface(CallerMachine& caller) {
  CallImage image = caller.image_of(shape_of("mvOpenNetworkInterface"), Amount::Typical, kInterfaceArena);
  expect_okay(caller.perform(image, CallerMachine::order_for(image)), "mvOpenNetworkInterface");
  caller.poke(COMMAND_ADDRESS + offsetof(command, handle) + 4 * kInterfacePlace,
              caller.word(image.get({true, 1})));
}

void prepare_channels(CallerMachine& caller, const abi::CallShape& call, Amount amount) {
  const Buffers& buffers = buffers_of(channel_type_of(call));
  const bool largest = amount == Amount::Largest, mqtt = buffers.type == ChannelType::MQTT;
  const std::string message = message_for(call.name, largest ? 1 : 0);
  // The only message of an HTTP or configuration channel begins where its buffer does.
  if (message.empty()) {
    if (largest && mqtt)
      caller.poke(rings_of(caller, buffers) + sizeof(ApplicationRing) + kTail, buffers.send_size - 301);
    return;
  }
  deliver(caller, buffers,
          largest && mqtt ? buffers.receive_size - static_cast<std::uint32_t>(message.size()) / 2 : 0,
          message);
  if (largest) read_last(caller, call);
}

}  // namespace microvisor::tests
