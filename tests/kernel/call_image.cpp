#include "tests/kernel/call_image.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace microvisor::tests {

namespace {

/// What a parameter or member (named by its offset) has to be for the call to get far; all else is zero.
struct Usual {
  std::string_view owner;
  std::string_view name;  // of a parameter
  std::uint32_t place;    // of a member, if there is no name
  std::uint32_t value;
};
constexpr Usual kUsual[] = {
    {"mvGetDeviceId", "len", 0, 34},
    {"mvServerLoggingInit", "length_bytes", 0, 512},
    {"mvTestLoggingInit", "length_bytes", 0, 512},
    {"mvPeriphPeek32", "reg", 0, 0x4602'0C8C},  // RCC_AHB2ENR1
    {"mvPeriphPoke32", "reg", 0, 0x4602'0C8C},
    {"mvTempTriggerNotification", "type", 0, 2},
    {"mvExternalFlashEraseBlocking", "length", 0, 4096},
    {"mvEnableFastInterrupt", "irqn", 0, 46},
    {"mvDisableFastInterrupt", "irqn", 0, 46},
    {"mvSetFastInterrupt", "irqn", 0, 46},
    {"mvClearFastInterrupt", "irqn", 0, 46},
    {"MvNotificationSetup", "", 0, 47},
    {"MvNotificationSetup", "", 8, 64},
    {"MvOpenChannelParams", "", 20, 512},
    {"MvOpenChannelParams", "", 28, 512},
    {"MvOpenChannelParams", "", 40, 3},
    {"MvOpenNetworkInterfaceParams", "", 20, 2048},
    {"MvOpenNetworkInterfaceParams", "", 28, 2048},
    // What the channels' calls lead to: as many as in caller_channels.cpp.
    {"MvHttpRequest", "", 4, 3},
    {"MvHttpRequest", "", 12, 18},
    {"MvHttpRequest", "", 16, 2},
    {"MvHttpRequest", "", 32, 5000},
    {"mvReadHttpResponseHeader", "header_index", 0, 1},
    {"MvConfigKeyFetchParams", "", 0, 2},
    {"MvConfigResponseReadItemParams", "", 0, 1},
    {"MvConfigResponseReadItemParams", "", 12, 64},
    {"MvMqttConnectRequest", "", 12, 8883},
    {"MvMqttConnectRequest", "", 24, 1},  // by name and password, so without certificates of its own
    {"MvMqttConnectRequest", "", 48, 60},
    {"MvTlsCredentials", "", 8, 0},
    {"MvTlsCredentials", "", 20, 0},
    {"MvMqttSubscribeRequest", "", 8, 2},
    {"MvMqttUnsubscribeRequest", "", 8, 2},
    {"MvMqttPublishRequest", "", 20, 1},
    {"MvMqttMessage", "", 20, 64},
    {"MvMqttSubscribeResponse", "", 12, 2},
    {"MvMqttUnsubscribeResponse", "", 12, 2},
};

/// The largest amounts that a call takes: docs of the calls, limits.hpp.
constexpr Usual kLargest[] = {
    {"mvServerLog", "length_bytes", 0, 1024},
    {"mvTestLog", "length_bytes", 0, 1024},
    {"mvServerLoggingInit", "length_bytes", 0, 4096},
    {"mvTestLoggingInit", "length_bytes", 0, 4096},
    {"mvWriteChannel", "len", 0, 512},
    {"mvWriteChannelStream", "len", 0, 512},
    {"mvExternalFlashReadBlocking", "length", 0, 4096},
    {"mvExternalFlashWriteBlocking", "length", 0, 4096},
    {"MvNotificationSetup", "", 8, 4096},
    {"MvOpenChannelParams", "", 20, 4096},
    {"MvOpenChannelParams", "", 28, 4096},
    {"MvOpenChannelParams", "", 40, 64},
    {"MvOpenNetworkInterfaceParams", "", 20, 8192},
    {"MvOpenNetworkInterfaceParams", "", 28, 8192},
    {"mvSendNetworkPackets", "room", 0, 2036},
    {"MvWifiConfig", "", 12, 32},
    {"MvWifiConfig", "", 20, 63},
    {"MvHttpRequest", "", 12, 64},
    {"MvHttpRequest", "", 16, 32},
    {"MvHttpRequest", "", 28, 1024},
    {"MvHttpHeader", "", 0, 24},
    {"mvReadHttpResponseBody", "offset", 0, 3},
    {"mvReadHttpResponseBody", "size", 0, 1024},
    {"mvReadHttpResponseHeader", "header_index", 0, 30},
    {"mvReadHttpResponseHeader", "size", 0, 64},
    {"MvConfigKeyFetchParams", "", 0, 16},
    {"MvConfigKeyToFetch", "", 0, 1},
    {"MvConfigKeyToFetch", "", 4, 1},
    {"MvConfigKeyToFetch", "", 12, 100},
    {"MvConfigResponseReadItemParams", "", 0, 14},
    {"MvConfigResponseReadItemParams", "", 12, 1024},
    {"MvMqttConnectRequest", "", 8, 64},
    {"MvMqttConnectRequest", "", 20, 64},
    {"MvMqttConnectRequest", "", 24, 0},
    {"MvMqttConnectRequest", "", 48, 65535},
    {"MvMqttConnectRequest", "", 52, 1},
    {"MvTlsCredentials", "", 0, 8},
    {"MvTlsCredentials", "", 8, 8},
    {"MvTlsCredentials", "", 20, 1024},
    {"MvSizedString", "", 4, 128},
    {"MvMqttWill", "", 4, 64},
    {"MvMqttWill", "", 12, 512},
    {"MvMqttWill", "", 16, 2},
    {"MvMqttWill", "", 20, 1},
    {"MvMqttSubscribeRequest", "", 8, 8},
    {"MvMqttSubscription", "", 4, 128},
    {"MvMqttSubscription", "", 8, 2},
    {"MvMqttSubscription", "", 12, 1},
    {"MvMqttSubscription", "", 16, 1},
    {"MvMqttSubscription", "", 20, 2},
    {"MvMqttUnsubscribeRequest", "", 8, 8},
    {"MvMqttPublishRequest", "", 0, 0xFFFF'FFFF},
    {"MvMqttPublishRequest", "", 8, 64},
    {"MvMqttPublishRequest", "", 16, 1024},
    {"MvMqttPublishRequest", "", 20, 2},
    {"MvMqttPublishRequest", "", 24, 1},
    {"mvMqttAcknowledgeMessage", "correlation_id", 0, 0xFFFF'FFFF},
    {"MvMqttMessage", "", 8, 64},
    {"MvMqttMessage", "", 20, 1024},
    {"MvMqttLostMessageInfo", "", 8, 64},
    {"MvMqttSubscribeResponse", "", 12, 8},
    {"MvMqttUnsubscribeResponse", "", 12, 8},
};

struct Text {
  std::string_view path;
  std::string_view text;
};
constexpr Text kTexts[] = {
    {"mvOpenChannel params.endpoint.data", "log"},
    {"mvSendHttpRequest request.method.data", "GET"},
    {"mvSendHttpRequest request.url.data", "https://a.example/"},
};

template <typename Table>
std::optional<std::uint32_t> look_up(const Table& table, std::string_view owner, std::string_view name,
                                     std::uint32_t place) {
  for (const Usual& usual : table) {
    if (usual.owner == owner && usual.name == name && (!name.empty() || usual.place == place))
      return usual.value;
  }
  return std::nullopt;
}

constexpr std::uint32_t kUsualBytes = 16;

}  // namespace

CallImage::CallImage(const abi::CallShape& call, std::span<const std::uint32_t, 6> handles,
                     std::uint32_t arena, Amount amount)
    : call_(&call), valid_(handles), amount_(amount), next_(arena) {
  for (unsigned i = 0; i < call.parameters; ++i)
    registers_[i] = amount_of(call.name, call.parameter_names[i], 0).value_or(0);
  for (const abi::HandlePlace& place : call.handles) {
    registers_[place.place] = valid_[static_cast<unsigned>(place.type)];
    handles_.push_back({{true, place.place}, place.type});
  }
  for (const abi::Pointer& pointer : call.pointers) {
    const Word extent{true, pointer.extent < 0 ? 0 : static_cast<std::uint32_t>(pointer.extent)};
    lay_out(pointer, call.name, "", {true, pointer.place}, extent);
  }
}

std::optional<std::uint32_t> CallImage::amount_of(std::string_view owner, std::string_view name,
                                                  std::uint32_t place) const {
  if (amount_ == Amount::Largest) {
    if (const auto larger = look_up(kLargest, owner, name, place)) return larger;
  }
  return look_up(kUsual, owner, name, place);
}

std::uint32_t CallImage::get(Word word) const {
  if (word.in_register) return registers_[word.at];
  const auto found = words_.find(word.at);
  return found == words_.end() ? 0 : found->second;
}

void CallImage::set(Word word, std::uint32_t value) {
  if (word.in_register) {
    registers_[word.at] = value;
  } else {
    words_[word.at] = value;
  }
}

/// Buffers that want it are aligned to 512 bytes, all else to 8.
std::uint32_t CallImage::allocate(std::uint32_t bytes) {
  const std::uint32_t alignment = bytes >= 512 ? 512 : 8;
  const std::uint32_t address = (next_ + alignment - 1) / alignment * alignment;
  next_ = address + std::max(bytes, 8u);
  return address;
}

void CallImage::lay_out(const abi::Pointer& pointer, std::string_view owner, const std::string& prefix,
                        Word word, Word extent) {
  const std::string name = prefix + pointer.name;
  const bool counted = pointer.extent >= 0;
  std::uint32_t elements = 1;
  if (counted) {
    const std::uint32_t unit = pointer.extent_in_bytes ? pointer.element : 1;
    const std::uint32_t otherwise = pointer.extent_in_bytes ? std::max(kUsualBytes, pointer.element) : 1;
    const auto stated = extent.in_register ? amount_of(owner, call_->parameter_names[extent.at], 0)
                                           : amount_of(owner, "", static_cast<std::uint32_t>(pointer.extent));
    set(extent, stated.value_or(otherwise));
    elements = get(extent) / unit;
  }
  const std::uint32_t bytes = elements * pointer.element;
  // Bytes that are copied from an odd address take longest.
  const bool odd =
      amount_ == Amount::Largest && pointer.direction == abi::Direction::In && pointer.element == 1;
  const std::uint32_t target = odd ? allocate(bytes + 1) + 1 : allocate(bytes);
  set(word, target);
  pointers_.push_back({name, word, pointer.direction != abi::Direction::In, target, bytes, counted, extent});
  if (pointer.direction == abi::Direction::In && pointer.element == 1)
    put_text(target, text_for(name, bytes));
  if (pointer.handle >= 0 && pointer.direction == abi::Direction::InOut) {
    set({false, target}, valid_[static_cast<unsigned>(pointer.handle)]);
    handles_.push_back({{false, target}, static_cast<abi::HandleType>(pointer.handle)});
  }
  if (pointer.structure == nullptr) return;
  for (std::uint32_t i = 0; i < elements; ++i) {
    lay_out(*pointer.structure, name + ".", target + i * pointer.element);
  }
}

void CallImage::lay_out(const abi::Structure& structure, const std::string& prefix, std::uint32_t address) {
  if (structure.versioned) set({false, address}, 1);
  for (std::uint32_t place = 0; place < structure.size; place += 4) {
    if (const auto value = amount_of(structure.name, "", place)) set({false, address + place}, *value);
  }
  for (const abi::HandlePlace& handle : structure.handles) {
    set({false, address + handle.place}, valid_[static_cast<unsigned>(handle.type)]);
    handles_.push_back({{false, address + handle.place}, handle.type});
  }
  for (const abi::Pointer& pointer : structure.pointers) {
    const Word extent{false, address + static_cast<std::uint32_t>(std::max(pointer.extent, 0))};
    lay_out(pointer, structure.name, prefix, {false, address + pointer.place}, extent);
  }
}

/// What the call says it is to be, or printable characters, no two neighbours of which are alike.
std::string CallImage::text_for(const std::string& name, std::uint32_t bytes) const {
  for (const Text& text : kTexts) {
    if (text.path == std::string(call_->name) + " " + name) return std::string(text.text.substr(0, bytes));
  }
  std::string result(bytes, 0);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<char>('!' + i % 89);
  return result;
}

void CallImage::put_text(std::uint32_t address, std::string_view text) {
  for (const char character : text) {
    const std::uint32_t shift = address % 4 * 8;
    words_[address / 4 * 4] |= std::uint32_t{static_cast<std::uint8_t>(character)} << shift;
    ++address;
  }
}

}  // namespace microvisor::tests
