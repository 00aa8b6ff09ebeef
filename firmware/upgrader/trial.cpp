#include "firmware/upgrader/trial.hpp"

#include "firmware/preboot/requests.hpp"
#include "firmware/upgrader/update_record.hpp"

namespace microvisor::firmware::upgrader {

void Trial::begin(bool ratchet_waits) {
  ratchet_waits_ = ratchet_waits;
  const vault::BootRecord record = vault::read_boot_record(flash_);
  on_trial_ = record.on_trial;
  unproven_ = record.on_trial || record.restore || load_update(store_).phase == Phase::Trial;
}

void Trial::prove() {
  if (!unproven_) return;
  UpdateRecord record = load_update(store_);
  if (record.phase == Phase::Trial) {
    record.phase = Phase::Confirmed;
    if (!save_update(store_, record)) return;  // tried again at the next connection
  }
  if (!end_trial(flash_)) return;
  on_trial_ = unproven_ = false;
  if (ratchet_waits_) (void)ask_for_upgrade(flash_);  // if it is lost, after the next update
}

bool Trial::give_up() {
  on_trial_ = false;
  UpdateRecord record = load_update(store_);
  if (record.phase == Phase::Trial) {
    record.error = update::UpdateError::NotConnected;
    (void)save_update(store_, record);  // only the reason would be lost
  }
  return ask_for_previous_kernel(flash_);
}

}  // namespace microvisor::firmware::upgrader
