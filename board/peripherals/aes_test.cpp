// Expectations: FIPS 197 appendix C; NIST SP 800-38A appendix F; test cases 4 and 16 of the GCM specification
// (McGrew, Viega) and the MACsec case of IEEE 802.1AE-2006 C.1.1; NIST SP 800-38C appendix C; RM0456
// chapter 49.
#include "board/peripherals/aes.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/aes_test_driver.hpp"

namespace microvisor::board {
namespace {

using namespace testing;
using D = AesDriver;

class NoKeyBus final : public KeyBus {
 public:
  std::optional<AesKey> shared_key(bool) override { return std::nullopt; }
};

class AesTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  NoKeyBus bus;
  Aes aes{scheduler, clocks, lines, bus};
  AesDriver driver{aes, scheduler};

  void start(std::uint32_t mode, std::string_view key, std::string_view iv = {}) {
    driver.put(D::kCr, 0);
    driver.put(D::kCr, D::kByteSwap | mode | (key.size() > 32 ? D::kLongKey : 0));
    driver.set_key(key);
    if (!iv.empty()) driver.set_iv(iv);
  }
  std::string encrypt(std::uint32_t mode, std::string_view key, std::string_view iv, std::string_view text) {
    start(mode, key, iv);
    driver.change(0, D::kEn);
    return driver.process(text);
  }
  std::string decrypt(std::uint32_t mode, std::string_view key, std::string_view iv, std::string_view text) {
    start(mode, key);
    EXPECT_TRUE(driver.prepare_key());
    if (!iv.empty()) driver.set_iv(iv);
    driver.change(0, D::kEn);
    return driver.process(text);
  }

  struct Sealed {
    std::string text, tag;
  };
  /// GCM and CCM in their four phases. `lengths` closes GCM; CCM has none.
  Sealed seal(std::uint32_t mode, std::string_view key, std::string_view iv, const Bytes& header,
              const Bytes& payload, const Bytes& lengths) {
    start(mode, key, iv);
    driver.change(0, D::kEn);
    EXPECT_TRUE(driver.complete());
    EXPECT_EQ(driver.get(D::kCr) & D::kEn, 0U);
    driver.change(D::kPhases, D::kHeader);
    driver.change(0, D::kEn);
    for (std::size_t at = 0; at < header.size(); at += 16) {
      driver.put_block(header, at);
      EXPECT_TRUE(driver.complete());
    }
    driver.change(D::kPhases, D::kPayload);
    Bytes text;
    for (std::size_t at = 0; at < payload.size(); at += 16) {
      const std::size_t rest = std::min<std::size_t>(payload.size() - at, 16);
      driver.change(0xFU << 20, static_cast<std::uint32_t>(16 - rest) << 20);
      driver.put_block(payload, at);
      EXPECT_TRUE(driver.complete());
      driver.get_block(text);
    }
    text.resize(payload.size());
    return {to_hex(text), close(lengths)};
  }
  std::string close(const Bytes& lengths) {
    driver.change(D::kPhases, D::kFinal);
    for (std::size_t at = 0; at < lengths.size(); at += 4) {
      driver.put(D::kDinr, std::uint32_t{lengths[at]} << 24 | std::uint32_t{lengths[at + 1]} << 16 |
                               std::uint32_t{lengths[at + 2]} << 8 | lengths[at + 3]);
    }
    EXPECT_TRUE(driver.complete());
    Bytes tag;
    driver.get_block(tag);
    driver.change(D::kEn, 0);
    return to_hex(tag);
  }
};

constexpr std::string_view kKey128 = "2b7e151628aed2a6abf7158809cf4f3c";
constexpr std::string_view kKey256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::string_view kText =
    "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";
constexpr std::string_view kIv = "000102030405060708090a0b0c0d0e0f";
constexpr std::string_view kCounter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

std::string plain(std::string_view hex) { return to_hex(from_hex(hex)); }

TEST_F(AesTest, RegistersAfterReset) {
  for (const std::uint32_t offset : {D::kCr, D::kSr, D::kIer, D::kIsr, D::kIv})
    EXPECT_EQ(driver.get(offset), 0U);
}

TEST_F(AesTest, Fips197Examples) {
  const std::string_view text = "00112233445566778899aabbccddeeff";
  EXPECT_EQ(encrypt(0, "000102030405060708090a0b0c0d0e0f", {}, text), "69c4e0d86a7b0430d8cdb78070b4c55a");
  EXPECT_EQ(encrypt(0, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", {}, text),
            "8ea2b7ca516745bfeafc49904b496089");
}

TEST_F(AesTest, EcbOfSp80038A) {
  const std::string c128 = plain(
      "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
      "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4");
  const std::string c256 = plain(
      "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
      "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7");
  EXPECT_EQ(encrypt(0, kKey128, {}, kText), c128);
  EXPECT_EQ(encrypt(0, kKey256, {}, kText), c256);
  EXPECT_EQ(decrypt(0, kKey128, {}, c128), plain(kText));
  EXPECT_EQ(decrypt(0, kKey256, {}, c256), plain(kText));
}

TEST_F(AesTest, CbcOfSp80038A) {
  const std::string c128 = plain(
      "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
      "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");
  const std::string c256 = plain(
      "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
      "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b");
  EXPECT_EQ(encrypt(D::kCbc, kKey128, kIv, kText), c128);
  EXPECT_EQ(driver.iv(), c128.substr(96));
  EXPECT_EQ(encrypt(D::kCbc, kKey256, kIv, kText), c256);
  EXPECT_EQ(decrypt(D::kCbc, kKey128, kIv, c128), plain(kText));
  EXPECT_EQ(decrypt(D::kCbc, kKey256, kIv, c256), plain(kText));
}

TEST_F(AesTest, CtrOfSp80038A) {
  const std::string c128 = plain(
      "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
      "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee");
  EXPECT_EQ(encrypt(D::kCtr, kKey128, kCounter, kText), c128);
  EXPECT_EQ(driver.iv(), "f0f1f2f3f4f5f6f7f8f9fafbfcfdff03");
  EXPECT_EQ(encrypt(D::kCtr | D::kDecrypt, kKey128, kCounter, c128), plain(kText));
  EXPECT_EQ(encrypt(D::kCtr, kKey256, kCounter, kText),
            plain("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
                  "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"));
}

TEST_F(AesTest, CounterWrapsIn32Bits) {
  start(D::kCtr, kKey128, "000000000000000000000000ffffffff");
  driver.change(0, D::kEn);
  driver.process(kText.substr(0, 32));
  EXPECT_EQ(driver.iv(), "00000000000000000000000000000000");
}

/// A chain goes on after EN has been taken back between two calls of a driver.
TEST_F(AesTest, ChainedCallsContinue) {
  start(D::kCbc, kKey128, kIv);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process(kText.substr(0, 65)),
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  driver.change(D::kEn, 0);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.process(kText.substr(65)),
            "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");
}

TEST_F(AesTest, WordsHalfWordsAndBitsAreSwappedBothWays) {
  // FIPS 197 C.1 with the first word in the four orders of RM0456 figure 482.
  constexpr std::uint32_t kIn[] = {0x0011'2233, 0x2233'0011, 0x3322'1100, 0xCC44'8800};
  constexpr std::uint32_t kOut[] = {0x69C4'E0D8, 0xE0D8'69C4, 0xD8E0'C469, 0x1B07'2396};
  for (std::uint32_t type = 0; type < 4; ++type) {
    driver.put(D::kCr, 0);
    driver.put(D::kCr, type << 1);
    driver.set_key("000102030405060708090a0b0c0d0e0f");
    driver.change(0, D::kEn);
    driver.put(D::kDinr, kIn[type]);
    for (const std::uint32_t word : {0x4455'6677U, 0x8899'AABBU, 0xCCDD'EEFFU}) {
      std::uint32_t swapped = word;
      if (type == 1) swapped = word << 16 | word >> 16;
      if (type == 2) swapped = __builtin_bswap32(word);
      if (type == 3) {
        swapped = 0;
        for (unsigned i = 0; i < 32; ++i) swapped |= (word >> i & 1) << (31 - i);
      }
      driver.put(D::kDinr, swapped);
    }
    ASSERT_TRUE(driver.complete());
    EXPECT_EQ(driver.get(D::kDoutr), kOut[type]) << type;
  }
}

// --- GCM and CCM

constexpr std::string_view kGcmKey = "feffe9928665731c6d6a8f9467308308";
constexpr std::string_view kGcmIv = "cafebabefacedbaddecaf88800000002";
const Bytes kGcmHeader = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const Bytes kGcmText = from_hex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
const Bytes kGcmLengths = from_hex("00000000000000a0 00000000000001e0");
const std::string kGcmCipher =
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091";
const std::string kGcmTag = "5bc94fbc3221a5db94fae95ae7121a47";

TEST_F(AesTest, GcmWithPartialBlocks) {
  const Sealed sealed = seal(D::kGcm, kGcmKey, kGcmIv, kGcmHeader, kGcmText, kGcmLengths);
  EXPECT_EQ(sealed.text, kGcmCipher);
  EXPECT_EQ(sealed.tag, kGcmTag);
  const Sealed opened =
      seal(D::kGcm | D::kDecrypt, kGcmKey, kGcmIv, kGcmHeader, from_hex(kGcmCipher), kGcmLengths);
  EXPECT_EQ(opened.text, to_hex(kGcmText));
  EXPECT_EQ(opened.tag, kGcmTag);
}

TEST_F(AesTest, GcmWithALongKey) {
  const std::string key = std::string(kGcmKey) + std::string(kGcmKey);
  const Sealed sealed = seal(D::kGcm, key, kGcmIv, kGcmHeader, kGcmText, kGcmLengths);
  EXPECT_EQ(sealed.text,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662");
  EXPECT_EQ(sealed.tag, "76fc6ece0f4e1768cddf8853bb2d551b");
}

TEST_F(AesTest, GmacIsGcmWithoutPayload) {
  const Bytes header = from_hex(
      "d609b1f056637a0d46df998d88e5222ab2c2846512153524c0895e8108000f101112131415161718191a1b1c1d1e1f20212223"
      "24"
      "25262728292a2b2c2d2e2f30313233340001");
  const Sealed sealed = seal(D::kGcm, "ad7a2bd03eac835a6f620fdcb506b345", "12153524c0895e81b2c2846500000002",
                             header, {}, from_hex("0000000000000230 0000000000000000"));
  EXPECT_EQ(sealed.tag, "f09478a9b09007d06f46e9b6a1da25dd");
}

struct CcmExample {
  std::string_view b0, b1, payload, cipher, tag;
};
// NIST SP 800-38C, examples 1 and 3; B0 and B1 are formatted by software.
constexpr CcmExample kCcmExamples[] = {
    {"4f101112131415160000000000000004", "00080001020304050607", "20212223", "7162015b", "4dac255d"},
    {"5a101112131415161718191a1b000018", "0014000102030405060708090a0b0c0d0e0f10111213",
     "202122232425262728292a2b2c2d2e2f3031323334353637", "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5",
     "484392fbc1b09951"},
};
constexpr std::string_view kCcmKey = "404142434445464748494a4b4c4d4e4f";

TEST_F(AesTest, CcmOfSp80038C) {
  for (const CcmExample& example : kCcmExamples) {
    const Sealed sealed =
        seal(D::kCcm, kCcmKey, example.b0, from_hex(example.b1), from_hex(example.payload), {});
    EXPECT_EQ(sealed.text, example.cipher);
    EXPECT_EQ(sealed.tag.substr(0, example.tag.size()), example.tag);
    const Sealed opened =
        seal(D::kCcm | D::kDecrypt, kCcmKey, example.b0, from_hex(example.b1), from_hex(example.cipher), {});
    EXPECT_EQ(opened.text, example.payload);
    EXPECT_EQ(opened.tag.substr(0, example.tag.size()), example.tag);
  }
}

/// RM0456 49.4.10: SUSPxR, IVRx, CR and the key are written back, in the order of the manual.
TEST_F(AesTest, GcmSuspendedInThePayloadGoesOn) {
  start(D::kGcm, kGcmKey, kGcmIv);
  driver.change(0, D::kEn);
  driver.complete();
  driver.change(D::kPhases, D::kHeader);
  driver.change(0, D::kEn);
  for (std::size_t at = 0; at < kGcmHeader.size(); at += 16) {
    driver.put_block(kGcmHeader, at);
    driver.complete();
  }
  driver.change(D::kPhases, D::kPayload);
  driver.put_block(kGcmText, 0);
  driver.complete();
  Bytes text;
  driver.get_block(text);
  std::array<std::uint32_t, 8> suspended{};
  for (unsigned i = 0; i < 8; ++i) suspended[i] = driver.get(D::kSuspend + 4 * i);
  const std::string iv = driver.iv();
  driver.change(D::kEn, 0);
  const std::uint32_t cr = driver.get(D::kCr);

  EXPECT_EQ(seal(D::kGcm, "ad7a2bd03eac835a6f620fdcb506b345", "12153524c0895e81b2c2846500000002",
                 from_hex("00"), {}, from_hex("0000000000000008 0000000000000000"))
                .tag.size(),
            32U);

  for (unsigned i = 0; i < 8; ++i) driver.put(D::kSuspend + 4 * i, suspended[i]);
  driver.set_iv(iv);
  driver.put(D::kCr, cr);
  driver.set_key(kGcmKey);
  driver.change(0, D::kEn);
  for (std::size_t at = 16; at < kGcmText.size(); at += 16) {
    driver.change(0xFU << 20, at == 48 ? 4U << 20 : 0);
    driver.put_block(kGcmText, at);
    driver.complete();
    driver.get_block(text);
  }
  text.resize(kGcmText.size());
  EXPECT_EQ(to_hex(text), kGcmCipher);
  EXPECT_EQ(close(kGcmLengths), kGcmTag);
}

// --- keys

TEST_F(AesTest, KeyIsValidAfterTheLastRegisterInEitherOrder) {
  driver.put(D::kCr, D::kLongKey);
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);
    driver.put(i < 4 ? D::kKey + 4 * i : D::kKeyHigh + 4 * (i - 4), i);
  }
  EXPECT_NE(driver.get(D::kSr) & D::kKeyValid, 0U);
  driver.put(D::kCr, 0);
  EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);  // another size, another key
  driver.set_key(kKey128);
  EXPECT_NE(driver.get(D::kSr) & D::kKeyValid, 0U);
  EXPECT_EQ(driver.get(D::kKey), 0U);
}

TEST_F(AesTest, KeyWrittenOutOfOrderIsAnError) {
  driver.put(D::kIer, D::kKeyError);
  driver.put(D::kKey + 12, 1);
  driver.put(D::kKey + 4, 1);
  EXPECT_EQ(driver.get(D::kIsr), D::kKeyError);
  EXPECT_TRUE(lines.level(93));
  driver.put(D::kKey + 0, 1);
  EXPECT_EQ(driver.get(D::kSr) & D::kKeyValid, 0U);
  driver.put(D::kCr, D::kEn);
  EXPECT_EQ(driver.get(D::kCr) & D::kEn, 0U);  // nothing starts without a key
  driver.put(D::kIcr, D::kKeyError);
  EXPECT_FALSE(lines.level(93));
  EXPECT_EQ(driver.get(D::kIcr), 0U);
}

/// Mode 2 leaves the last round key (FIPS 197 A.1: d014f9a8 c9ee2589 e13f0cc8 b6630ca6), so encryption after
/// it needs the key again, and decryption without it gives nonsense.
TEST_F(AesTest, DecryptionNeedsThePreparedKey) {
  start(D::kDecrypt, kKey128);
  driver.change(0, D::kEn);
  EXPECT_NE(driver.process("3ad77bb40d7a3660a89ecaf32466ef97"), "6bc1bee22e409f96e93d7e117393172a");
  const AesKey key{.words = {0x09CF'4F3C, 0xABF7'1588, 0x28AE'D2A6, 0x2B7E'1516}, .long_key = false};
  const AesKey last{.words = {0xB663'0CA6, 0xE13F'0CC8, 0xC9EE'2589, 0xD014'F9A8}, .long_key = false};
  EXPECT_EQ(last_round_key(key), last);
  EXPECT_EQ(key_of_last_round(last), key);
}

// --- wrong use

TEST_F(AesTest, DataAtTheWrongTimeIsAnError) {
  start(0, kKey128);
  driver.put(D::kIer, D::kRwe);
  driver.change(0, D::kEn);
  EXPECT_EQ(driver.get(D::kDoutr), 0U);  // input phase
  EXPECT_EQ(driver.get(D::kSr) & (D::kRderr | D::kWrerr), D::kRderr);
  EXPECT_TRUE(lines.level(93));
  driver.put(D::kIcr, D::kRwe);
  EXPECT_FALSE(lines.level(93));
  driver.put_block(from_hex(kText), 0);
  driver.put(D::kDinr, 0);  // computation phase
  EXPECT_EQ(driver.get(D::kSr) & (D::kRderr | D::kWrerr), D::kWrerr);
  EXPECT_EQ(driver.get(D::kIsr) & D::kRwe, D::kRwe);
  driver.put(D::kIcr, D::kRwe);
  ASSERT_TRUE(driver.complete());
  driver.put(D::kDinr, 0);  // output phase
  EXPECT_EQ(driver.get(D::kSr) & (D::kRderr | D::kWrerr), D::kWrerr);
  Bytes out;
  driver.get_block(out);  // neither has done any harm
  EXPECT_EQ(to_hex(out), "3ad77bb40d7a3660a89ecaf32466ef97");
}

TEST_F(AesTest, ConfigurationIsClosedWhileEnabled) {
  start(0, kKey128);
  driver.change(0, D::kEn);
  const std::uint32_t before = driver.get(D::kCr);
  driver.change(0, D::kCbc | D::kDecrypt | D::kLongKey);
  EXPECT_EQ(driver.get(D::kCr), before);
  driver.set_iv(kIv);
  driver.put(D::kKey + 12, 0);
  EXPECT_EQ(driver.iv(), "00000000000000000000000000000000");
  EXPECT_NE(driver.get(D::kSr) & D::kKeyValid, 0U);
}

TEST_F(AesTest, SoftwareResetErasesTheKey) {
  start(D::kCbc, kKey128, kIv);
  driver.change(0, D::kReset);
  EXPECT_EQ(driver.get(D::kCr), D::kReset);
  EXPECT_EQ(driver.get(D::kSr), 0U);
  driver.set_key(kKey128);
  EXPECT_EQ(driver.get(D::kSr), 0U);  // held in reset
  driver.put(D::kCr, 0);
  EXPECT_EQ(driver.get(D::kCr), 0U);
  EXPECT_EQ(driver.iv(), "00000000000000000000000000000000");
}

TEST_F(AesTest, OnlyWholeWordsAreAccessed) {
  std::uint32_t value = 0;
  EXPECT_EQ(aes.read(D::kSr, 1, kSecure, value), Outcome::BusError);
  EXPECT_EQ(aes.write(D::kDinr, 2, kSecure, 0), Outcome::BusError);
}

TEST_F(AesTest, SharedKeyThatIsNotThereIsAnError) {
  driver.put(D::kCr, D::kShared);
  EXPECT_NE(driver.get(D::kSr) & D::kBusy, 0U);
  run_for(scheduler, microseconds(1));
  EXPECT_EQ(driver.get(D::kSr) & (D::kBusy | D::kKeyValid), 0U);
  EXPECT_EQ(driver.get(D::kIsr), D::kKeyError);
}

// --- interrupts, DMA, time

TEST_F(AesTest, InterruptForEachBlock) {
  start(0, kKey128);
  driver.put(D::kIer, D::kCcf);
  driver.change(0, D::kEn);
  driver.put_block(from_hex(kText), 0);
  EXPECT_FALSE(lines.level(93));
  run_for(scheduler, 51 * period_of(clocks.hclk()));
  EXPECT_TRUE(lines.level(93));
  driver.put(D::kIcr, D::kCcf);
  EXPECT_FALSE(lines.level(93));
}

TEST_F(AesTest, BlockTakesTheClocksOfTheManual) {
  start(0, kKey256);
  driver.change(0, D::kEn);
  driver.put_block(from_hex(kText), 0);
  run_for(scheduler, 74 * period_of(clocks.hclk()));
  EXPECT_EQ(driver.get(D::kSr) & (D::kCcf | D::kBusy), D::kBusy);
  run_for(scheduler, period_of(clocks.hclk()));
  EXPECT_EQ(driver.get(D::kSr) & (D::kCcf | D::kBusy), D::kCcf);
}

TEST_F(AesTest, DmaRequestsFollowTheBlock) {
  start(0, kKey128);
  driver.change(0, D::kDmaIn | D::kDmaOut);
  EXPECT_FALSE(aes.dma_in().level());
  driver.change(0, D::kEn);
  EXPECT_TRUE(aes.dma_in().level());
  const Bytes text = from_hex(kText);
  for (std::size_t i = 0; i < 16; i += 4) {
    EXPECT_TRUE(aes.dma_in().level());
    driver.put(D::kDinr, word_at(text, i));
  }
  EXPECT_FALSE(aes.dma_in().level());
  EXPECT_FALSE(aes.dma_out().level());
  run_for(scheduler, microseconds(1));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(aes.dma_out().level());
    driver.get(D::kDoutr);
  }
  EXPECT_FALSE(aes.dma_out().level());
  EXPECT_TRUE(aes.dma_in().level());  // without CCF having been cleared
}

TEST_F(AesTest, StateIsArchivedDuringABlock) {
  start(D::kCbc, kKey128, kIv);
  driver.change(0, D::kEn);
  driver.put_block(from_hex(kText), 0);
  Archive saved;
  aes.serialise(saved);
  Aes other{scheduler, clocks, lines, bus};
  Archive loaded(saved.bytes());
  other.serialise(loaded);
  AesDriver second{other, scheduler};
  ASSERT_TRUE(second.complete());
  Bytes out;
  second.get_block(out);
  EXPECT_EQ(to_hex(out), "7649abac8119b246cee98e9b12e9197d");
}

}  // namespace
}  // namespace microvisor::board
