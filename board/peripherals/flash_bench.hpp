// The flash interface alone, for its tests: two banks, their controllers, and counts of what the block
// reports.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "board/memory/board_memories.hpp"
#include "board/peripherals/flash.hpp"
#include "board/peripherals/flash_bits.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board::testing {

using namespace flash;

inline constexpr std::uint32_t kKey1 = 0x4567'0123;
inline constexpr std::uint32_t kKey2 = 0xCDEF'89AB;
inline constexpr std::uint32_t kOptKey1 = 0x0819'2A3B;
inline constexpr std::uint32_t kOptKey2 = 0x4C5D'6E7F;
inline constexpr std::uint32_t kBank2 = kFlashBankSize;  // offset in the array
inline constexpr Access kSecureUnprivileged{.secure = true, .privileged = false};
inline constexpr Access kSecureFetch{.secure = true, .privileged = true, .fetch = true};
inline constexpr Access kNonSecureFetch{.secure = false, .privileged = true, .fetch = true};

/// Bank 1 non-secure, bank 2 secure, as Microvisor has it.
class FlashTest : public ::testing::Test {
 protected:
  FlashTest() {
    OptionBytes options = memories.flash().options();
    options.bank[0].watermark = PageRange{127, 0}.word();
    memories.flash().set_options(options);
    flash.reset(Reset::PowerOn);
    changes = 0;
  }

  void unlock(bool secure) {
    const std::uint32_t key = secure ? kSecKeyr : kNsKeyr;
    write(flash, key, kKey1);
    write(flash, key, kKey2);
  }
  void unlock_options() {
    unlock(false);
    write(flash, kOptKeyr, kOptKey1);
    write(flash, kOptKeyr, kOptKey2);
  }
  /// One row of four words with the controller of the access's world.
  void program(std::uint32_t offset, std::array<std::uint32_t, 4> words, const Access& access = kSecure) {
    write(flash, access.secure ? kSecCr : kNsCr, kPg);
    for (std::uint32_t word : words) {
      ASSERT_EQ(flash.write_array(offset, 4, access, word), Outcome::Ok);
      offset += 4;
    }
  }
  std::uint32_t word(std::uint32_t offset, const Access& access = kSecure) {
    std::uint32_t value = 0xDEAD'BEEF;
    EXPECT_EQ(flash.read_array(offset, 4, access, value), Outcome::Ok);
    return value;
  }
  [[nodiscard]] std::uint32_t status(bool secure = true) { return read(flash, secure ? kSecSr : kNsSr); }
  void finish() { run_for(scheduler, seconds(1)); }
  void erase_page(unsigned bank, unsigned page, bool secure) {
    write(flash, secure ? kSecCr : kNsCr, kPer | page << 3 | (bank != 0 ? std::uint32_t{kBker} : 0) | kStrt);
  }

  /// Programs the shadow registers; true if the chip takes the change.
  [[nodiscard]] bool options_accepted() {
    write(flash, kNsCr, kOptStrt);
    finish();
    const bool refused = (status(false) & kOptwErr) != 0;
    write(flash, kNsSr, kOptwErr);
    return !refused;
  }

  BoardMemories memories = *BoardMemories::in_memory(BoardIdentity::from_seed(3));
  Scheduler scheduler;
  RecordedLines lines;
  unsigned register_reports = 0;
  unsigned array_reports = 0;
  unsigned changes = 0;
  unsigned launches = 0;
  unsigned wipes = 0;
  Flash flash{memories.flash(),
              {.scheduler = scheduler,
               .interrupts = lines,
               .report_registers = [this] { ++register_reports; },
               .report_array = [this] { ++array_reports; },
               .permissions_changed = [this] { ++changes; },
               .cells_changed = [](std::uint32_t, std::uint32_t) {},
               .launch_options = [this] { ++launches; },
               .wipe_memories = [this] { ++wipes; }}};
};

}  // namespace microvisor::board::testing
