// Expectations: the examples of FIPS 180-4 (NIST CSRC), RFC 1321 appendix A.5, RFC 2202, RFC 4231 and RM0456
// section 51.4.7; the order of register accesses is that of the vendor's driver and RM0456 section 51.4.
#include "board/peripherals/hash.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/hex.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr = 0, kDin = 4, kStr = 8, kImr = 0x20, kSr = 0x24, kCsr = 0xF8;
constexpr std::uint32_t kInit = bit(2), kDmae = bit(3), kBytes = 2U << 4, kHmac = bit(6), kMdmat = bit(13),
                        kLkey = bit(16);
constexpr std::uint32_t kDinis = bit(0), kDcis = bit(1), kBusy = bit(3);
constexpr std::uint32_t kSha1 = 0U << 17, kMd5 = 1U << 17, kSha224 = 2U << 17, kSha256 = 3U << 17;

class HashTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  Hash hash{scheduler, clocks, lines};

  void wait_while_busy() {
    while ((read(hash, kSr) & kBusy) != 0) run_for(scheduler, period_of(clocks.hclk()));
  }
  void write_words(const Bytes& data, std::size_t first, std::size_t last) {
    for (std::size_t at = first; at < last; at += 4) write(hash, kDin, word_at(data, at));
  }
  /// One message (or key) and DCAL: NBLW first, as the vendor's driver does it.
  void feed(const Bytes& data) {
    write(hash, kStr, (read(hash, kStr) & ~0x1FU) | 8 * (data.size() % 4));
    write_words(data, 0, data.size());
    set_bits(hash, kStr, bit(8));
    EXPECT_EQ(read(hash, kStr) & bit(8), 0U);
    wait_while_busy();
  }
  /// The digest as a driver stores it: HR0 to 4 from the first place, the others from the second.
  std::string digest(unsigned words) {
    Bytes bytes;
    for (unsigned i = 0; i < words; ++i) {
      append_big_endian(bytes, read(hash, i < 5 ? 0x0C + 4 * i : 0x310 + 4 * i));
    }
    return to_hex(bytes);
  }
  std::string digest_of(std::uint32_t algorithm, const Bytes& message, unsigned words) {
    write(hash, kCr, algorithm | kBytes | kInit);
    feed(message);
    EXPECT_NE(read(hash, kSr) & kDcis, 0U);
    return digest(words);
  }
  std::string mac_of(std::uint32_t algorithm, const Bytes& key, const Bytes& message, unsigned words) {
    write(hash, kCr, algorithm | kBytes | kHmac | (key.size() > 64 ? kLkey : 0) | kInit);
    feed(key);
    EXPECT_EQ(read(hash, kSr) & (kDcis | kDinis), kDinis);
    feed(message);
    EXPECT_EQ(read(hash, kSr) & (kDcis | kDinis), kDinis);
    feed(key);
    EXPECT_NE(read(hash, kSr) & kDcis, 0U);
    return digest(words);
  }
};

const Bytes kTwoBlocks = from_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");

TEST_F(HashTest, RegistersAfterReset) {
  EXPECT_EQ(read(hash, kCr), 0U);
  EXPECT_EQ(read(hash, kSr), 1U);
  EXPECT_EQ(read(hash, kStr), 0U);
}

TEST_F(HashTest, ExamplesOfFips180) {
  EXPECT_EQ(digest_of(kSha1, from_text("abc"), 5), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest_of(kSha1, kTwoBlocks, 5), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(digest_of(kSha224, from_text("abc"), 7),
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
  EXPECT_EQ(digest_of(kSha224, kTwoBlocks, 7), "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525");
  EXPECT_EQ(digest_of(kSha256, from_text("abc"), 8),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of(kSha256, kTwoBlocks, 8),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest_of(kSha256, Bytes(1'000'000, 'a'), 8),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_F(HashTest, EmptyMessageIsDcalAlone) {
  EXPECT_EQ(digest_of(kSha256, {}, 8), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of(kMd5, {}, 4), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_F(HashTest, SuiteOfRfc1321) {
  EXPECT_EQ(digest_of(kMd5, from_text("abc"), 4), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digest_of(kMd5, from_text("abcdefghijklmnopqrstuvwxyz"), 4), "c3fcd3d76192e4007dfb496cca67e13b");
  EXPECT_EQ(digest_of(kMd5,
                      from_text("1234567890123456789012345678901234567890"
                                "1234567890123456789012345678901234567890"),
                      4),
            "57edf4a22be3c955ac49da2e2107b67a");
}

/// NBLW says where the message ends; what a driver's last word has behind that is not part of it.
TEST_F(HashTest, BitsBehindTheEndDoNotMatter) {
  for (std::size_t length = 1; length <= 130; ++length) {
    const Bytes clean(length, 0x5A);
    const std::string expected = digest_of(kSha256, clean, 8);
    write(hash, kCr, kSha256 | kBytes | kInit);
    write(hash, kStr, 8 * (length % 4));
    Bytes dirty(clean);
    dirty.resize((length + 3) / 4 * 4, 0xFF);
    write_words(dirty, 0, dirty.size());
    set_bits(hash, kStr, bit(8));
    wait_while_busy();
    EXPECT_EQ(digest(8), expected) << length;
  }
}

/// NIST SHA-1 validation system, bit-oriented messages: 5 bits, 98.
TEST_F(HashTest, MessageOfFiveBits) {
  write(hash, kCr, kSha1 | kInit);
  write(hash, kDin, 0x9800'0000);
  write(hash, kStr, bit(8) | 5);
  wait_while_busy();
  EXPECT_EQ(digest(5), "29826b003b906e660eff4027ce98af3531ac75ba");
}

TEST_F(HashTest, DataTypesSwapWordsAsDrawn) {
  // "abcd" as words in the four orders of RM0456 figure 502.
  constexpr std::uint32_t kWords[] = {0x6162'6364, 0x6364'6162, 0x6463'6261, 0x26C6'4686};
  for (unsigned type = 0; type < 4; ++type) {
    write(hash, kCr, kSha1 | type << 4 | kInit);
    write(hash, kDin, kWords[type]);
    write(hash, kStr, bit(8));
    wait_while_busy();
    EXPECT_EQ(digest(5), "81fe8bfe87576c3ecb22426f8e57847382917acf") << type;  // SHA-1("abcd")
  }
}

TEST_F(HashTest, HmacOfRfc2202AndRfc4231) {
  EXPECT_EQ(mac_of(kSha256, Bytes(20, 0x0B), from_text("Hi There"), 8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(mac_of(kSha224, Bytes(20, 0x0B), from_text("Hi There"), 7),
            "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22");
  EXPECT_EQ(mac_of(kSha256, from_text("Jefe"), from_text("what do ya want for nothing?"), 8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(mac_of(kSha1, from_text("Jefe"), from_text("what do ya want for nothing?"), 5),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(mac_of(kMd5, from_text("Jefe"), from_text("what do ya want for nothing?"), 4),
            "750c783e6ab0b503eaa86e310a5db738");
}

TEST_F(HashTest, HmacWithALongKeyHashesIt) {
  EXPECT_EQ(mac_of(kSha256, Bytes(131, 0xAA),
                   from_text("Test Using Larger Than Block-Size Key - Hash Key First"), 8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_F(HashTest, HmacExampleOfTheManual) {
  Bytes key;
  for (std::uint8_t i = 0; i < 64; ++i) key.push_back(i);
  EXPECT_EQ(mac_of(kSha1, key, from_text("Sample message for keylen=blocklen"), 5),
            "5fd596ee78d5553c8ff4e72d266dfd192366da29");
}

TEST_F(HashTest, BlockTakesTheCoresClocks) {
  write(hash, kCr, kSha1 | kInit);
  for (int i = 0; i < 16; ++i) write(hash, kDin, 0);
  EXPECT_EQ(read(hash, kSr) & kBusy, 0U);
  write(hash, kDin, 0);
  EXPECT_NE(read(hash, kSr) & kBusy, 0U);
  run_for(scheduler, 65 * period_of(clocks.hclk()));
  EXPECT_NE(read(hash, kSr) & kBusy, 0U);
  run_for(scheduler, period_of(clocks.hclk()));
  EXPECT_EQ(read(hash, kSr) & (kBusy | kDinis), kDinis);
}

TEST_F(HashTest, CountsOfTheBuffer) {
  write(hash, kCr, kSha256 | kInit);
  EXPECT_EQ(bits(read(hash, kSr), 20, 16), 17U);  // NBWE
  for (int i = 0; i < 3; ++i) write(hash, kDin, 0);
  EXPECT_EQ(bits(read(hash, kSr), 12, 9), 3U);  // NBWP
  EXPECT_EQ(bits(read(hash, kSr), 20, 16), 14U);
  EXPECT_TRUE(test(read(hash, kSr), 15));
  EXPECT_EQ(bits(read(hash, kCr), 11, 8), 3U);  // NBW
  EXPECT_TRUE(test(read(hash, kCr), 12));
}

/// Interrupts: 17 words at the first request, 16 at each that follows, the rest before DCAL.
TEST_F(HashTest, DriverThatWaitsForInterrupts) {
  const Bytes message(1000, 'a');
  write(hash, kCr, kSha256 | kBytes | kInit);
  write(hash, kImr, kDinis | kDcis);
  std::size_t at = 0, chunk = 17 * 4;
  unsigned requests = 0;
  for (;; ++requests) {
    while (!lines.level(96)) run_for(scheduler, period_of(clocks.hclk()));
    const std::uint32_t status = read(hash, kSr);
    if ((status & kDcis) != 0) break;
    ASSERT_NE(status & kDinis, 0U);
    const std::size_t end = std::min(at + chunk, message.size());
    if (end == message.size()) write(hash, kImr, kDcis);
    write_words(message, at, end);
    at = end;
    chunk = 16 * 4;
    if (at == message.size()) set_bits(hash, kStr, bit(8));
    EXPECT_FALSE(lines.level(96));
  }
  EXPECT_EQ(requests, 16U);
  EXPECT_EQ(digest(8), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
  write(hash, kSr, ~kDcis);
  EXPECT_FALSE(lines.level(96));
}

/// A message is set aside between two blocks for another one (RM0456 51.4.8); a plain hash needs CSR0 to 37.
TEST_F(HashTest, SuspendedMessageGoesOn) {
  const std::string expected = digest_of(kSha256, Bytes(1'000, 'a'), 8);
  const Bytes message(1'000, 'a');
  write(hash, kCr, kSha256 | kBytes | kInit);
  write_words(message, 0, 17 * 4);
  wait_while_busy();
  ASSERT_NE(read(hash, kSr) & kDinis, 0U);
  const std::uint32_t imr = read(hash, kImr), str = read(hash, kStr), cr = read(hash, kCr);
  std::array<std::uint32_t, 38> context{};
  for (unsigned i = 0; i < context.size(); ++i) context[i] = read(hash, kCsr + 4 * i);

  EXPECT_EQ(mac_of(kMd5, from_text("Jefe"), from_text("what do ya want for nothing?"), 4),
            "750c783e6ab0b503eaa86e310a5db738");

  write(hash, kImr, imr);
  write(hash, kStr, str);
  write(hash, kCr, cr);
  set_bits(hash, kCr, kInit);
  for (unsigned i = 0; i < context.size(); ++i) write(hash, kCsr + 4 * i, context[i]);
  write_words(message, 17 * 4, message.size());
  set_bits(hash, kStr, bit(8));
  wait_while_busy();
  EXPECT_EQ(digest(8), expected);
}

/// The same for an HMAC, in the middle of the text and behind it; now CSR38 to 53 count too.
TEST_F(HashTest, SuspendedHmacGoesOn) {
  const Bytes key = from_text("Jefe"), text(200, 'q');
  const std::string expected = mac_of(kSha256, key, text, 8);
  for (const bool behind_text : {false, true}) {
    write(hash, kCr, kSha256 | kBytes | kHmac | kInit);
    feed(key);
    if (behind_text) {
      feed(text);
    } else {
      write_words(text, 0, 68);
      wait_while_busy();
    }
    const std::uint32_t cr = read(hash, kCr), str = read(hash, kStr);
    std::array<std::uint32_t, 54> context{};
    for (unsigned i = 0; i < context.size(); ++i) context[i] = read(hash, kCsr + 4 * i);
    digest_of(kSha1, kTwoBlocks, 5);
    write(hash, kStr, str);
    write(hash, kCr, cr);
    set_bits(hash, kCr, kInit);
    for (unsigned i = 0; i < context.size(); ++i) write(hash, kCsr + 4 * i, context[i]);
    if (!behind_text) {
      write_words(text, 68, text.size());
      set_bits(hash, kStr, bit(8));
      wait_while_busy();
    }
    feed(key);
    EXPECT_EQ(digest(8), expected);
  }
}

TEST_F(HashTest, ContextOfAnySizeIsHarmless) {
  write(hash, kCr, kSha256 | kHmac | kInit);
  for (unsigned i = 0; i < 54; ++i) write(hash, kCsr + 4 * i, 0xFFFF'FFFF);
  write(hash, kDin, 1);
  write(hash, kStr, bit(8));
  wait_while_busy();
  EXPECT_EQ(read(hash, kSr) & kBusy, 0U);
}

TEST_F(HashTest, DmaFeedsAndCloses) {
  const Bytes message = from_text("abc");
  write(hash, kStr, 24);
  write(hash, kCr, kSha256 | kBytes | kInit);
  EXPECT_FALSE(hash.dma_in().level());
  set_bits(hash, kCr, kDmae);
  EXPECT_TRUE(hash.dma_in().level());
  EXPECT_TRUE(test(read(hash, kSr), 2));  // DMAS
  write(hash, kDin, word_at(message, 0));
  hash.dma_transfer_complete();
  EXPECT_FALSE(hash.dma_in().level());
  wait_while_busy();
  EXPECT_EQ(read(hash, kSr) & (kDcis | bit(2)), kDcis);
  EXPECT_EQ(digest(8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(HashTest, DmaOfSeveralBuffersClosesWithTheLast) {
  write(hash, kCr, kSha256 | kBytes | kMdmat | kInit);
  set_bits(hash, kCr, kDmae);
  for (std::size_t at = 0; at < 32; at += 4) write(hash, kDin, word_at(kTwoBlocks, at));
  hash.dma_transfer_complete();
  EXPECT_EQ(read(hash, kSr) & (kDcis | kBusy), 0U);
  clear_bits(hash, kCr, kMdmat);
  set_bits(hash, kCr, kDmae);
  for (std::size_t at = 32; at < 56; at += 4) write(hash, kDin, word_at(kTwoBlocks, at));
  hash.dma_transfer_complete();
  wait_while_busy();
  EXPECT_EQ(digest(8), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_F(HashTest, DmaRequestRestsWhileABlockIsProcessed) {
  write(hash, kCr, kSha256 | kBytes | kDmae | kInit);
  for (int i = 0; i < 17; ++i) write(hash, kDin, 0);
  EXPECT_FALSE(hash.dma_in().level());
  wait_while_busy();
  EXPECT_TRUE(hash.dma_in().level());
}

TEST_F(HashTest, InitStartsOver) {
  write(hash, kCr, kSha256 | kBytes | kInit);
  write_words(kTwoBlocks, 0, kTwoBlocks.size());
  EXPECT_EQ(digest_of(kSha256, from_text("abc"), 8),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(read(hash, kCr) & kInit, 0U);
  write(hash, kCr, kSha256 | kInit);
  EXPECT_EQ(read(hash, kSr) & kDcis, 0U);
}

TEST_F(HashTest, StateIsArchivedInTheMiddleOfABlock) {
  write(hash, kCr, kSha256 | kBytes | kInit);
  write(hash, kDin, word_at(from_text("abc"), 0));
  write(hash, kStr, 24);
  write(hash, kStr, bit(8) | 24);
  Archive saved;
  hash.serialise(saved);
  Hash other{scheduler, clocks, lines};
  Archive loaded(saved.bytes());
  other.serialise(loaded);
  EXPECT_NE(read(other, kSr) & kBusy, 0U);
  run_for(scheduler, microseconds(1));
  EXPECT_NE(read(other, kSr) & kDcis, 0U);
  EXPECT_EQ(read(other, 0x0C), 0xBA78'16BFU);
}

}  // namespace
}  // namespace microvisor::board
