// Option bytes: when they take effect, and the changes that the chip refuses (RM0456 chapter 7).
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

TEST_F(FlashTest, RegressionErasesEverything) {
  memories.flash().load(0x100, std::vector<std::uint8_t>(16, 1));
  OptionBytes options = memories.flash().options();
  options.optr = (options.optr & ~optr::kRdp) | 0xBB;  // level 1
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | optr::kRdpLevel0);
  EXPECT_TRUE(options_accepted());
  EXPECT_TRUE(memories.flash().erased(0x100));
  EXPECT_EQ(wipes, 1U);
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
