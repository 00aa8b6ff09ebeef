// What is a key and a value, that secrets lie sealed in the store, each in its own place, and that nobody
// gets what is another's.
#include "cloud/configuration/values.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "cloud/accounts/custody.hpp"
#include "cloud/store/sqlite.hpp"
#include "cloud/test/fixtures.hpp"

namespace microvisor::cloud {
namespace {

using Status = FetchedValue::Status;

struct ValuesTest : testing::Test {
  test::World world;
  Values values{*world.store, world.vault, world.clock};
  std::string account = world.account.sid;
  std::string device = world.add_device('1').sid;
  std::string other = world.add_device('2').sid;

  EntryPlace place(EntryKind kind, const std::string& of_device = "") const {
    return {account, of_device, kind};
  }
  void put(const EntryPlace& where, const std::string& key, const std::string& value) {
    ASSERT_TRUE(values.create(where, key, value));
  }
  FetchedValue fetch(EntryScope scope, EntryKind kind, const std::string& key = "k") const {
    return values.fetch(account, device, scope, kind, key);
  }
  ConfigurationEntry stored(const EntryPlace& where, const std::string& key = "k") {
    return *world.store->entry(where, key);
  }
};

TEST(ConfigurationText, KeysArePrintableAsciiOfUpTo100Characters) {
  EXPECT_TRUE(Values::is_key("k"));
  EXPECT_TRUE(Values::is_key(" /?%&=+#~"));
  EXPECT_TRUE(Values::is_key(std::string(100, 'k')));
  EXPECT_FALSE(Values::is_key(""));
  EXPECT_FALSE(Values::is_key(std::string(101, 'k')));
  for (const char* bad : {"a\nb", "a\tb", "\x7F", "\xC3\xA9", "\x80"}) EXPECT_FALSE(Values::is_key(bad));
  EXPECT_FALSE(Values::is_key(std::string("a\0b", 3)));
}

TEST(ConfigurationText, ValuesAreUtf8OfUpTo4096Characters) {
  EXPECT_TRUE(Values::is_value(""));
  EXPECT_TRUE(Values::is_value(std::string(4096, 'v')));
  EXPECT_FALSE(Values::is_value(std::string(4097, 'v')));
  std::string wide;
  for (int i = 0; i < 4096; ++i) wide += "\xF0\x9F\x94\x91";  // U+1F511
  EXPECT_TRUE(Values::is_value(wide));
  EXPECT_FALSE(Values::is_value(wide + "v"));
  EXPECT_TRUE(Values::is_value("line\r\nline\ttab\x01"));
  for (const char* bad : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "cut\xE2\x82"})
    EXPECT_FALSE(Values::is_value(bad));
  EXPECT_FALSE(Values::is_value(std::string("a\0b", 3)));
}

TEST_F(ValuesTest, TheSameKeyMayBeInBothScopesAndStoresAndNoneStandsInForAnother) {
  put(place(EntryKind::Config), "k", "account config");
  put(place(EntryKind::Secret, device), "k", "device secret");
  EXPECT_EQ(fetch(EntryScope::Account, EntryKind::Config).value, "account config");
  EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Secret).value, "device secret");
  EXPECT_EQ(fetch(EntryScope::Account, EntryKind::Secret).status, Status::NotFound);
  EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Config).status, Status::NotFound);
  put(place(EntryKind::Secret), "k", "account secret");
  put(place(EntryKind::Config, device), "k", "device config");
  EXPECT_EQ(fetch(EntryScope::Account, EntryKind::Secret).value, "account secret");
  EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Config).value, "device config");
  EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Config, "K").status, Status::NotFound);
}

TEST_F(ValuesTest, NobodyGetsWhatIsAnothers) {
  put(place(EntryKind::Secret), "k", "account's");
  put(place(EntryKind::Secret, device), "k", "device's");
  EXPECT_EQ(values.fetch(account, other, EntryScope::Account, EntryKind::Secret, "k").value, "account's");
  EXPECT_EQ(values.fetch(account, other, EntryScope::Device, EntryKind::Secret, "k").status,
            Status::NotFound);
  EXPECT_EQ(values.fetch(world.stranger.sid, device, EntryScope::Account, EntryKind::Secret, "k").status,
            Status::NotFound);
  // As a session says that has begun before the device moved.
  world.store->move_device(device, world.stranger.sid);
  EXPECT_EQ(fetch(EntryScope::Account, EntryKind::Secret).status, Status::NotFound);
}

TEST_F(ValuesTest, ASecretLiesSealedInTheStore) {
  const std::string secret = "a secret that nobody may find in a database";
  put(place(EntryKind::Secret), "k", secret);
  protocol::Bytes first = stored(place(EntryKind::Secret)).value;
  EXPECT_EQ(std::string(protocol::as_text(first)).find("nobody"), std::string::npos);
  ASSERT_TRUE(values.change(place(EntryKind::Secret), "k", secret));
  EXPECT_NE(stored(place(EntryKind::Secret)).value, first) << "the same value does not look the same";
  EXPECT_EQ(fetch(EntryScope::Account, EntryKind::Secret).value, secret);
}

TEST_F(ValuesTest, ASecretInAnotherOnesPlaceDoesNotOpen) {
  const EntryPlace places[] = {place(EntryKind::Secret),
                               place(EntryKind::Secret, device),
                               place(EntryKind::Secret, other),
                               {world.stranger.sid, "", EntryKind::Secret}};
  for (const EntryPlace& where : places) {
    put(where, "k", "value");
    put(where, "l", "value");
  }
  const auto move_to = [&](const EntryPlace& from, const char* key) {
    ConfigurationEntry moved = stored(from, key);
    moved.place = place(EntryKind::Secret, device);
    moved.key = "k";
    ASSERT_TRUE(world.store->change_entry(moved));
  };
  const ConfigurationEntry original = stored(place(EntryKind::Secret, device));
  for (const EntryPlace& from : places) {
    for (const char* key : {"k", "l"}) {
      if (from.device_sid == device && std::string(key) == "k") continue;
      move_to(from, key);
      EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Secret).status, Status::Unreadable);
    }
  }
  ASSERT_TRUE(world.store->change_entry(original));
  EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Secret).value, "value");
}

TEST_F(ValuesTest, ASecretOfWhichAnythingWasChangedDoesNotOpen) {
  put(place(EntryKind::Secret), "k", "value");
  put(place(EntryKind::Secret), "l", "other");
  const ConfigurationEntry original = stored(place(EntryKind::Secret));
  for (std::size_t at = 0; at < original.value.size(); ++at) {
    ConfigurationEntry changed = original;
    changed.value[at] ^= 1;
    ASSERT_TRUE(world.store->change_entry(changed));
    ASSERT_EQ(fetch(EntryScope::Account, EntryKind::Secret).status, Status::Unreadable) << at;
    changed.value.resize(at);
    ASSERT_TRUE(world.store->change_entry(changed));
    ASSERT_EQ(fetch(EntryScope::Account, EntryKind::Secret).status, Status::Unreadable) << at;
  }
  EXPECT_EQ(fetch(EntryScope::Account, EntryKind::Secret, "l").value, "other");
  std::array<std::uint8_t, 32> key{};
  const Vault another(key);
  EXPECT_EQ(Values(*world.store, another, world.clock)
                .fetch(account, device, EntryScope::Account, EntryKind::Secret, "l")
                .status,
            Status::Unreadable);
}

TEST_F(ValuesTest, AChangeOfOwnerRemovesWhatTheDeviceHad) {
  for (const EntryKind kind : {EntryKind::Config, EntryKind::Secret}) {
    put(place(kind), "k", "account's");
    put(place(kind, device), "k", "device's");
    put(place(kind, other), "k", "other's");
  }
  Custody custody;
  custody.device_sid = device;
  custody.maker_sid = account;
  custody.receiver_sid = world.stranger.sid;
  custody.sequence = 5;
  world.store->set_custody(custody);
  Device moved = *world.store->device_by_sid(device);
  EXPECT_FALSE(hand_over_if_due(*world.store, moved));
  EXPECT_EQ(fetch(EntryScope::Device, EntryKind::Secret).value, "device's") << "not before it has moved";
  moved.keys_sequence = 5;
  ASSERT_TRUE(hand_over_if_due(*world.store, moved));
  for (const EntryKind kind : {EntryKind::Config, EntryKind::Secret}) {
    for (const std::string& owner : {world.stranger.sid, account}) {
      EXPECT_FALSE(world.store->entry({owner, device, kind}, "k"));
      EXPECT_EQ(values.fetch(owner, device, EntryScope::Device, kind, "k").status, Status::NotFound);
    }
    EXPECT_TRUE(world.store->entry(place(kind), "k")) << "the account keeps its own";
    EXPECT_TRUE(world.store->entry(place(kind, other), "k")) << "and its other devices theirs";
  }
}

TEST_F(ValuesTest, AStoreThatFailsIsUnreadableAndNoCrash) {
  const std::string path = testing::TempDir() + "mv-values.db";
  std::remove(path.c_str());
  {
    const auto store = open_sqlite_store(path);
    Device mine = *world.store->device_by_sid(device);
    ASSERT_EQ(store->add_device(mine), Insert::Done);
  }
  Database(path).run("DROP TABLE configuration");
  const auto store = open_sqlite_store(path);
  EXPECT_EQ(Values(*store, world.vault, world.clock)
                .fetch(account, device, EntryScope::Account, EntryKind::Config, "k")
                .status,
            Status::Unreadable);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace microvisor::cloud
