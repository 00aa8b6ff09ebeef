#include "firmware/kernel/storage.hpp"

#include <array>
#include <cstring>

#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/octospi.hpp"
#include "firmware/kernel/kernel_version.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/worker.hpp"

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

stm32u5::InternalFlash flash(yield_or_feed);
stm32u5::NorFlash nor(yield_or_feed);
vault::Store the_store(flash);
update::Updater the_updater(flash, nor, the_store, kVersionNumber, yield_or_feed);
vault::Identity the_identity;
vault::TrustAnchors the_anchors;
std::uint64_t boots = 0;

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

}  // namespace

bool start_storage() {
  (void)nor.start();  // without it there are no updates, but the device is as reachable as it was
  (void)the_store.mount();
  (void)vault::read_identity(flash, the_identity);
  (void)vault::read_trust_anchors(flash, the_anchors);
  count_boot();
  the_updater.mount();
  const update::Phase before = the_updater.phase();
  const bool pending = before >= update::Phase::Ready && before <= update::Phase::Verifying;
  const bool installed = the_updater.install_pending() == update::UpdateError::None && pending;
  worker_exists = true;
  return installed;
}

update::Updater& updater() { return the_updater; }
vault::Store& store() { return the_store; }
const vault::Identity& identity() { return the_identity; }
const vault::TrustAnchors& anchors() { return the_anchors; }
std::uint64_t boot_count() { return boots; }

bool factory_test_mode() {
  std::array<std::uint8_t, 4> value{};
  std::size_t size = 0;
  return the_store.get(vault::Key::FactoryTest, value, size) == vault::StoreStatus::Ok &&
         size == value.size() && value[0] == 1;
}

}  // namespace microvisor::firmware::kernel
