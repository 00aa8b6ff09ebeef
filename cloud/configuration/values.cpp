// A value is sealed and opened here and nowhere else; all that is around knows entries.
#include "cloud/configuration/values.hpp"

#include <algorithm>
#include <cstdio>

#include "cloud/text/utf8.hpp"

namespace microvisor::cloud {
namespace {

/// What a secret is sealed for. SIDs have one length and no spaces, so no two places and keys say the same.
std::string purpose_of(const EntryPlace& place, const std::string& key) {
  return "secret of " + place.account_sid + " " + place.device_sid + " " + key;
}

}  // namespace

bool Values::is_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKeyCharacters &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool Values::is_value(std::string_view value) {
  return value.find('\0') == std::string_view::npos &&
         count_characters(value).value_or(kMaxValueCharacters + 1) <= kMaxValueCharacters;
}

ConfigurationEntry Values::make_entry(const EntryPlace& place, const std::string& key,
                                      std::string_view value) const {
  ConfigurationEntry entry;
  entry.place = place;
  entry.key = key;
  const protocol::ByteView plain = protocol::as_bytes(value);
  entry.value = place.kind == EntryKind::Secret ? vault_.seal(purpose_of(place, key), value)
                                                : protocol::Bytes(plain.begin(), plain.end());
  entry.changed = clock_.now();
  return entry;
}

std::optional<ConfigurationEntry> Values::create(const EntryPlace& place, const std::string& key,
                                                 std::string_view value) {
  ConfigurationEntry entry = make_entry(place, key, value);
  if (store_.add_entry(entry) != Insert::Done) return std::nullopt;
  return entry;
}

std::optional<ConfigurationEntry> Values::change(const EntryPlace& place, const std::string& key,
                                                 std::string_view value) {
  ConfigurationEntry entry = make_entry(place, key, value);
  if (!store_.change_entry(entry)) return std::nullopt;
  return entry;
}

FetchedValue Values::open(const ConfigurationEntry& entry) const {
  using Status = FetchedValue::Status;
  if (entry.place.kind == EntryKind::Config)
    return {Status::Found, std::string(protocol::as_text(entry.value))};
  auto opened = vault_.open_sealed(purpose_of(entry.place, entry.key), entry.value);
  if (opened) return {Status::Found, std::move(*opened)};
  std::fprintf(stderr, "cloud: the database was altered: secret %s of %s %s does not open\n",
               entry.key.c_str(), entry.place.account_sid.c_str(), entry.place.device_sid.c_str());
  return {Status::Unreadable, {}};
}

FetchedValue Values::fetch(const std::string& account_sid, const std::string& device_sid, EntryScope scope,
                           EntryKind kind, const std::string& key) const {
  try {
    const auto device = store_.device_by_sid(device_sid);
    if (!device || device->account_sid != account_sid) return {};
    const std::string of_device = scope == EntryScope::Device ? device_sid : std::string();
    const auto entry = store_.entry({account_sid, of_device, kind}, key);
    return entry ? open(*entry) : FetchedValue{};
  } catch (const StoreError& error) {
    std::fprintf(stderr, "cloud: %s\n", error.what());
    return {FetchedValue::Status::Unreadable, {}};
  }
}

}  // namespace microvisor::cloud
