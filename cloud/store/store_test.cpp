// The SQLite store: what belongs together stays together, and nobody sees what is not theirs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "cloud/store/sqlite.hpp"
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

TEST(Store, ADatabaseOfVersionOneIsBroughtUpToDate) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/old.sqlite";
  open_sqlite_store(path).reset();
  {
    Database database(path);  // as version 1 left it
    database.run("DROP TABLE crash_reports");
    database.run("DROP TABLE key_changes");
    database.run("DROP TABLE kernel_objects");
    database.run("DROP TABLE kernels");
    database.run("DROP TABLE app_returns");
    database.run("DROP TABLE custody");
    database.run("DROP TABLE test_records");
    database.run("DROP TABLE attestations");
    database.run("DROP TABLE measurements");
    for (const char* column : {"signers", "keys_sequence", "keys_error", "progress_sent", "encodings_allowed",
                               "kernel_running", "kernel_target", "kernel_targeted", "kernel_status",
                               "kernel_error", "kernel_progress_state", "kernel_progress_done",
                               "kernel_progress_total", "kernel_progress_shown", "layer_keys", "certificate"})
      database.run((std::string("ALTER TABLE devices DROP COLUMN ") + column).c_str());
    database.run("PRAGMA user_version = 1");
  }
  const auto store = open_sqlite_store(path);
  Device device;
  device.sid = "UV1";
  EXPECT_TRUE(store->add_crash_report(crash_report(device, {1})));
  EXPECT_EQ(store->crash_reports("UV1").size(), 1U);
  EXPECT_TRUE(store->key_changes("AC1").empty());
  EXPECT_FALSE(store->custody("UV1"));
  EXPECT_TRUE(store->test_records("UV1").empty());
  EXPECT_EQ(store->attestation("UV1").status, AttestationStatus::None);
  EXPECT_TRUE(store->measurements("AC1").empty());
  device.signers = {1, 2};
  device.layer_keys = {3, UINT64_MAX};
  device.certificate = "PEM";
  ASSERT_EQ(store->add_device(device), Insert::Done);
  EXPECT_EQ(store->device_by_sid("UV1")->signers, device.signers);
  EXPECT_EQ(store->device_by_sid("UV1")->layer_keys, device.layer_keys);
  EXPECT_EQ(store->device_by_sid("UV1")->certificate, device.certificate);
  EXPECT_TRUE(store->device_by_sid("UV1")->encodings_allowed);
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

}  // namespace
}  // namespace microvisor::cloud
