// The SQLite store: what belongs together stays together, and nobody sees what is not theirs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "cloud/store/sqlite_store.hpp"
#include "cloud/test/fixtures.hpp"

namespace microvisor::cloud {
namespace {

using test::World;

struct TemporaryDirectory {
  std::string path = std::filesystem::temp_directory_path() / ("mv-store-" + std::to_string(::getpid()));
  TemporaryDirectory() { std::filesystem::create_directories(path); }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
};

TEST(Store, AppsComeBackAsTheyWere) {
  World world;
  const App app = world.add_app('a');
  EXPECT_EQ(protocol::sha256(app.manifest), app.manifest_hash);
  ASSERT_EQ(app.layers.size(), 1U);
  const auto layer = world.store->object(world.account.sid, app.layers[0]);
  ASSERT_TRUE(layer);
  EXPECT_EQ(layer->size(), 4000U);
  EXPECT_EQ(world.store->app_with_manifest(world.account.sid, app.manifest_hash)->sid, app.sid);
}

TEST(Store, ObjectsAreForTheirAccountOnly) {
  World world;
  const App app = world.add_app('a');
  EXPECT_FALSE(world.store->object(world.stranger.sid, app.layers[0]));
  EXPECT_FALSE(world.store->object(world.stranger.sid, app.manifest_hash));
  EXPECT_FALSE(world.store->app(world.stranger.sid, app.sid));
}

TEST(Store, SharedObjectsStayUntilTheLastAppIsGone) {
  World world;
  const App first = world.add_app('a');
  App second = first;
  second.sid = "KA" + std::string(32, 'b');
  const auto layer = *world.store->object(world.account.sid, first.layers[0]);
  ASSERT_EQ(world.store->add_app(second, {{first.layers[0], layer}, {first.manifest_hash, first.manifest}}),
            Insert::Done);
  EXPECT_TRUE(world.store->remove_app(world.account.sid, first.sid));
  EXPECT_TRUE(world.store->object(world.account.sid, first.layers[0]));
  EXPECT_TRUE(world.store->remove_app(world.account.sid, second.sid));
  EXPECT_FALSE(world.store->object(world.account.sid, first.layers[0]));
  EXPECT_FALSE(world.store->remove_app(world.account.sid, second.sid));
}

TEST(Store, RemovingAnAppFreesTheDevicesThatAimAtIt) {
  World world;
  const App app = world.add_app('a');
  Device device = world.add_device('1');
  device.target_sid = app.sid;
  device.target_hash = app.manifest_hash;
  device.status = UpdateStatus::Pending;
  world.store->update_device(device);
  world.store->remove_app(world.account.sid, app.sid);
  const Device after = *world.store->device_by_sid(device.sid);
  EXPECT_FALSE(after.target_sid);
  EXPECT_FALSE(after.target_hash);
  EXPECT_EQ(after.status, UpdateStatus::UpToDate);
}

TEST(Store, NamesAreUniquePerAccount) {
  World world;
  App app = world.add_app('a');
  app.sid = "KA" + std::string(32, 'b');
  app.unique_name = "name";
  EXPECT_EQ(world.store->add_app(app, {{app.manifest_hash, app.manifest}}), Insert::Done);
  app.sid = "KA" + std::string(32, 'c');
  EXPECT_EQ(world.store->add_app(app, {{app.manifest_hash, app.manifest}}), Insert::NameTaken);
  EXPECT_FALSE(world.store->app(world.account.sid, app.sid));
  app.account_sid = world.stranger.sid;
  EXPECT_EQ(world.store->add_app(app, {{app.manifest_hash, app.manifest}}), Insert::Done);

  Device first = world.add_device('1');
  Device second = world.add_device('2');
  first.unique_name = second.unique_name = "name";
  EXPECT_EQ(world.store->update_device(first), Insert::Done);
  EXPECT_EQ(world.store->update_device(second), Insert::NameTaken);
  EXPECT_EQ(world.store->device(world.account.sid, "name")->sid, first.sid);
  EXPECT_EQ(world.store->add_device(first), Insert::SidTaken);
}

/// `device` with something in each field.
Device filled(Device device, const App& app) {
  device.unique_name = "my device";
  device.certificate_hash = "abc";
  device.updated = 5;
  device.target_sid = app.sid;
  device.target_hash = app.manifest_hash;
  device.targeted = 6;
  device.status = UpdateStatus::Error;
  device.error_code = 3;
  device.progress = {2, 10, 20, 4, 5};
  device.encodings_allowed = false;
  device.reported_sid = app.sid;
  device.reported_hash = app.manifest_hash;
  device.reported = 7;
  device.logging_enabled = false;
  device.logging_expires = 8;
  device.last_seen = 9;
  device.kernel_version = "1.2.3";
  device.kernel_version_number = 10;
  device.app_running = true;
  device.boot_count = 11;
  device.wake_reason = 12;
  device.signers = {13, UINT64_MAX};
  device.keys_sequence = 14;
  device.keys_error = 15;
  device.layer_keys = {16};
  device.certificate = "PEM";
  device.kernel = {app.manifest_hash, app.layers[0], 17, UpdateStatus::Pending, 18, {19, 20, 21, 22, 0}};
  return device;
}

TEST(Store, DevicesKeepEveryField) {
  World world;
  const App app = world.add_app('a');
  const Device device = filled(world.add_device('1'), app);
  ASSERT_EQ(world.store->update_device(device), Insert::Done);
  const Device after = *world.store->device_by_sid(device.sid);
  EXPECT_EQ(after.unique_name, device.unique_name);
  EXPECT_EQ(after.certificate_hash, "abc");
  EXPECT_EQ(after.updated, 5);
  EXPECT_EQ(after.target_sid, app.sid);
  EXPECT_EQ(after.target_hash, app.manifest_hash);
  EXPECT_EQ(after.targeted, 6);
  EXPECT_EQ(after.status, UpdateStatus::Error);
  EXPECT_EQ(after.error_code, 3);
  EXPECT_EQ(after.progress.state, 2);
  EXPECT_EQ(after.progress.bytes_done, 10U);
  EXPECT_EQ(after.progress.bytes_total, 20U);
  EXPECT_EQ(after.progress.shown, 4U);
  EXPECT_EQ(after.progress.bytes_sent, 5U);
  EXPECT_FALSE(after.encodings_allowed);
  EXPECT_EQ(after.reported_sid, app.sid);
  EXPECT_EQ(after.reported_hash, app.manifest_hash);
  EXPECT_EQ(after.reported, 7);
  EXPECT_FALSE(after.logging_enabled);
  EXPECT_EQ(after.logging_expires, 8);
  EXPECT_EQ(after.last_seen, 9);
  EXPECT_EQ(after.kernel_version, "1.2.3");
  EXPECT_EQ(after.kernel_version_number, 10U);
  EXPECT_TRUE(after.app_running);
  EXPECT_EQ(after.boot_count, 11U);
  EXPECT_EQ(after.wake_reason, 12U);
  EXPECT_EQ(after.signers, device.signers);
  EXPECT_EQ(after.keys_sequence, 14U);
  EXPECT_EQ(after.keys_error, 15);
  EXPECT_EQ(after.layer_keys, device.layer_keys);
  EXPECT_EQ(after.certificate, "PEM");
}

TEST(Store, DevicesKeepTheStateOfTheirKernel) {
  World world;
  const App app = world.add_app('a');
  const Device device = filled(world.add_device('1'), app);
  ASSERT_EQ(world.store->update_device(device), Insert::Done);
  const KernelState after = world.store->device_by_sid(device.sid)->kernel;
  EXPECT_EQ(after.running, app.manifest_hash);
  EXPECT_EQ(after.target, app.layers[0]);
  EXPECT_EQ(after.targeted, 17);
  EXPECT_EQ(after.status, UpdateStatus::Pending);
  EXPECT_EQ(after.error_code, 18);
  EXPECT_EQ(after.progress.state, 19);
  EXPECT_EQ(after.progress.bytes_done, 20U);
  EXPECT_EQ(after.progress.bytes_total, 21U);
  EXPECT_EQ(after.progress.shown, 22U);
}

TEST(Store, DevicesKeepTheStateOfTheirModule) {
  World world;
  const App app = world.add_app('a');
  Device device = world.add_device('1');
  device.module = "MV-WIFI1";
  device.module_version = 23;
  device.module_firmware = {app.manifest_hash, app.layers[0], 24, UpdateStatus::Error, 25,
                            {3, 26, 27, 28, 0}};
  ASSERT_EQ(world.store->update_device(device), Insert::Done);
  const Device after = *world.store->device_by_sid(device.sid);
  EXPECT_EQ(after.module, "MV-WIFI1");
  EXPECT_EQ(after.module_version, 23U);
  EXPECT_EQ(after.module_firmware.running, app.manifest_hash);
  EXPECT_EQ(after.module_firmware.target, app.layers[0]);
  EXPECT_EQ(after.module_firmware.targeted, 24);
  EXPECT_EQ(after.module_firmware.status, UpdateStatus::Error);
  EXPECT_EQ(after.module_firmware.error_code, 25);
  EXPECT_EQ(after.module_firmware.progress.shown, 28U);
  EXPECT_EQ(after.kernel.error_code, 0);
}

TEST(Store, DevicesKeepWhatHasCarriedTheirConnection) {
  World world;
  Device device = world.add_device('1');
  EXPECT_EQ(world.store->device_by_sid(device.sid)->bearer.kind, 0);
  device.bearer = {2, -61, true, 7};
  ASSERT_EQ(world.store->update_device(device), Insert::Done);
  const BearerState after = world.store->device_by_sid(device.sid)->bearer;
  EXPECT_EQ(after.kind, 2);
  EXPECT_EQ(after.signal_dbm, -61);
  EXPECT_TRUE(after.roaming);
  EXPECT_EQ(after.other_failed, 7);
}

TEST(Store, ADeviceAddedWithAllFieldsHasThem) {
  World world;
  const App app = world.add_app('a');
  Device device = filled(world.add_device('1'), app);
  device.sid = "UV" + std::string(32, '2');
  ASSERT_EQ(world.store->add_device(device), Insert::Done);
  const Device after = *world.store->device(world.account.sid, "my device");
  EXPECT_EQ(after.sid, device.sid);
  EXPECT_EQ(after.created, device.created);
  EXPECT_EQ(after.logging_expires, 8);
  EXPECT_EQ(after.certificate, "PEM");
  EXPECT_EQ(after.kernel.progress.shown, 22U);
}

TEST(Store, PagesStayRightWhileItemsComeAndGo) {
  World world;
  std::vector<std::string> sids;
  for (char name = 'a'; name < 'f'; ++name) sids.push_back(world.add_device(name).sid);  // a b c d e
  PageRequest request;
  request.limit = 2;
  const auto first = world.store->devices(world.account.sid, request);
  ASSERT_EQ(first.items.size(), 2U);
  EXPECT_EQ(first.items[0].sid, sids[4]);
  EXPECT_EQ(first.items[1].sid, sids[3]);
  EXPECT_TRUE(first.has_older);
  EXPECT_FALSE(first.has_newer);
  world.add_device('f');  // does not shift what follows
  request.before = first.items[1].sequence;
  const auto second = world.store->devices(world.account.sid, request);
  ASSERT_EQ(second.items.size(), 2U);
  EXPECT_EQ(second.items[0].sid, sids[2]);
  EXPECT_TRUE(second.has_newer);
  request.before = second.items[1].sequence;
  const auto third = world.store->devices(world.account.sid, request);
  ASSERT_EQ(third.items.size(), 1U);
  EXPECT_EQ(third.items[0].sid, sids[0]);
  EXPECT_FALSE(third.has_older);

  PageRequest back;
  back.limit = 2;
  back.after = third.items[0].sequence;
  const auto previous = world.store->devices(world.account.sid, back);
  ASSERT_EQ(previous.items.size(), 2U);
  EXPECT_EQ(previous.items[0].sid, sids[2]);
  EXPECT_EQ(previous.items[1].sid, sids[1]);
  EXPECT_TRUE(previous.has_newer);
  EXPECT_TRUE(previous.has_older);
}

TEST(Store, OneServerADirectory) {
  const TemporaryDirectory directory;
  const auto store = open_sqlite_store(directory.path + "/x.db");
  try {
    open_sqlite_store(directory.path + "/x.db");
    FAIL() << "opened twice";
  } catch (const StoreError& error) {
    EXPECT_NE(std::string(error.what()).find("is in use by another server"), std::string::npos)
        << error.what();
  }
}

TEST(Store, ANewerVersionsDatabaseIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/x.db";
  open_sqlite_store(path).reset();
  Database(path).run("PRAGMA user_version = 99");
  try {
    open_sqlite_store(path);
    FAIL() << "opened";
  } catch (const StoreError& error) {
    EXPECT_NE(std::string(error.what()).find("made by a newer version"), std::string::npos) << error.what();
  }
}

TEST(Store, ContentsSurviveReopening) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/x.db";
  open_sqlite_store(path)->set_value("name", protocol::as_bytes("value"));
  const auto value = open_sqlite_store(path)->value("name");
  ASSERT_TRUE(value);
  EXPECT_EQ(protocol::as_text(*value), "value");
}

CrashReport crash_report(const Device& device, const protocol::Bytes& content) {
  return {device.sid, protocol::sha256(content), 1'700'000'000 * kSecond, 0, content};
}

TEST(Store, CrashReportsAreKeptOnceNewestFirst) {
  World world;
  const Device device = world.add_device('1');
  const Device other = world.add_device('2');
  const auto first = crash_report(device, {1, 2, 3});
  const auto second = crash_report(device, {4});
  EXPECT_TRUE(world.store->add_crash_report(first));
  EXPECT_TRUE(world.store->add_crash_report(second));
  EXPECT_FALSE(world.store->add_crash_report(first)) << "sent again after a break";
  EXPECT_TRUE(world.store->add_crash_report(crash_report(other, {1, 2, 3})));
  const auto list = world.store->crash_reports(device.sid);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].hash, second.hash);
  EXPECT_EQ(list[1].size, 3U);
  EXPECT_EQ(world.store->crash_report(device.sid, first.hash)->content, first.content);
  EXPECT_FALSE(world.store->crash_report(other.sid, second.hash));
  EXPECT_TRUE(world.store->remove_crash_report(device.sid, first.hash));
  EXPECT_FALSE(world.store->remove_crash_report(device.sid, first.hash));
  EXPECT_TRUE(world.store->crash_report(other.sid, first.hash)) << "that of another device stays";
}

TEST(Store, OldCrashReportsGiveWay) {
  World world;
  const Device device = world.add_device('1');
  for (std::size_t i = 0; i <= kCrashReportsKept; ++i)
    world.store->add_crash_report(crash_report(device, {static_cast<std::uint8_t>(i), 0}));
  const auto list = world.store->crash_reports(device.sid);
  EXPECT_EQ(list.size(), kCrashReportsKept);
  EXPECT_EQ(list.back().hash, crash_report(device, {1, 0}).hash);
}

TEST(Store, AllowedHosts) {
  const World world;
  const std::string& account = world.account.sid;
  EXPECT_TRUE(world.store->allowed_hosts(account).empty());
  EXPECT_TRUE(world.store->allow_host(account, "b.example"));
  EXPECT_TRUE(world.store->allow_host(account, "*.a.example:8443"));
  EXPECT_FALSE(world.store->allow_host(account, "b.example"));
  EXPECT_TRUE(world.store->allow_host(world.stranger.sid, "c.example"));
  EXPECT_EQ(world.store->allowed_hosts(account), (std::vector<std::string>{"*.a.example:8443", "b.example"}));
  EXPECT_FALSE(world.store->disallow_host(account, "c.example"));
  EXPECT_TRUE(world.store->disallow_host(account, "b.example"));
  EXPECT_EQ(world.store->allowed_hosts(account), std::vector<std::string>{"*.a.example:8443"});
}

TEST(Store, Endpoints) {
  const World world;
  const std::string& account = world.account.sid;
  EXPECT_TRUE(world.store->endpoints(account).empty());
  world.store->set_endpoint(account, {"telemetry", "tcp://a.example:1"});
  world.store->set_endpoint(account, {"commands", "wss://b.example/"});
  world.store->set_endpoint(account, {"telemetry", "tls://c.example:2"});
  world.store->set_endpoint(world.stranger.sid, {"other", "tcp://d.example:3"});
  const auto endpoints = world.store->endpoints(account);
  ASSERT_EQ(endpoints.size(), 2U);
  EXPECT_EQ(endpoints[0].name, "commands");
  EXPECT_EQ(endpoints[0].url, "wss://b.example/");
  EXPECT_EQ(endpoints[1].name, "telemetry");
  EXPECT_EQ(endpoints[1].url, "tls://c.example:2");
  EXPECT_FALSE(world.store->remove_endpoint(account, "other"));
  EXPECT_TRUE(world.store->remove_endpoint(account, "commands"));
  EXPECT_EQ(world.store->endpoints(account).size(), 1U);
}

/// Takes away all that later versions have added.
void make_version_one_of(Database& database) {
  for (const char* table :
       {"crash_reports", "key_changes", "kernel_objects", "kernels", "app_returns", "custody", "test_records",
        "attestations", "measurements", "configuration", "allowed_hosts", "endpoints"})
    database.run((std::string("DROP TABLE ") + table).c_str());
  for (const char* column : {"signers",
                             "keys_sequence",
                             "keys_error",
                             "progress_sent",
                             "encodings_allowed",
                             "kernel_running",
                             "kernel_target",
                             "kernel_targeted",
                             "kernel_status",
                             "kernel_error",
                             "kernel_progress_state",
                             "kernel_progress_done",
                             "kernel_progress_total",
                             "kernel_progress_shown",
                             "layer_keys",
                             "certificate",
                             "module",
                             "module_version",
                             "module_running",
                             "module_target",
                             "module_targeted",
                             "module_status",
                             "module_error",
                             "module_progress_state",
                             "module_progress_done",
                             "module_progress_total",
                             "module_progress_shown",
                             "bearer",
                             "bearer_signal_dbm",
                             "bearer_roaming",
                             "bearer_other_failed"})
    database.run((std::string("ALTER TABLE devices DROP COLUMN ") + column).c_str());
  database.run("PRAGMA user_version = 1");
}

TEST(Store, ADatabaseOfVersionOneIsBroughtUpToDate) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/old.sqlite";
  open_sqlite_store(path).reset();
  {
    Database database(path);
    make_version_one_of(database);
  }
  const auto store = open_sqlite_store(path);
  Device device;
  device.sid = "UV1";
  EXPECT_TRUE(store->add_crash_report(crash_report(device, {1})));
  EXPECT_EQ(store->crash_reports("UV1").size(), 1U);
  EXPECT_EQ(store->last_key_change("AC1"), 0U);
  EXPECT_TRUE(store->pending_key_changes(device).empty());
  EXPECT_FALSE(store->custody("UV1"));
  EXPECT_TRUE(store->test_records("UV1").empty());
  EXPECT_EQ(store->attestation("UV1").status, AttestationStatus::None);
  EXPECT_TRUE(store->measurements("AC1").empty());
  EXPECT_TRUE(store->entries({"AC1", "", EntryKind::Secret}, {}).items.empty());
  EXPECT_TRUE(store->allowed_hosts("AC1").empty());
  EXPECT_TRUE(store->endpoints("AC1").empty());
  device.signers = {1, 2};
  device.layer_keys = {3, UINT64_MAX};
  device.certificate = "PEM";
  ASSERT_EQ(store->add_device(device), Insert::Done);
  EXPECT_EQ(store->device_by_sid("UV1")->signers, device.signers);
  EXPECT_EQ(store->device_by_sid("UV1")->layer_keys, device.layer_keys);
  EXPECT_EQ(store->device_by_sid("UV1")->certificate, device.certificate);
  EXPECT_TRUE(store->device_by_sid("UV1")->encodings_allowed);
  EXPECT_EQ(store->device_by_sid("UV1")->bearer.kind, 0);
}

TEST(Store, WhatIsKnownOfReturnsIsKept) {
  World world;
  const std::string sid = world.add_device('1').sid;
  EXPECT_EQ(world.store->app_return(sid).after_crashes, 0U);
  AppReturn record;
  record.after_crashes = 5;
  record.within_seconds = 60;
  record.crashes = {1, 1'000'000'000'000'000};
  record.last_good = "KA1";
  record.returned = 7;
  world.store->set_app_return(sid, record);
  const AppReturn read = world.store->app_return(sid);
  EXPECT_EQ(read.after_crashes, 5U);
  EXPECT_EQ(read.within_seconds, 60U);
  EXPECT_EQ(read.crashes, record.crashes);
  EXPECT_EQ(read.last_good, "KA1");
  EXPECT_FALSE(read.returned_from);
  EXPECT_EQ(read.returned, 7);
}

ConfigurationEntry config(const EntryPlace& place, const std::string& key, const std::string& value) {
  const protocol::ByteView bytes = protocol::as_bytes(value);
  return {0, place, key, {bytes.begin(), bytes.end()}, 7};
}

TEST(Store, ConfigsAndSecretsAreToldApartByTheirPlace) {
  World world;
  const std::string device = world.add_device('1').sid;
  const std::string other = world.add_device('2').sid;
  std::vector<EntryPlace> places;
  for (const EntryKind kind : {EntryKind::Secret, EntryKind::Config}) {
    places.push_back({world.account.sid, "", kind});
    places.push_back({world.stranger.sid, "", kind});
    places.push_back({world.account.sid, device, kind});
    places.push_back({world.account.sid, other, kind});
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(world.store->add_entry(config(places[i], "k", std::to_string(i))), Insert::Done);
    EXPECT_EQ(world.store->add_entry(config(places[i], "k", "again")), Insert::NameTaken);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto entry = world.store->entry(places[i], "k");
    ASSERT_TRUE(entry);
    EXPECT_EQ(protocol::as_text(entry->value), std::to_string(i));
    EXPECT_EQ(entry->key, "k");
    EXPECT_EQ(entry->changed, 7);
    EXPECT_EQ(entry->place.kind, places[i].kind);
    EXPECT_EQ(entry->place.account_sid, places[i].account_sid);
    EXPECT_EQ(entry->place.device_sid, places[i].device_sid);
    EXPECT_EQ(world.store->entries(places[i], {}).items.size(), 1U);
  }
  EXPECT_TRUE(world.store->remove_entry(places[2], "k"));
  EXPECT_FALSE(world.store->remove_entry(places[2], "k"));
  EXPECT_FALSE(world.store->change_entry(config(places[2], "k", "late")));
  for (std::size_t i = 0; i < places.size(); ++i) EXPECT_EQ(bool(world.store->entry(places[i], "k")), i != 2);
}

TEST(Store, AChangedConfigKeepsItsPlaceInTheList) {
  World world;
  const EntryPlace place{world.account.sid, "", EntryKind::Config};
  for (const char* key : {"a", "b", "c"}) world.store->add_entry(config(place, key, key));
  ConfigurationEntry changed = config(place, "a", "new");
  changed.changed = 9;
  ASSERT_TRUE(world.store->change_entry(changed));
  PageRequest request;
  request.limit = 2;
  const auto first = world.store->entries(place, request);
  ASSERT_EQ(first.items.size(), 2U);
  EXPECT_EQ(first.items[0].key, "c");
  EXPECT_EQ(first.items[1].key, "b");
  EXPECT_TRUE(first.has_older);
  request.before = first.items[1].sequence;
  const auto second = world.store->entries(place, request);
  ASSERT_EQ(second.items.size(), 1U);
  EXPECT_EQ(second.items[0].key, "a");
  EXPECT_EQ(protocol::as_text(second.items[0].value), "new");
  EXPECT_EQ(second.items[0].changed, 9);
  EXPECT_FALSE(second.has_older);
}

StoredKeyChange key_change(const NewAccount& account, std::uint64_t sequence, const std::string& device_sid) {
  return {account.sid, sequence, device_sid, {static_cast<std::uint8_t>(sequence)}};
}

TEST(Store, PendingAreTheNewerChangesOfKeysToAllAndToTheDevice) {
  World world;
  Device device = world.add_device('1');
  const Device other = world.add_device('2');
  EXPECT_TRUE(world.store->pending_key_changes(device).empty());
  world.store->add_key_change(key_change(world.account, 3, device.sid));
  world.store->add_key_change(key_change(world.account, 1, ""));
  world.store->add_key_change(key_change(world.account, 2, other.sid));
  world.store->add_key_change(key_change(world.account, 4, ""));
  world.store->add_key_change(key_change(world.stranger, 5, ""));
  using Messages = std::vector<protocol::Bytes>;
  EXPECT_EQ(world.store->pending_key_changes(device), (Messages{{1}, {3}, {4}})) << "in their order";
  EXPECT_EQ(world.store->pending_key_changes(other), (Messages{{1}, {2}, {4}}));
  device.keys_sequence = 3;
  EXPECT_EQ(world.store->pending_key_changes(device), Messages{{4}});
  device.keys_sequence = 4;
  EXPECT_TRUE(world.store->pending_key_changes(device).empty());
  device.keys_sequence = UINT64_MAX;
  EXPECT_TRUE(world.store->pending_key_changes(device).empty()) << "whatever it says, there is no newer one";
  EXPECT_EQ(world.store->account_key_changes(world.account.sid), (Messages{{1}, {4}}));
  EXPECT_EQ(world.store->last_key_change(world.account.sid), 4U);
  EXPECT_EQ(world.store->last_key_change(world.stranger.sid), 5U);
}

TEST(Store, PendingChangesOfKeysAreLookedUpNotSearchedFor) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/x.db";
  open_sqlite_store(path).reset();
  Database database(path);
  Statement plan = database.prepare(std::string("EXPLAIN QUERY PLAN ") + kPendingKeyChanges);
  ASSERT_TRUE(plan.step());
  plan.skip();  // id, parent, and a column that is not used, come before what it says
  plan.skip();
  plan.skip();
  // The words are SQLite's (https://www.sqlite.org/eqp.html): which columns narrow the search down.
  EXPECT_NE(plan.text().find("key_changes_by_device (account_sid=? AND device_sid=? AND sequence>?)"),
            std::string::npos);
}

}  // namespace
}  // namespace microvisor::cloud
