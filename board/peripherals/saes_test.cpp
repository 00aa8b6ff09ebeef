// Expectations: RM0456 chapter 50; NIST SP 800-38A appendix F for the cipher; the sequences of the vendor's
// driver for wrapped and shared keys.
#include "board/peripherals/saes.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/aes_test_driver.hpp"
#include "board/peripherals/root_key.hpp"

namespace microvisor::board {
namespace {

using namespace testing;
using D = AesDriver;

constexpr std::uint32_t kKeyProtect = bit(19), kChipKey = 1U << 28, kBootKey = 2U << 28, kBothKeys = 4U << 28,
                        kTestKey = 7U << 28, kKeySource = 7U << 28;
constexpr std::string_view kKey128 = "2b7e151628aed2a6abf7158809cf4f3c";
constexpr std::string_view kKey256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::string_view kText = "6bc1bee22e409f96e93d7e117393172a";
constexpr std::string_view kIv = "000102030405060708090a0b0c0d0e0f";

class SaesTest : public ::testing::Test {
 protected:
  SaesTest() {
    clocks.kernel_hertz = 48'000'000;
    saes.reset(Reset::PowerOn);
    run_for(scheduler, microseconds(20));
  }
  Saes::Hooks hooks() {
    return {.random_alive = [this] { return random; },
            .block_secure = [this] { return secure; },
            .root_key = [this] { return root_key(seed, optr); }};
  }

  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  bool random = true, secure = true;
  std::uint64_t seed = 1;
  std::uint32_t optr = 0xAA;
  Saes saes{scheduler, clocks, lines, hooks()};
  Aes aes{scheduler, clocks, lines, saes};
  AesDriver driver{saes, scheduler};

  bool settled() {
    for (int i = 0; i < 1'000 && (driver.get(D::kSr) & D::kBusy) != 0; ++i)
      run_for(scheduler, microseconds(1));
    return (driver.get(D::kSr) & (D::kBusy | D::kKeyValid)) == D::kKeyValid;
  }
  void fresh(std::uint32_t mode) {
    driver.put(D::kCr, D::kReset);
    driver.put(D::kCr, 0);
    driver.put(D::kCr, mode);
  }
  /// Encrypts `text` under the key that `mode` selects.
  std::string encrypt(std::uint32_t mode, std::string_view text) {
    fresh(mode);
    EXPECT_TRUE(settled());
    driver.change(0, D::kEn);
    const std::string result = driver.process(text);
    driver.change(D::kEn, 0);
    return result;
  }
  /// Unwraps `blob` into the key registers.
  void unwrap(std::uint32_t mode, std::string_view blob) {
    fresh(mode);
    ASSERT_TRUE(settled());
    ASSERT_TRUE(driver.prepare_key());
    driver.change(0, D::kEn);
    const Bytes bytes = from_hex(blob);
    for (std::size_t at = 0; at < bytes.size(); at += 16) {
      driver.put_block(bytes, at);
      ASSERT_TRUE(driver.complete());
    }
  }
  /// What the key now in the registers makes of `text`.
  std::string use(AesDriver& block, std::uint32_t mode, std::string_view text) {
    block.change(D::kEn, 0);
    block.change(3U << 24 | 3U << 3, mode);
    block.change(0, D::kEn);
    return block.process(text);
  }
};

// --- getting ready

TEST_F(SaesTest, BusyUntilRandomNumbersCome) {
  random = false;
  saes.reset(Reset::System);
  EXPECT_EQ(driver.get(D::kSr), D::kBusy);
  run_for(scheduler, seconds(1));
  EXPECT_EQ(driver.get(D::kSr), D::kBusy);
  driver.put(D::kCr, D::kCbc);
  EXPECT_EQ(driver.get(D::kCr), 0U);  // no configuration while busy
  random = true;
  clocks.change(clocks.hclk());
  run_for(scheduler, microseconds(20));
  EXPECT_EQ(driver.get(D::kSr), 0U);
  EXPECT_EQ(driver.get(0x100), 8U);
}

TEST_F(SaesTest, CountermeasuresAreConfiguredUntilLocked) {
  driver.put(0x100, bit(2) | 2U << 3);
  EXPECT_EQ(driver.get(0x100), bit(2) | 2U << 3);
  driver.put(D::kCr, D::kReset);
  EXPECT_EQ(driver.get(0x100), bit(2) | 2U << 3);
  driver.put(0x100, bit(31));
  driver.put(0x100, bit(1));
  EXPECT_EQ(driver.get(0x100), bit(31));
}

// --- software keys

TEST_F(SaesTest, EcbAndCbcOfSp80038A) {
  fresh(D::kByteSwap);
  driver.set_key(kKey128);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process(kText), "3ad77bb40d7a3660a89ecaf32466ef97");
  fresh(D::kByteSwap | D::kCbc | D::kLongKey);
  driver.set_key(kKey256);
  driver.set_iv(kIv);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process(kText), "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
  fresh(D::kByteSwap | D::kCbc | D::kLongKey);
  driver.set_key(kKey256);
  ASSERT_TRUE(driver.prepare_key());
  driver.set_iv(kIv);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process("f58c4c04d6e5f1ba779eabfb5f7bfbd6"), kText);
}

TEST_F(SaesTest, OtherChainingModesDoNotStart) {
  for (const std::uint32_t mode : {D::kCtr, D::kGcm}) {
    fresh(mode);
    driver.set_key(kKey128);
    driver.change(0, D::kEn);
    EXPECT_EQ(driver.get(D::kCr) & D::kEn, 0U);
  }
}

TEST_F(SaesTest, TestKeyIsTheConstantOfTheManual) {
  const std::string under_test_key = encrypt(kTestKey | D::kLongKey | D::kByteSwap, kText);
  fresh(D::kLongKey | D::kByteSwap);
  std::string key;
  for (int i = 0; i < 32; ++i) key += "a5";
  driver.set_key(key);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process(kText), under_test_key);
}

// --- the key of the chip

TEST_F(SaesTest, ChipKeyIsOnesOwnAndLasts) {
  const std::uint32_t mode = kChipKey | D::kLongKey | D::kWrapped;
  const std::string blob = encrypt(mode, kText);
  EXPECT_EQ(encrypt(mode, kText), blob);
  seed = 2;
  EXPECT_NE(encrypt(mode, kText), blob);
  seed = 1;
  optr = 0xBB;  // read-out protection
  EXPECT_NE(encrypt(mode, kText), blob);
}

/// RM0456 50.4.9, 50.4.10 and 50.4.12: what the key depends on.
TEST_F(SaesTest, ChipKeyDependsOnItsContext) {
  std::vector<std::string> blobs;
  for (const std::uint32_t mode : {kChipKey | D::kWrapped, kChipKey | D::kShared, std::uint32_t{kChipKey},
                                   kChipKey | D::kWrapped | D::kLongKey, kChipKey | D::kWrapped | D::kCbc}) {
    blobs.push_back(encrypt(mode, kText));
  }
  secure = false;
  blobs.push_back(encrypt(kChipKey | D::kWrapped, kText));
  secure = true;
  driver.access.privileged = false;
  blobs.push_back(encrypt(kChipKey | D::kWrapped, kText));
  std::ranges::sort(blobs);
  EXPECT_EQ(std::ranges::adjacent_find(blobs), blobs.end());
}

TEST_F(SaesTest, SelectionOfAnotherKeyErases) {
  fresh(kChipKey);
  ASSERT_TRUE(settled());
  driver.change(kKeySource, 0);
  EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);
  driver.set_key(kKey128);
  EXPECT_NE(driver.get(D::kSr) & D::kKeyValid, 0U);
  driver.change(kKeySource, kChipKey);
  driver.put(D::kKey + 12, 0);  // the registers belong to the chip's key now
  EXPECT_EQ(driver.get(D::kIsr), 0U);
  EXPECT_TRUE(settled());
}

// --- wrapped keys

TEST_F(SaesTest, WrappedKeyComesBackIntoTheRegisters) {
  for (const std::uint32_t chain : {0U, D::kCbc}) {
    const std::uint32_t mode = kChipKey | D::kWrapped | D::kByteSwap | chain;
    const std::string blob = encrypt(mode, kKey128);
    EXPECT_NE(blob, kKey128);
    unwrap(mode, blob);
    EXPECT_EQ(driver.get(D::kCr) & kKeySource, 0U);
    EXPECT_NE(driver.get(D::kSr) & D::kKeyValid, 0U);
    EXPECT_EQ(driver.get(D::kDoutr), 0U);
    EXPECT_NE(driver.get(D::kSr) & D::kRderr, 0U);
    driver.change(D::kEn, 0);
    driver.change(D::kCbc, 0);
    EXPECT_EQ(use(driver, 0, kText), "3ad77bb40d7a3660a89ecaf32466ef97");
  }
}

TEST_F(SaesTest, WrappedLongKeyTakesTwoBlocks) {
  const std::uint32_t mode = kChipKey | D::kWrapped | D::kByteSwap | D::kLongKey;
  const std::string blob = encrypt(mode, kKey256);
  unwrap(mode, std::string_view(blob).substr(0, 32));
  EXPECT_NE(driver.get(D::kCr) & kKeySource, 0U);
  driver.put_block(from_hex(blob), 16);
  ASSERT_TRUE(driver.complete());
  EXPECT_EQ(driver.get(D::kCr) & kKeySource, 0U);
  EXPECT_EQ(use(driver, 0, kText), "f3eed1bdb5d2a03c064b5a7e3db181f8");
}

TEST_F(SaesTest, UnwrappedKeyUnwrapsNothing) {
  const std::uint32_t mode = kChipKey | D::kWrapped | D::kByteSwap;
  unwrap(mode, encrypt(mode, kKey128));
  driver.change(D::kEn, 0);
  driver.change(0, D::kEn);  // KMOD is still 1
  EXPECT_EQ(driver.get(D::kCr) & D::kEn, 0U);
}

TEST_F(SaesTest, BlobOfAnotherModeIsNotTheKey) {
  const std::string blob = encrypt(kChipKey | D::kWrapped | D::kByteSwap, kKey128);
  unwrap(kChipKey | D::kShared | D::kByteSwap, blob);
  EXPECT_NE(use(driver, 0, kText), "3ad77bb40d7a3660a89ecaf32466ef97");
}

// --- shared keys

TEST_F(SaesTest, SharedKeyReachesAes) {
  const std::uint32_t mode = kChipKey | D::kShared | D::kByteSwap;
  unwrap(mode, encrypt(mode, kKey128));
  AesDriver target{aes, scheduler};
  target.put(D::kCr, D::kByteSwap | D::kShared);
  EXPECT_NE(target.get(D::kSr) & D::kBusy, 0U);
  run_for(scheduler, microseconds(1));
  EXPECT_EQ(target.get(D::kSr), D::kKeyValid);
  target.put(D::kCr, D::kByteSwap);  // the driver goes back to normal keys before it starts
  EXPECT_EQ(use(target, 0, kText), "3ad77bb40d7a3660a89ecaf32466ef97");
}

TEST_F(SaesTest, SharedKeyOfAnotherSizeIsAnErrorOfBoth) {
  const std::uint32_t mode = kChipKey | D::kShared | D::kByteSwap;
  unwrap(mode, encrypt(mode, kKey128));
  AesDriver target{aes, scheduler};
  target.put(D::kCr, D::kShared | D::kLongKey);
  run_for(scheduler, microseconds(1));
  EXPECT_EQ(target.get(D::kSr) & D::kKeyValid, 0U);
  EXPECT_EQ(target.get(D::kIsr), D::kKeyError);
  EXPECT_EQ(driver.get(D::kIsr) & D::kKeyError, D::kKeyError);
}

TEST_F(SaesTest, WrappedKeyIsNotShared) {
  const std::uint32_t mode = kChipKey | D::kWrapped | D::kByteSwap;
  unwrap(mode, encrypt(mode, kKey128));
  AesDriver target{aes, scheduler};
  target.put(D::kCr, D::kShared);
  run_for(scheduler, microseconds(1));
  EXPECT_EQ(target.get(D::kIsr), D::kKeyError);
}

// --- the boot hardware key

TEST_F(SaesTest, BootKeyIsHeardWhileSoftwareReadsIt) {
  const std::array<std::uint32_t, 4> words = {0x09CF'4F3C, 0xABF7'1588, 0x28AE'D2A6, 0x2B7E'1516};
  for (const bool upwards : {true, false}) {
    fresh(kBootKey | D::kByteSwap);
    EXPECT_EQ(driver.get(D::kSr), D::kBusy);
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned index = upwards ? i : 3 - i;
      saes.boot_key_read(index, words[index]);
    }
    ASSERT_TRUE(settled());
    driver.change(0, D::kEn);
    EXPECT_EQ(driver.process(kText), "3ad77bb40d7a3660a89ecaf32466ef97");
  }
}

TEST_F(SaesTest, BootKeyReadOutOfOrderIsAnError) {
  fresh(kBootKey);
  saes.boot_key_read(0, 1);
  saes.boot_key_read(2, 1);
  EXPECT_EQ(driver.get(D::kIsr), D::kKeyError);
  EXPECT_EQ(driver.get(D::kSr), 0U);
  driver.put(D::kIcr, D::kKeyError);  // clearing the flag starts the selection again
  EXPECT_EQ(driver.get(D::kSr), D::kBusy);
}

TEST_F(SaesTest, BothKeysAreXored) {
  fresh(kBothKeys);
  for (unsigned i = 0; i < 4; ++i) saes.boot_key_read(i, 0);
  ASSERT_TRUE(settled());
  driver.change(0, D::kEn);
  const std::string with_zero = driver.process(kText);
  fresh(kBothKeys);
  for (unsigned i = 0; i < 4; ++i) saes.boot_key_read(i, i == 2 ? 1 : 0);
  ASSERT_TRUE(settled());
  driver.change(0, D::kEn);
  EXPECT_NE(driver.process(kText), with_zero);
}

// --- whose key it is

TEST_F(SaesTest, KeyIsErasedWhenTheOtherWorldTouchesTheBlock) {
  fresh(D::kByteSwap | kKeyProtect);
  driver.set_key(kKey128);
  driver.put(D::kIer, D::kKeyError);
  EXPECT_NE(driver.get(D::kSr) & D::kKeyValid, 0U);
  driver.access = kNonSecure;
  EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);
  EXPECT_EQ(driver.get(D::kIsr), D::kKeyError);
  EXPECT_TRUE(lines.level(28));
}

TEST_F(SaesTest, UnprotectedKeyMayBeHandedOver) {
  fresh(D::kByteSwap);
  driver.set_key(kKey128);
  driver.access = kNonSecure;
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process(kText), "3ad77bb40d7a3660a89ecaf32466ef97");
}

TEST_F(SaesTest, HardwareKeyIsProtectedByItself) {
  fresh(kChipKey);
  ASSERT_TRUE(settled());
  driver.access = kNonSecure;
  EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);
}

TEST_F(SaesTest, TamperErasesTheKey) {
  fresh(kChipKey);
  ASSERT_TRUE(settled());
  saes.erase_key();
  EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);
}

}  // namespace
}  // namespace microvisor::board
