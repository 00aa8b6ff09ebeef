#include "firmware/kernel/storage.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "firmware/boot_status.hpp"
#include "firmware/crypto/gcm.hpp"
#include "firmware/device/ratchet.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/octospi.hpp"
#include "firmware/drivers/stm32u5/systick.hpp"
#include "firmware/factory/line_objects.hpp"
#include "firmware/factory/new_device.hpp"
#include "firmware/kernel/application.hpp"
#include "firmware/kernel/kernel_version.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/vault/ratchet.hpp"
#include "generated/vendor_key.hpp"

namespace microvisor::firmware::kernel {

namespace {

bool worker_exists = false;

/// Between polls of slow memories. The worker lets the application run; at start-up there is nobody to let
/// run.
void yield_or_feed() {
  if (worker_exists) {
    worker_yield();
  } else {
    stm32u5::feed_watchdog();
  }
}

/// At start-up, milliseconds of nothing to do for each sector.
std::uint32_t pause_for_nor() {
  constexpr std::uint32_t kNap = 100;  // microseconds
  yield_or_feed();
  if (worker_exists) return 0;
  stm32u5::nap(kNap * (stm32u5::kSystemClock / 1'000'000));
  return kNap;
}

/// Between two operations of an update: others may use the memories now.
void take_turns() {
  if (worker_exists) worker_run_errand();
  yield_or_feed();
}

stm32u5::InternalFlash flash(yield_or_feed);
stm32u5::NorFlash nor(pause_for_nor);
vault::Store the_store(flash);
crypto::SealingKey journal_key;
crypto::SealingKey staging_key;
update::Updater the_updater(flash, nor, the_store, staging_key, 0, take_turns);
upgrader::KernelUpdater the_kernel_updater(flash, the_store, the_updater.staging(), the_updater.decoding(),
                                           kVendorKey);
CrashStore the_crashes(nor, the_store);
upgrader::Trial the_trial(flash, the_store);
vault::Identity the_identity;
vault::TrustAnchors the_anchors;
std::uint64_t boots = 0;
bool waits_for_certificate = false;
bool waits_for_erasure = false;

void tell_wifi_settings(const WifiSettings& settings) {
  const Atomic atomic;
  services().wifi = settings;
  ++services().wifi_changes;
}

void read_wifi_settings() {
  std::array<std::uint8_t, WifiSettings::kMaximumStored> stored{};
  std::size_t size = 0;
  if (the_store.get(vault::Key::WifiConfig, stored, size) != vault::StoreStatus::Ok) return;
  tell_wifi_settings(WifiSettings::parse(std::span(stored).first(size)));
}

/// One that comes from the factory's image stands there in clear.
void seal_access_point_name() {
  const net::AccessPointName apn = access_point_name();
  if (apn.length != 0) (void)set_access_point_name(apn);
}

void count_boot() {
  std::array<std::uint8_t, sizeof boots> bytes{};
  std::size_t size = 0;
  if (the_store.get(vault::Key::BootCount, bytes, size) == vault::StoreStatus::Ok && size == bytes.size()) {
    std::memcpy(&boots, bytes.data(), sizeof boots);
  }
  ++boots;
  std::memcpy(bytes.data(), &boots, sizeof boots);
  (void)the_store.put(vault::Key::BootCount, bytes);  // a lost count is no reason not to start
}

/// A device that comes from a factory's image makes its key at its first start.
void make_identity(const crypto::SealingKey& key) {
  const bool made = vault::read_made_identity(flash, key, the_identity) ||
                    (vault::read_template(flash, the_identity) && factory::make_key(the_identity));
  waits_for_certificate = made && vault::write_made_identity(flash, key, the_identity);
  if (!waits_for_certificate) the_identity = {};
}

/// Without the chip's key nothing sealed can be read or written: an application that is installed runs, but
/// the device has no identity.
void open_vault() {
  journal_key = crypto::device_key(crypto::KeyUse::Journal);
  staging_key = crypto::device_key(crypto::KeyUse::Staging);
  the_store.seal_with(journal_key);
  (void)the_store.mount();
  const auto identity_key = crypto::device_key(crypto::KeyUse::Identity);
  if (vault::read_identity(flash, identity_key, the_identity))
    (void)vault::seal_identity(flash, identity_key, the_identity);  // tried again at each start
  else
    make_identity(identity_key);
  (void)vault::read_trust_anchors(flash, the_anchors);
}

/// A vault below the security ratchet is not believed. Then the update that the cloud names next fails with a
/// code of its own, until its owner deploys it anew.
void start_updater() {
  const std::uint32_t ratchet = security_ratchet();
  const bool current = vault::check_vault_age(the_store, ratchet);
  read_this_kernel(flash, the_updater.staging().scratch());
  const manifest::KernelManifest& kernel = this_kernel().manifest;
  the_updater.set_kernel_version(kernel.version_number);
  the_updater.set_device(the_identity.device_sid.text());
  the_updater.mount();
  const std::uint32_t highest = std::max(ratchet, kernel.security_ratchet);
  the_kernel_updater.mount(
      {this_kernel().manifest_hash, highest, kernel.kernel.hash, this_kernel().image_size});
  if (!current) the_updater.refuse_next(update::UpdateError::OldVault);
  (void)vault::accept_ratchet(the_store, highest);
}

/// What a device knows of its owner. Counters, the ratchet and who it is stay.
constexpr vault::Key kOwnersRecords[] = {vault::Key::InstalledApplication,
                                         vault::Key::InstalledManifest,
                                         vault::Key::UpdateState,
                                         vault::Key::StagedObjects,
                                         vault::Key::StagedProgress,
                                         vault::Key::LayerKeys,
                                         vault::Key::Settings,
                                         vault::Key::FactoryTest,
                                         vault::Key::WifiConfig,
                                         vault::Key::AccessPointName,
                                         vault::Key::CrashReports,
                                         vault::Key::LinkState,
                                         vault::Key::TlsSession};

bool is_blank(std::span<const std::uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0xFF; });
}

/// All of the external flash: sectors that are blank are left alone, so what was never used costs its
/// reading.
bool erase_nor() {
  const auto sector = the_updater.staging().scratch().first(storage::kNorSectorSize);
  for (std::uint32_t at = 0; at < nor.size(); at += storage::kNorSectorSize) {
    if (!nor.read(at, sector)) return false;
    if (!is_blank(sector) && !nor.erase_sector(at)) return false;
    yield_or_feed();
  }
  return true;
}

/// After a change of keys that asks for it: nothing of the former owner's is left. Its record goes last, so
/// that a power cut repeats it; one whose change was never taken goes alone.
void erase_if_due() {
  std::array<std::uint8_t, 8> value{};
  std::size_t size = 0;
  if (the_store.get(vault::Key::EraseDue, value, size) != vault::StoreStatus::Ok) return;
  if (size == value.size() && storage::get64(value, 0) == the_anchors.sequence) {
    bool done = the_updater.erase_application_flash() == update::UpdateError::None;
    done = erase_nor() && done;
    for (const vault::Key key : kOwnersRecords)
      done = the_store.remove(key) == vault::StoreStatus::Ok && done;
    if (!done) return;  // tried again at each start
  }
  (void)the_store.remove(vault::Key::EraseDue);
}

bool note_erasure(std::uint64_t sequence) {
  std::array<std::uint8_t, 8> value{};
  storage::put64(value, 0, sequence);
  return the_store.put(vault::Key::EraseDue, value) == vault::StoreStatus::Ok;
}

/// Unless the device has something else to do.
void take_from_line(factory::LineObjects& line, const crypto::Digest& manifest) {
  if (manifest == crypto::Digest{}) return;
  const update::Phase phase = the_updater.phase();
  const bool idle = phase == update::Phase::Idle || phase == update::Phase::Installed;
  if (idle || the_updater.target() == manifest) (void)line.stage(the_updater, manifest, the_anchors);
}

/// The product is staged while the line's test application runs. Once it is installed the application gets
/// its external flash blank.
void finish_line(factory::LineObjects& line, bool testing) {
  const auto& installed = the_updater.installed();
  if (!installed) return;
  if (testing)
    take_from_line(line, line.product());
  else if (installed->manifest_hash == line.product())
    (void)line.erase();  // tried again at each start
}

bool store_wifi(std::span<const std::uint8_t> stored) {
  if (the_store.put(vault::Key::WifiConfig, stored) != vault::StoreStatus::Ok) return false;
  tell_wifi_settings(WifiSettings::parse(stored));
  return true;
}

bool clear_wifi() {
  if (the_store.remove(vault::Key::WifiConfig) != vault::StoreStatus::Ok) return false;
  tell_wifi_settings({});
  return true;
}

bool perform(StorageJob& job) {
  const auto data = std::span(job.data).first(std::min<std::size_t>(job.length, job.data.size()));
  switch (job.kind) {
    case StorageJob::Kind::NorRead: return nor.read(job.offset, data);
    case StorageJob::Kind::NorProgram: return nor.program(job.offset, data);
    case StorageJob::Kind::NorErase: return nor.erase_sector(job.offset);
    case StorageJob::Kind::WifiStore:
      return store_wifi(std::span(job.data).first(2u + job.data[0] + job.data[1]));
    case StorageJob::Kind::WifiClear: return clear_wifi();
  }
  return false;
}

}  // namespace

bool set_wifi(const net::WifiCredentials& wifi) {
  if (!wifi.known()) return clear_wifi();
  std::array<std::uint8_t, WifiSettings::kMaximumStored> stored{};
  stored[0] = wifi.ssid_length;
  stored[1] = wifi.password_length;
  std::copy_n(wifi.ssid.begin(), wifi.ssid_length, stored.begin() + 2);
  std::copy_n(wifi.password.begin(), wifi.password_length, stored.begin() + 2 + wifi.ssid_length);
  return store_wifi(std::span(stored).first(2u + wifi.ssid_length + wifi.password_length));
}

net::WifiCredentials wifi_credentials() {
  net::WifiCredentials credentials;
  std::array<std::uint8_t, WifiSettings::kMaximumStored> stored{};
  std::size_t size = 0;
  if (services().wifi.ssid_length == 0) return credentials;
  const bool there = the_store.get(vault::Key::WifiConfig, stored, size) == vault::StoreStatus::Ok;
  if (!there || !WifiSettings::sound(std::span(stored).first(size))) return credentials;
  credentials.ssid_length = stored[0];
  credentials.password_length = stored[1];
  std::copy_n(stored.begin() + 2, stored[0], credentials.ssid.begin());
  std::copy_n(stored.begin() + 2 + stored[0], stored[1], credentials.password.begin());
  return credentials;
}

/// Whoever has stored it has made sure that it is one.
net::AccessPointName access_point_name() {
  net::AccessPointName apn;
  std::size_t size = 0;
  const std::span room(reinterpret_cast<std::uint8_t*>(apn.text.data()), apn.text.size());
  if (the_store.get(vault::Key::AccessPointName, room, size) == vault::StoreStatus::Ok)
    apn.length = static_cast<std::uint8_t>(size);
  return apn;
}

bool set_access_point_name(const net::AccessPointName& apn) {
  constexpr vault::Key kKey = vault::Key::AccessPointName;
  if (apn.length == 0) return the_store.remove(kKey) == vault::StoreStatus::Ok;
  const std::span name(reinterpret_cast<const std::uint8_t*>(apn.text.data()), apn.length);
  return the_store.put(kKey, name) == vault::StoreStatus::Ok;
}

bool start_storage() {
  // Without it there are no updates, but the device is as reachable as it was.
  if (nor.start()) services().external_flash_chip = nor.identification();
  crypto::use_aes_unit(true);
  open_vault();
  erase_if_due();
  start_updater();
  count_boot();
  const protocol::BootEvidence measured = boot_evidence();
  the_trial.begin(measured.kernel_ratchet > measured.ratchet);
  read_wifi_settings();
  seal_access_point_name();
  the_crashes.mount();
  factory::LineObjects line(nor);
  const bool testing = factory_test() == vault::FactoryTest::Testing;
  const bool has_line = !waits_for_certificate && line.mount();
  if (has_line && !the_updater.installed()) take_from_line(line, testing ? line.test() : line.product());
  const update::Phase before = the_updater.phase();
  const bool pending = before >= update::Phase::Ready && before <= update::Phase::Verifying;
  // What is staged beside the factory's test application is the product's, and waits for the verdict.
  const bool held = testing && the_updater.installed().has_value();
  const bool installed = !held && the_updater.install_pending() == update::UpdateError::None && pending;
  if (installed && factory_test() == vault::FactoryTest::Passed)
    (void)the_store.remove(vault::Key::FactoryTest);
  if (has_line) finish_line(line, testing);
  services().update_held = testing && the_updater.installed().has_value();
  crypto::use_aes_unit(false);
  worker_exists = true;
  worker_set_errand(serve_storage_job);
  return installed;
}

void serve_storage_job() {
  StorageJob* job = nullptr;
  bool passed = false;
  {
    const Atomic atomic;
    job = services().storage_jobs.take();
    passed = std::exchange(services().test_passed, false);
  }
  if (passed) {
    constexpr std::array<std::uint8_t, 4> kPassed{static_cast<std::uint8_t>(vault::FactoryTest::Passed)};
    (void)the_store.put(vault::Key::FactoryTest, kPassed);  // if it is lost, the test runs once more
    services().update_held = false;
    if (update_ready()) update_is_ready();
  }
  if (job == nullptr) return;
  const bool done = perform(*job);
  const Atomic atomic;
  services().storage_jobs.finish(done, clock_microseconds());
}

update::Updater& updater() { return the_updater; }
upgrader::KernelUpdater& kernel_updater() { return the_kernel_updater; }
bool update_ready() {
  return the_updater.phase() == update::Phase::Ready ||
         (the_kernel_updater.phase() == update::Phase::Ready && the_kernel_updater.for_module() == nullptr);
}
vault::Store& store() { return the_store; }
CrashStore& crash_store() { return the_crashes; }
upgrader::Trial& kernel_trial() { return the_trial; }
const vault::Identity& identity() { return the_identity; }
const vault::TrustAnchors& anchors() { return the_anchors; }

bool certificate_is_due() { return waits_for_certificate; }

bool take_certificate(std::span<const std::uint8_t> certificate) {
  return the_identity.device_certificate.assign(certificate) &&
         vault::complete_identity(flash, crypto::device_key(crypto::KeyUse::Identity), the_identity);
}

vault::LayerKeys layer_keys() {
  vault::LayerKeys keys;
  vault::read_layer_keys(the_store, the_anchors.sequence, keys);
  return keys;
}

manifest::KeysError change_keys(std::span<const std::uint8_t> message) {
  vault::LayerKeys current = layer_keys();
  manifest::ChangedKeys next;
  const auto error = manifest::check_new_keys(message, the_identity, the_anchors, current, next);
  if (error != manifest::KeysError::None) return error;
  const std::uint64_t sequence = next.anchors.sequence;
  if (next.erase && !note_erasure(sequence)) return manifest::KeysError::Storage;
  if (!vault::write_layer_keys(the_store, current, sequence, next.layer_keys))
    return manifest::KeysError::Storage;
  if (!vault::write_trust_anchors(flash, next.anchors)) return manifest::KeysError::Storage;
  the_anchors = next.anchors;
  current.count =
      0;  // nothing is kept of what is in force no more; if that fails it goes with the next change
  (void)vault::write_layer_keys(the_store, current, sequence, next.layer_keys);
  the_updater.signers_changed(the_anchors);
  if (next.erase) {
    waits_for_erasure = true;
    {
      const Atomic atomic;
      services().update_due = clock_microseconds();
    }
    update_is_ready();
  }
  return manifest::KeysError::None;
}

bool erasure_is_due() { return waits_for_erasure; }

protocol::BootEvidence boot_evidence() {
  const auto& measured = *reinterpret_cast<const BootMeasurements*>(kBootMeasurements);
  protocol::BootEvidence evidence;
  if (measured.magic != kBootMeasurementsMagic) return evidence;
  evidence.record = measured.record;
  evidence.reset_cause = measured.reset_cause;
  evidence.ratchet = measured.ratchet;
  evidence.kernel_ratchet = measured.kernel_ratchet;
  evidence.kernel_version = measured.kernel_version;
  std::memcpy(evidence.bootrom.data(), measured.bootrom, sizeof measured.bootrom);
  std::memcpy(evidence.upgrader.data(), measured.upgrader, sizeof measured.upgrader);
  std::memcpy(evidence.kernel.data(), measured.kernel, sizeof measured.kernel);
  std::memcpy(evidence.kernel_manifest.data(), measured.kernel_manifest, sizeof measured.kernel_manifest);
  return evidence;
}

std::uint64_t boot_count() { return boots; }

vault::FactoryTest factory_test() {
  std::array<std::uint8_t, 4> value{};
  std::size_t size = 0;
  const bool there = the_store.get(vault::Key::FactoryTest, value, size) == vault::StoreStatus::Ok;
  if (!there || size != value.size() || value[0] > static_cast<std::uint8_t>(vault::FactoryTest::Passed))
    return vault::FactoryTest::None;
  return static_cast<vault::FactoryTest>(value[0]);
}

}  // namespace microvisor::firmware::kernel
