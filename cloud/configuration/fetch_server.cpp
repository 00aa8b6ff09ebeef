// What the kernel would not have sent ends the channel; what is merely not there is an answer, item by item,
// so that an application gets the others.
#include "cloud/configuration/fetch_server.hpp"

#include <algorithm>

namespace microvisor::cloud {
namespace {

// MvConfigFetchResult and MvConfigKeyFetchResult of the system-call interface.
constexpr std::uint32_t kResponseTooLarge = 1;
constexpr std::uint32_t kItemOk = 0;
constexpr std::uint32_t kKeyNotFound = 1;
constexpr std::uint32_t kServerError = 2;

bool is_request(const channel::ConfigRequest& request) {
  return request.keys_size() <= kMaxKeysOfFetch &&
         std::all_of(request.keys().begin(), request.keys().end(),
                     [](const channel::ConfigKey& key) { return key.scope() <= 1 && key.store() <= 1; });
}

}  // namespace

bool FetchServer::received(channel::Kind kind, protocol::ByteView message) {
  channel::ConfigRequest request;
  if (kind != channel::KIND_CONFIG_REQUEST || answered_ ||
      !request.ParseFromArray(message.data(), static_cast<int>(message.size())) || !is_request(request))
    return false;
  answered_ = true;
  channel::ConfigResponse response;
  response.set_item_count(static_cast<std::uint32_t>(request.keys_size()));
  for (const channel::ConfigKey& key : request.keys()) *response.add_items() = fetch(key);
  if (!channel_.fits(response)) {
    response.Clear();
    response.set_result(kResponseTooLarge);
    if (!channel_.fits(response)) return false;
  }
  channel_.send(channel::KIND_CONFIG_RESPONSE, response);
  return true;
}

channel::ConfigItem FetchServer::fetch(const channel::ConfigKey& key) const {
  const ChannelOwner& owner = channel_.owner();
  FetchedValue found =
      values_.fetch(owner.account_sid, owner.device_sid, static_cast<EntryScope>(key.scope()),
                    static_cast<EntryKind>(key.store()), key.key());
  using Status = FetchedValue::Status;
  channel::ConfigItem item;
  item.set_result(found.status == Status::Found      ? kItemOk
                  : found.status == Status::NotFound ? kKeyNotFound
                                                     : kServerError);
  item.set_value(std::move(found.value));
  return item;
}

ChannelService serve_fetches(const Values& values) {
  return [&values](Channel& channel) { return std::make_unique<FetchServer>(values, channel); };
}

}  // namespace microvisor::cloud
