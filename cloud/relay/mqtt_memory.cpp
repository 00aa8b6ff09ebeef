// Bounds: what is over them is forgotten, and the broker then sees a client that has lost its session.
#include "cloud/relay/mqtt_memory.hpp"

namespace microvisor::cloud::mqtt {

void Memory::clear() {
  arrived.clear();
  departing.clear();
}

void Memory::disconnected() {
  std::size_t bytes = 0;
  std::erase_if(departing, [&](const auto& entry) {
    const Publication& publication = entry.second.publication;
    const std::size_t size = publication.topic.size() + publication.payload.size();
    if (bytes + size > kRememberedBytes) return true;
    bytes += size;
    return false;
  });
}

std::shared_ptr<Memory> Memories::take(const MemoryKey& key, Moment now) {
  auto found = memories_.find(key);
  if (found == memories_.end()) {
    make_room(key);
    found = memories_.emplace(key, Entry{std::make_shared<Memory>(seed_()), now}).first;
  }
  found->second.last_used = now;
  return found->second.memory;
}

void Memories::make_room(const MemoryKey& key) {
  std::size_t count = 0;
  auto oldest = memories_.end();
  const MemoryKey first{key.account_sid, key.device_sid, "", 0, ""};
  for (auto entry = memories_.lower_bound(first); entry != memories_.end(); ++entry) {
    if (entry->first.account_sid != key.account_sid || entry->first.device_sid != key.device_sid) break;
    ++count;
    if (entry->second.memory.use_count() > 1) continue;
    if (oldest == memories_.end() || entry->second.last_used < oldest->second.last_used) oldest = entry;
  }
  if (count >= kMemoriesPerDevice && oldest != memories_.end()) memories_.erase(oldest);
}

void Memories::tick(Moment now) {
  for (auto& [key, entry] : memories_)
    if (entry.memory.use_count() > 1) entry.last_used = now;
  std::erase_if(memories_, [now](const auto& entry) { return now - entry.second.last_used > kRemembered; });
}

}  // namespace microvisor::cloud::mqtt
