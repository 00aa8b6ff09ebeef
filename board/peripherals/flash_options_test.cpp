// Option bytes: when they take effect, and the changes that the chip refuses (RM0456 chapter 7).
#include <functional>
#include <utility>

#include "board/peripherals/flash_bench.hpp"

namespace microvisor::board {
namespace {

using namespace flash;
using namespace testing;

TEST_F(FlashTest, OptionsAreActiveAfterTheNextReset) {
  unlock_options();
  write(flash, kSecWm1r1, PageRange{0, 3}.word());
  EXPECT_EQ(word(0, kNonSecure), 0xFFFF'FFFFU);
  write(flash, kNsCr, kOptStrt);
  EXPECT_NE(status(false) & kBsy, 0U);
  finish();
  EXPECT_EQ(status(false), 0U);
  EXPECT_EQ(read(flash, kSecWm1r1), PageRange(0, 3).word());
  EXPECT_EQ(word(0, kNonSecure), 0xFFFF'FFFFU);
  flash.reset(Reset::System);
  EXPECT_EQ(word(0, kNonSecure), 0U);
  EXPECT_EQ(word(4 * kFlashPageSize, kNonSecure), 0xFFFF'FFFFU);
}

TEST_F(FlashTest, OptionRegistersNeedTheirLockOpen) {
  const std::uint32_t before = read(flash, kOptr);
  write(flash, kOptr, before ^ optr::kSwapBank);
  EXPECT_EQ(read(flash, kOptr), before);
}

TEST_F(FlashTest, NonSecureCodeCannotMoveTheWatermarkButCanWriteOptr) {
  unlock_options();
  const std::uint32_t before = read(flash, kSecWm2r2 - 4);
  write(flash, kSecWm2r2 - 4, PageRange{127, 0}.word(), kNonSecure);
  EXPECT_EQ(read(flash, kSecWm2r2 - 4), before);
  write(flash, kOptr, read(flash, kOptr) & ~optr::kStopWithoutReset, kNonSecure);
  EXPECT_EQ(read(flash, kOptr) & optr::kStopWithoutReset, 0U);
}

TEST_F(FlashTest, LaunchAsksForTheReset) {
  write(flash, kNsCr, kOblLaunch);
  EXPECT_EQ(launches, 0U);  // locked
  unlock_options();
  write(flash, kNsCr, kOblLaunch);
  EXPECT_EQ(launches, 1U);
}

TEST_F(FlashTest, HideAreaMustLieInTheWatermark) {
  unlock_options();
  write(flash, kSecWm2r2 - 4, PageRange{0, 10}.word());
  write(flash, kSecWm2r2, 1U << 31 | 11U << 16);
  EXPECT_FALSE(options_accepted());
  EXPECT_TRUE(memories.flash().options().secure_pages(1).contains(127));  // nothing was taken
  write(flash, kSecWm2r2, 1U << 31 | 10U << 16);
  EXPECT_TRUE(options_accepted());
}

TEST_F(FlashTest, TrustZoneLeavesOnlyWithRegression) {
  unlock_options();
  write(flash, kOptr, read(flash, kOptr) & ~optr::kTrustZone);
  EXPECT_FALSE(options_accepted());
}

TEST_F(FlashTest, BootLockHoldsAboveLevel0) {
  unlock_options();
  write(flash, kSecBootAdd0r, 0x0C10'0000 | kBootLock);
  write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | optr::kRdpLevel0_5);
  EXPECT_TRUE(options_accepted());
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kSecBootAdd0r, 0x0C10'0000);
  EXPECT_FALSE(options_accepted());
}

TEST_F(FlashTest, LockedWriteProtectionStays) {
  unlock_options();
  write(flash, kSecWm1r1 + 8, 0x0005'0000);  // WRP1AR: pages 0 to 5, UNLOCK = 0
  EXPECT_TRUE(options_accepted());
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kSecWm1r1 + 8, 0x8000'007F);
  EXPECT_FALSE(options_accepted());
}

// --- read-out protection: RM0456 7.6.2, "Device life cycle managed by RDP transitions", and the OPTWERR list
// of 7.3.9

class ReadOutProtection : public FlashTest {
 protected:
  static constexpr std::uint32_t kLevel1 = 0xBB;
  static constexpr std::array<std::uint32_t, 2> kKey{0x1234'5678, 0x9ABC'DEF0};

  /// The chip as it starts with these options.
  void start_with(std::uint32_t rdp, const std::function<void(OptionBytes&)>& change = {}) {
    OptionBytes options = memories.flash().options();
    options.optr = (options.optr & ~optr::kRdp) | rdp;
    if (change) change(options);
    memories.flash().set_options(options);
    flash.reset(Reset::System);
    unlock_options();
  }
  [[nodiscard]] bool goes_to(std::uint32_t rdp) {
    write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | rdp);
    return options_accepted();
  }
};

TEST_F(ReadOutProtection, GoesUpWithoutErasing) {
  const std::pair<std::uint32_t, std::uint32_t> kSteps[] = {
      {optr::kRdpLevel0, optr::kRdpLevel0_5}, {optr::kRdpLevel0, kLevel1},
      {optr::kRdpLevel0, optr::kRdpLevel2},   {optr::kRdpLevel0_5, kLevel1},
      {optr::kRdpLevel0_5, optr::kRdpLevel2}, {kLevel1, optr::kRdpLevel2}};
  memories.flash().load(0x100, std::vector<std::uint8_t>(16, 1));
  for (const auto& [from, to] : kSteps) {
    start_with(from);
    EXPECT_TRUE(goes_to(to)) << std::hex << from << " to " << to;
  }
  EXPECT_FALSE(memories.flash().erased(0x100));
  EXPECT_EQ(wipes, 0U);
}

TEST_F(ReadOutProtection, RegressionToLevel0ErasesEverything) {
  memories.flash().load(0x100, std::vector<std::uint8_t>(16, 1));
  memories.flash().load(kBank2, std::vector<std::uint8_t>(16, 1));  // secure
  start_with(kLevel1);
  EXPECT_TRUE(goes_to(optr::kRdpLevel0));
  EXPECT_TRUE(memories.flash().erased(0x100));
  EXPECT_TRUE(memories.flash().erased(kBank2));
  EXPECT_EQ(wipes, 1U);
}

TEST_F(ReadOutProtection, RegressionToLevelHalfErasesWhatNoWatermarkHolds) {
  for (const std::uint32_t cell : {0U, 4 * kFlashPageSize, kBank2, kBank2 + 127 * kFlashPageSize})
    memories.flash().load(cell, std::vector<std::uint8_t>(16, 1));
  start_with(kLevel1, [](OptionBytes& options) { options.bank[0].watermark = PageRange{0, 3}.word(); });
  write(flash, kSecBb1r1, 1U << 4);  // page 4 is secure by block only
  EXPECT_TRUE(goes_to(optr::kRdpLevel0_5));
  EXPECT_FALSE(memories.flash().erased(0));
  EXPECT_TRUE(memories.flash().erased(4 * kFlashPageSize));
  EXPECT_FALSE(memories.flash().erased(kBank2));
  EXPECT_FALSE(memories.flash().erased(kBank2 + 127 * kFlashPageSize));
  EXPECT_EQ(wipes, 1U);
}

TEST_F(ReadOutProtection, LevelHalfIsNoWayToLevel0) {
  start_with(optr::kRdpLevel0_5);
  EXPECT_FALSE(goes_to(optr::kRdpLevel0));
  EXPECT_EQ(wipes, 0U);
}

TEST_F(ReadOutProtection, EachKeyLocksItsWayDown) {
  start_with(kLevel1, [](OptionBytes& options) { options.oem1_key = kKey; });
  EXPECT_EQ(status(false) & (kOem1Lock | kOem2Lock), std::uint32_t{kOem1Lock});
  EXPECT_FALSE(goes_to(optr::kRdpLevel0));
  EXPECT_EQ(memories.flash().options().rdp(), kLevel1);
  EXPECT_TRUE(goes_to(optr::kRdpLevel0_5));
  start_with(kLevel1, [](OptionBytes& options) { options.oem1_key = {~0U, ~0U}, options.oem2_key = kKey; });
  EXPECT_EQ(status(false) & (kOem1Lock | kOem2Lock), std::uint32_t{kOem2Lock});
  EXPECT_FALSE(goes_to(optr::kRdpLevel0_5));
  EXPECT_TRUE(goes_to(optr::kRdpLevel0));
}

TEST_F(ReadOutProtection, KeysCannotBeReadNorReplacedWhereTheyLock) {
  struct Case {
    std::uint32_t rdp;
    std::uint32_t key;  ///< register
    bool locked;
    bool accepted;
  };
  const std::uint32_t oem2 = kOem2Keyr2 - 4;
  const Case kCases[] = {{optr::kRdpLevel0, kOem1Keyr1, true, true},
                         {optr::kRdpLevel0, oem2, true, true},
                         {optr::kRdpLevel0_5, kOem1Keyr1, true, false},
                         {optr::kRdpLevel0_5, oem2, true, true},
                         {kLevel1, kOem1Keyr1, true, false},
                         {kLevel1, oem2, true, false},
                         {kLevel1, kOem1Keyr1, false, true},
                         {kLevel1, oem2, false, true}};
  for (const Case& entry : kCases) {
    start_with(entry.rdp, [&](OptionBytes& options) {
      options.oem1_key = options.oem2_key = {~0U, ~0U};
      if (entry.locked) (entry.key == kOem1Keyr1 ? options.oem1_key : options.oem2_key) = kKey;
    });
    EXPECT_EQ(read(flash, entry.key), 0U);
    write(flash, entry.key, 0x55);
    EXPECT_EQ(options_accepted(), entry.accepted) << std::hex << entry.rdp << " " << entry.key;
  }
}

TEST_F(ReadOutProtection, BootLockHoldsAddressSwapAndBanks) {
  const auto lock = [](OptionBytes& options) { options.secure_boot |= kBootLock; };
  start_with(optr::kRdpLevel0, lock);
  write(flash, kSecBootAdd0r, 0x0C18'0000 | kBootLock);
  EXPECT_FALSE(options_accepted());
  for (const std::uint32_t number : {20U, 21U}) {  // SWAP_BANK, DUALBANK
    start_with(optr::kRdpLevel0, lock);
    write(flash, kOptr, read(flash, kOptr) ^ 1U << number);
    EXPECT_FALSE(options_accepted()) << number;
  }
  start_with(optr::kRdpLevel0, lock);
  write(flash, kSecBootAdd0r, read(flash, kSecBootAdd0r) & ~kBootLock);
  EXPECT_TRUE(options_accepted());
}

TEST_F(FlashTest, Level2FreezesAllButTheSwap) {
  OptionBytes options = memories.flash().options();
  options.optr = (options.optr & ~optr::kRdp) | optr::kRdpLevel2;
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | optr::kRdpLevel0);
  EXPECT_FALSE(options_accepted());
  write(flash, kOptr, read(flash, kOptr) ^ optr::kSwapBank);
  EXPECT_TRUE(options_accepted());
}

TEST_F(FlashTest, SwapExchangesAddressesNotPages) {
  memories.flash().load(0, std::vector<std::uint8_t>(4, 0x0A));
  memories.flash().load(kBank2, std::vector<std::uint8_t>(4, 0x0B));
  OptionBytes options = memories.flash().options();
  options.optr |= optr::kSwapBank;
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  EXPECT_EQ(word(0, kSecure), 0x0B0B'0B0BU);
  EXPECT_EQ(word(kBank2, kNonSecure), 0x0A0A'0A0AU);
  const auto span = flash.direct(0, kSecure);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->base, 0U);
  EXPECT_EQ(span->physical, kPhysicalFlash + kBank2);
  unlock(true);
  erase_page(1, 0, true);  // physical bank 2
  finish();
  EXPECT_EQ(word(0, kSecure), 0xFFFF'FFFFU);
}

}  // namespace
}  // namespace microvisor::board
