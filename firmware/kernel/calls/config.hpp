// Configuration values and secrets: one request for several of them, one answer.
#pragma once

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
    if (slot->requested) return Status::REQUESTALREADYSENT;
    abi::ConfigKeyFetchParams params;
    if (!take_from_application(a.request, params)) return Status::PARAMETERFAULT;
    if (params.num_items > kMaximumConfigKeys) return Status::TOOMANYCONFIGKEYS;
    return send_request(*slot, MessageKind::ConfigRequest, [&](std::uint32_t index, MessagePart& part) {
      return index < params.num_items ? part_of(params, index, part) : kNoMoreParts;
    });
  }

 private:
  static Status part_of(const abi::ConfigKeyFetchParams& params, std::uint32_t index, MessagePart& part) {
    if (index == 0 &&
        !application_can_read(params.keys_to_fetch, params.num_items * sizeof(abi::ConfigKeyToFetch))) {
      return Status::PARAMETERFAULT;
    }
    abi::ConfigKeyToFetch item;
    if (!take_from_application(params.keys_to_fetch + index * sizeof item, item)) return Status::LATEFAULT;
    const auto scope = static_cast<std::uint32_t>(item.scope), store = static_cast<std::uint32_t>(item.store);
    if (store > 1) return Status::UNKNOWNCONFIGSTORE;
    if (scope > 1) return Status::UNKNOWNCONFIGSCOPE;
    if (item.key.length == 0 || item.key.length > kMaximumConfigKeyLength) return Status::INVALIDCONFIGKEY;
    const std::uint32_t numbers = 2 * scope + 2 * store;  // a tag and the one, or nothing
    part.message(1, numbers + MessagePart::overhead(item.key.length) + item.key.length);
    part.number(1, scope);
    part.number(2, store);
    part.key(3, item.key);
    return Status::OKAY;
  }
};

/// Numbers of the response's fields, and of an item's.
struct ConfigResponseFields {
  static constexpr unsigned kResult = 1, kItemCount = 2;
  static constexpr unsigned kItemResult = 0, kItemValue = 1;  // places among the inner ones
};

/// The channel with its response, looked at.
inline Status find_config_response(abi::ChannelHandle handle, Channels::Slot*& slot) {
  const Status status = find_reader(handle, abi::ChannelType::CONFIGFETCH, slot);
  return status == Status::OKAY ? look_at(*slot, MessageKind::ConfigResponse) : status;
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
    abi::ConfigResponseReadItemParams params;
    if (!take_from_application(a.params, params)) return Status::PARAMETERFAULT;
    MessageField item;
    status = slot->reader.repeated(slot->receive, params.item_index, item);
    if (status != Status::OKAY) return status;
    const auto fields = MessageReader::inner(slot->receive, item);
    return give(*slot, params,
                static_cast<abi::ConfigKeyFetchResult>(fields[ConfigResponseFields::kItemResult].value),
                fields[ConfigResponseFields::kItemValue]);
  }

 private:
  static Status give(Channels::Slot& slot, const abi::ConfigResponseReadItemParams& to,
                     abi::ConfigKeyFetchResult result, const MessageField& value) {
    if (!application_can_write(to.result, sizeof result) ||
        !application_can_write(to.buf.length, sizeof value.value) ||
        !application_can_write(to.buf.data, to.buf.size)) {
      return Status::PARAMETERFAULT;
    }
    if (value.value > to.buf.size) return Status::INVALIDBUFFERSIZE;
    const Status status = copy_field(slot, value, 0, to.buf.data, value.value);
    if (status != Status::OKAY) return status;
    copy_to_application(to.buf.length, &value.value, sizeof value.value);
    return tell_checked(to.result, result);
  }
};

}  // namespace microvisor::firmware::kernel::calls
