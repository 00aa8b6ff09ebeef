#include "firmware/preboot/choice.hpp"

namespace microvisor::firmware {

namespace {

using vault::BootRecord;

/// The successor of a record whose last start has been used up.
BootRecord give_up(BootRecord record) {
  record.starts_left = kUpgraderStarts;
  if (!record.run_upgrader) {
    record.run_upgrader = record.restore = true;
    record.other_upgrader_tried = false;
  } else if (!record.other_upgrader_tried) {
    record.upgrader = vault::other(record.upgrader);
    record.other_upgrader_tried = true;
  } else {
    // Neither copy gets anywhere. `restore` keeps the bootrom from asking for the upgrader once more.
    record.run_upgrader = record.on_trial = false;
    record.restore = true;
  }
  return record;
}

}  // namespace

BootChoice choose_stage(storage::Flash& flash, const BootRecord& record, bool after_power_loss) {
  BootRecord next = record;
  const bool counts = record.run_upgrader ? !after_power_loss : record.on_trial;
  if (counts) {
    if (record.starts_left == 0) {
      next = give_up(record);
    } else {
      --next.starts_left;
    }
    (void)vault::write_boot_record(flash, next);
  }
  if (next.run_upgrader) return {BootStage::Upgrader, next.upgrader, true};
  return {BootStage::Bootrom, next.bootrom, next.on_trial};
}

}  // namespace microvisor::firmware
