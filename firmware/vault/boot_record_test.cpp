// The boot record: what is not exactly a record is none, and a power cut leaves the old or the new choice.
#include "firmware/vault/boot_record.hpp"

#include <gtest/gtest.h>

#include "firmware/layout.hpp"
#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::vault {
namespace {

using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;

BootRecord choice(Copy bootrom) {
  BootRecord record;
  record.bootrom = bootrom;
  return record;
}

TEST(BootRecord, EveryFlippedBitIsFound) {
  BootRecord record = choice(Copy::B);
  record.sequence = 77;
  const storage::Row row = encode_boot_record(record);
  ASSERT_EQ(decode_boot_record(row), record);
  for (unsigned bit = 0; bit < 128; ++bit) {
    storage::Row changed = row;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(decode_boot_record(changed)) << "bit " << bit;
  }
}

TEST(BootRecord, EveryCombinationOfFlagsComesBack) {
  for (unsigned way = 0; way < 1u << 9; ++way) {
    BootRecord record = choice((way & 1u) != 0 ? Copy::B : Copy::A);
    record.upgrader = (way & 2u) != 0 ? Copy::B : Copy::A;
    record.run_upgrader = (way & 4u) != 0;
    record.restore = (way & 8u) != 0;
    record.on_trial = (way & 16u) != 0;
    record.other_upgrader_tried = (way & 32u) != 0;
    record.starts_left = static_cast<std::uint8_t>(way >> 6);
    record.sequence = way * 77;
    EXPECT_EQ(decode_boot_record(encode_boot_record(record)), record) << way;
  }
}

TEST(BootRecord, BlankFlashMeansCopyA) {
  PowerSupply power;
  FlashModel flash(power);
  EXPECT_EQ(read_boot_record(flash), BootRecord{});
}

TEST(BootRecord, UnreadableRowsAreSteppedOver) {
  PowerSupply power;
  FlashModel flash(power);
  ASSERT_TRUE(write_boot_record(flash, choice(Copy::B)));
  ASSERT_TRUE(write_boot_record(flash, choice(Copy::A)));
  flash.spoil(kVaultBootRecord.address() + storage::kRowSize);  // the newest
  EXPECT_EQ(read_boot_record(flash).bootrom, Copy::B);
}

TEST(BootRecord, WritingForEverKeepsTheNewest) {
  PowerSupply power;
  FlashModel flash(power);
  for (unsigned i = 1; i <= 2000; ++i) {
    const Copy copy = i % 2 == 0 ? Copy::A : Copy::B;
    ASSERT_TRUE(write_boot_record(flash, choice(copy)));
    const BootRecord record = read_boot_record(flash);
    ASSERT_EQ(record.bootrom, copy);
    ASSERT_EQ(record.sequence, i);
  }
}

TEST(BootRecord, PowerLossLeavesOldOrNew) {
  // From a state with `before` records the next one is written; the two operations of a page change are both
  // reached.
  for (unsigned before : {0u, 1u, 511u, 512u, 513u, 1023u, 1024u}) {
    PowerSupply setup_power;
    FlashModel setup(setup_power);
    for (unsigned i = 0; i < before; ++i) ASSERT_TRUE(write_boot_record(setup, choice(Copy::A)));
    for (std::uint64_t operation = 1; operation <= 2; ++operation) {
      for (std::uint32_t seed = 0; seed < 200; ++seed) {
        const CutId id{operation, seed};
        SCOPED_TRACE("before " + std::to_string(before) + ", MICROVISOR_REPLAY=" + id.text());
        PowerSupply power;
        FlashModel flash(setup, power);
        power.cut(id);
        try {
          (void)write_boot_record(flash, choice(Copy::B));
        } catch (const PowerCut&) {
        }
        power.never_cut();
        const BootRecord found = read_boot_record(flash);
        ASSERT_TRUE(found.sequence == before || found.sequence == before + 1);
        ASSERT_EQ(found.bootrom, found.sequence == before + 1 ? Copy::B : Copy::A);
        ASSERT_TRUE(write_boot_record(flash, choice(Copy::B)));
        ASSERT_EQ(read_boot_record(flash).bootrom, Copy::B);
      }
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware::vault
