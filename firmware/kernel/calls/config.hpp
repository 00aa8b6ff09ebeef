// Configuration values and secrets: one request for several of them, one answer.
#pragma once

#include <cstddef>

#include "firmware/kernel/calls/messages.hpp"

namespace microvisor::firmware::kernel::calls {

inline constexpr std::uint32_t kMaximumConfigKeys = 16;
inline constexpr std::uint32_t kMaximumConfigKeyLength = 100;

template <>
struct FlashCallBody<Gate::SendConfigFetchRequest> {
  static Status run(const abi::SendConfigFetchRequestArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_sender(a.handle, abi::ChannelType::CONFIGFETCH, slot);
    if (status != Status::OKAY) return status;
    return send_request(*slot, MessageKind::ConfigRequest,
                        parts_of<FlashCallBody, abi::ConfigKeyFetchParams>(a.request));
  }

  static Status part_of(const abi::ConfigKeyFetchParams& params, std::uint32_t index, MessagePart& part) {
    if (index == 0) return check(params);
    const std::uint32_t which = (index - 1) / kPartsOfOne;
    if (which >= params.num_items) return kNoMoreParts;
    abi::ConfigKeyToFetch item;
    const Status status = element(params.keys_to_fetch, which, item);
    return status == Status::OKAY ? describe(item, (index - 1) % kPartsOfOne, part) : status;
  }

 private:
  static Status check(const abi::ConfigKeyFetchParams& params) {
    if (params.num_items > kMaximumConfigKeys) return Status::TOOMANYCONFIGKEYS;
    return can_read_list(params.keys_to_fetch, params.num_items, sizeof(abi::ConfigKeyToFetch))
               ? Status::OKAY
               : Status::PARAMETERFAULT;
  }

  static constexpr std::uint32_t kPartsOfOne = 2;

  static Status describe(const abi::ConfigKeyToFetch& item, std::uint32_t index, MessagePart& part) {
    const auto scope = static_cast<std::uint32_t>(item.scope), store = static_cast<std::uint32_t>(item.store);
    if (store > 1) return Status::UNKNOWNCONFIGSTORE;
    if (scope > 1) return Status::UNKNOWNCONFIGSCOPE;
    if (item.key.length == 0 || item.key.length > kMaximumConfigKeyLength) return Status::INVALIDCONFIGKEY;
    if (index == 0) {
      const std::uint32_t numbers = 2 * scope + 2 * store;  // a tag and the one, or nothing
      part.message(1, numbers + MessagePart::overhead(item.key.length) + item.key.length);
    } else {
      part.number(1, scope);
      part.number(2, store);
      part.key(3, item.key);
    }
    return Status::OKAY;
  }
};

/// Numbers of the response's fields, and of an item's.
struct ConfigResponseFields {
  static constexpr unsigned kResult = 1, kItemCount = 2;
  static constexpr unsigned kItemResult = 1, kItemValue = 2;
};

/// The channel with its response, looked at.
inline Status find_config_response(abi::ChannelHandle handle, Channels::Slot*& slot) {
  const Status status = find_reader(handle, abi::ChannelType::CONFIGFETCH, slot);
  return status == Status::OKAY ? look_at(*slot, MessageKind::ConfigResponse, Status::RESPONSENOTPRESENT)
                                : status;
}

inline abi::ConfigFetchResult result_of(const Channels::Slot& slot) {
  return static_cast<abi::ConfigFetchResult>(slot.reader.field(ConfigResponseFields::kResult).value);
}

template <>
struct FlashCallBody<Gate::ReadConfigFetchResponseData> {
  static Status run(const abi::ReadConfigFetchResponseDataArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_config_response(a.handle, slot);
    if (status != Status::OKAY) return status;
    const std::uint32_t count = slot->reader.field(ConfigResponseFields::kItemCount).value;
    return tell(a.response_data, abi::ConfigResponseData{result_of(*slot), count});
  }
};

template <>
struct FlashCallBody<Gate::ReadConfigResponseItem> {
  static Status run(const abi::ReadConfigResponseItemArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_config_response(a.handle, slot);
    if (status != Status::OKAY) return status;
    if (result_of(*slot) != abi::ConfigFetchResult::OK) return Status::REQUESTUNSUCCESSFUL;
    MessageReader& reader = slot->reader;
    std::uint32_t index = 0;  // which the structure begins with
    if (!take_from_application(a.params, index)) return Status::PARAMETERFAULT;
    status = reader.find_item(slot->receive, index);
    if (status != Status::OKAY) return status;
    if (!reader.look_inside(slot->receive)) return kAgain;
    return next_step<FlashCallBody, abi::ConfigResponseReadItemParams>(*slot, a.params);
  }

  static Status step(Channels::Slot& slot, const abi::ConfigResponseReadItemParams& to,
                     std::uint32_t number) {
    const MessageField& value = slot.reader.inner(ConfigResponseFields::kItemValue);
    if (number == 0) return check_results(to);
    if (number == 1) return check_room(to, value);
    if (number - 2 < pieces_of(value)) return give_piece(slot, value, number - 2, to.buf.data);
    const std::uint32_t result = slot.reader.inner(ConfigResponseFields::kItemResult).value;
    return give_to_application(to.buf.length, value.value) && give_to_application(to.result, result)
               ? Status::OKAY
               : Status::LATEFAULT;
  }

 private:
  static_assert(offsetof(abi::ConfigResponseReadItemParams, item_index) == 0);
  static_assert(sizeof(abi::ConfigKeyFetchResult) == sizeof(std::uint32_t));

  static Status check_results(const abi::ConfigResponseReadItemParams& to) {
    const bool good = application_can_write(to.result, sizeof(std::uint32_t)) &&
                      application_can_write(to.buf.length, sizeof(std::uint32_t));
    return good ? kAgain : Status::PARAMETERFAULT;
  }
  static Status check_room(const abi::ConfigResponseReadItemParams& to, const MessageField& value) {
    if (!application_can_write(to.buf.data, to.buf.size)) return Status::PARAMETERFAULT;
    return value.value > to.buf.size ? Status::INVALIDBUFFERSIZE : kAgain;
  }
};

}  // namespace microvisor::firmware::kernel::calls
