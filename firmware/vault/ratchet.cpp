#include "firmware/vault/ratchet.hpp"

#include <array>
#include <optional>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::vault {

namespace {

/// Nothing: the journal has never been used.
std::optional<std::uint32_t> recorded(Store& store) {
  std::array<std::uint8_t, 4> value{};
  std::size_t size = 0;
  if (store.get(Key::SecurityRatchet, value, size) != StoreStatus::Ok || size != value.size())
    return std::nullopt;
  return storage::get32(value, 0);
}

}  // namespace

bool check_vault_age(Store& store, std::uint32_t ratchet) {
  if (recorded(store).value_or(ratchet) >= ratchet) return true;
  // If that fails half-way the copy still says that the vault is older, and it is done again.
  (void)store.remove_all_but(Key::SecurityRatchet);
  return false;
}

bool accept_ratchet(Store& store, std::uint32_t ratchet) {
  std::array<std::uint8_t, 4> value{};
  storage::put32(value, 0, std::max(ratchet, recorded(store).value_or(0)));
  return store.put(Key::SecurityRatchet, value) == StoreStatus::Ok;
}

}  // namespace microvisor::firmware::vault
