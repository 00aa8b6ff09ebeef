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
    {"MvHttpRequest", "", 4, 3},
    {"MvHttpRequest", "", 32, 5000},
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
    {"MvWifiConfig", "", 12, 32},
    {"MvWifiConfig", "", 20, 63},
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

CallImage::CallImage(const abi::CallShape& call, std::span<const std::uint32_t, 5> handles,
                     std::uint32_t arena, Amount amount)
    : call_(&call), valid_(handles), amount_(amount), next_(arena) {
  for (unsigned i = 0; i < call.parameters; ++i) {
    auto value = look_up(kUsual, call.name, call.parameter_names[i], 0);
    if (amount == Amount::Largest) {
      if (auto larger = look_up(kLargest, call.name, call.parameter_names[i], 0)) value = larger;
    }
    registers_[i] = value.value_or(0);
  }
  for (const abi::HandlePlace& place : call.handles) {
    registers_[place.place] = valid_[static_cast<unsigned>(place.type)];
    handles_.push_back({{true, place.place}, place.type});
  }
  for (const abi::Pointer& pointer : call.pointers) {
    const Word extent{true, pointer.extent < 0 ? 0 : static_cast<std::uint32_t>(pointer.extent)};
    lay_out(pointer, call.name, "", {true, pointer.place}, extent);
  }
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
    std::uint32_t stated = get(extent);
    if (!extent.in_register) {
      const auto place = static_cast<std::uint32_t>(pointer.extent);
      auto value = look_up(kUsual, owner, "", place);
      if (amount_ == Amount::Largest) {
        if (auto larger = look_up(kLargest, owner, "", place)) value = larger;
      }
      stated = value.value_or(0);
    } else if (amount_ == Amount::Largest) {
      stated = look_up(kLargest, owner, call_->parameter_names[extent.at], 0).value_or(stated);
    }
    if (stated == 0) stated = pointer.extent_in_bytes ? std::max(kUsualBytes, pointer.element) : 1;
    set(extent, stated);
    elements = stated / unit;
  }
  const std::uint32_t bytes = elements * pointer.element;
  // Bytes that are copied from an odd address take longest.
  const bool odd =
      amount_ == Amount::Largest && pointer.direction == abi::Direction::In && pointer.element == 1;
  const std::uint32_t target = odd ? allocate(bytes + 1) + 1 : allocate(bytes);
  set(word, target);
  pointers_.push_back({name, word, pointer.direction != abi::Direction::In, target, bytes, counted, extent});
  for (const Text& text : kTexts) {
    if (text.path == std::string(call_->name) + " " + name) put_text(target, text.text);
  }
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
  for (const Usual& usual : kUsual) {
    if (usual.owner == structure.name) set({false, address + usual.place}, usual.value);
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

void CallImage::put_text(std::uint32_t address, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<std::size_t>(4, text.size() - i));
    words_[address + static_cast<std::uint32_t>(i)] = word;
  }
}

}  // namespace microvisor::tests
