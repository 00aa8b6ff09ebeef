#include "firmware/preboot/requests.hpp"

#include "firmware/preboot/choice.hpp"
#include "firmware/vault/boot_record.hpp"

namespace microvisor::firmware {

namespace {

bool ask(storage::Flash& flash, vault::BootRecord record) {
  record.run_upgrader = true;
  record.other_upgrader_tried = false;
  record.starts_left = kUpgraderStarts;
  return vault::write_boot_record(flash, record);
}

}  // namespace

bool ask_for_previous_kernel(storage::Flash& flash) {
  vault::BootRecord record = vault::read_boot_record(flash);
  if (record.restore) return false;
  record.restore = true;
  return ask(flash, record);
}

bool ask_for_upgrade(storage::Flash& flash) {
  vault::BootRecord record = vault::read_boot_record(flash);
  record.restore = record.on_trial = false;
  return ask(flash, record);
}

bool cancel_upgrade(storage::Flash& flash) {
  vault::BootRecord record = vault::read_boot_record(flash);
  if (!record.run_upgrader || record.restore) return true;
  record.run_upgrader = false;
  record.starts_left = 0;
  return vault::write_boot_record(flash, record);
}

bool end_trial(storage::Flash& flash) {
  vault::BootRecord record = vault::read_boot_record(flash);
  if (!record.on_trial && !record.restore) return true;
  record.on_trial = record.restore = false;
  record.starts_left = 0;
  return vault::write_boot_record(flash, record);
}

}  // namespace microvisor::firmware
