// Value: format and three zeros, number of keys of the new set, of the old one, sequence of the new one; then
// the keys, 8 bytes id and 32 bytes secret each, the new set first.
#include "firmware/vault/layer_keys.hpp"

#include <algorithm>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::vault {

namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeaderSize = 4 + 4 + 4 + 8;
constexpr std::size_t kEntrySize = sizeof(std::uint64_t) + sizeof(crypto::PrivateKey);
constexpr std::size_t kMaximumSize = kHeaderSize + 2 * kMaximumLayerKeys * kEntrySize;
static_assert(kMaximumSize <= kMaximumStoreValue);

std::size_t put_keys(std::span<std::uint8_t> value, std::size_t at, const LayerKeys& keys) {
  for (std::uint32_t i = 0; i < keys.count; ++i) {
    storage::put64(value, at, keys.keys[i].id);
    std::copy(keys.keys[i].secret.begin(), keys.keys[i].secret.end(), value.data() + at + 8);
    at += kEntrySize;
  }
  return at;
}

void get_keys(std::span<const std::uint8_t> value, std::size_t at, std::uint32_t count, LayerKeys& keys) {
  keys.count = count;
  for (std::uint32_t i = 0; i < count; ++i, at += kEntrySize) {
    keys.keys[i].id = storage::get64(value, at);
    std::copy_n(value.data() + at + 8, keys.keys[i].secret.size(), keys.keys[i].secret.begin());
  }
}

}  // namespace

const LayerKey* LayerKeys::find(std::uint64_t key_id) const {
  const auto end = keys.begin() + count;
  const auto found =
      std::find_if(keys.begin(), end, [key_id](const LayerKey& key) { return key.id == key_id; });
  return found == end ? nullptr : &*found;
}

void LayerKeys::remove(std::uint64_t key_id) {
  const LayerKey* found = find(key_id);
  if (found == nullptr) return;
  const auto at = keys.begin() + (found - keys.data());
  std::copy(at + 1, keys.begin() + count, at);
  keys[--count] = LayerKey{};
}

bool LayerKeys::add(const LayerKey& key) {
  if (find(key.id) != nullptr) return true;
  if (count == keys.size()) return false;
  keys[count++] = key;
  return true;
}

void read_layer_keys(Store& store, std::uint64_t sequence, LayerKeys& keys) {
  keys = LayerKeys{};
  std::array<std::uint8_t, kMaximumSize> value;
  std::size_t size = 0;
  if (store.get(Key::LayerKeys, value, size) != StoreStatus::Ok || size < kHeaderSize ||
      storage::get32(value, 0) != kFormat) {
    return;
  }
  const std::uint32_t fresh = storage::get32(value, 4);
  const std::uint32_t old = storage::get32(value, 8);
  if (fresh > kMaximumLayerKeys || old > kMaximumLayerKeys ||
      size != kHeaderSize + (fresh + old) * kEntrySize)
    return;
  const bool in_force = sequence >= storage::get64(value, 12);
  get_keys(value, kHeaderSize + (in_force ? 0 : fresh * kEntrySize), in_force ? fresh : old, keys);
  value.fill(0);
}

bool find_layer_key(Store& store, std::uint64_t sequence, std::uint64_t key_id, LayerKey& key) {
  LayerKeys keys;
  read_layer_keys(store, sequence, keys);
  const LayerKey* const found = keys.find(key_id);
  if (found != nullptr) key = *found;
  return found != nullptr;
}

bool write_layer_keys(Store& store, const LayerKeys& current, std::uint64_t next_sequence,
                      const LayerKeys& next) {
  std::array<std::uint8_t, kMaximumSize> value{};
  storage::put32(value, 0, kFormat);
  storage::put32(value, 4, next.count);
  storage::put32(value, 8, current.count);
  storage::put64(value, 12, next_sequence);
  const std::size_t size = put_keys(value, put_keys(value, kHeaderSize, next), current);
  const bool done = store.put(Key::LayerKeys, std::span(value).first(size)) == StoreStatus::Ok;
  value.fill(0);
  return done;
}

}  // namespace microvisor::firmware::vault
