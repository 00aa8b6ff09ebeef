// Expectations: RFC 6979 A.2.5 and A.2.6 (ECDSA with given k), the NIST ECC CDH vectors for P-256, theorems
// (Fermat, RSA) on primes of RFC 2409 and FIPS 186-4, arithmetic small enough to be done by hand, and RM0456
// chapter 53; offsets and polls are those of the vendor's driver.
#include "board/peripherals/pka.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/hex.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr = 0, kSr = 4, kClrfr = 8;
constexpr std::uint32_t kEn = bit(0), kStart = bit(1), kInitOk = bit(0), kBusy = bit(16), kProcEnd = bit(17),
                        kRamErr = bit(19), kAddrErr = bit(20), kOpErr = bit(21);

struct Curve {
  unsigned bits;
  std::string_view p, a, b, gx, gy, n;  ///< a is the absolute value of -3
};
constexpr Curve kP256{256,
                      "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
                      "03",
                      "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
                      "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
                      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
                      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"};
constexpr Curve kP384{
    384,
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    "03",
    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"};

/// Oakley group 2, RFC 2409 section 6.2: a prime of 1024 bits.
constexpr std::string_view kOakley2 =
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";

class PkaTest : public ::testing::Test {
 protected:
  PkaTest() { clocks.kernel_hertz = 48'000'000; }
  void SetUp() override {
    pka.reset(Reset::PowerOn);
    write(pka, kCr, kEn);
    run_for(scheduler, microseconds(20));
    ASSERT_NE(read(pka, kSr) & kInitOk, 0U);
  }

  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  bool random = true;
  unsigned faults = 0;
  Pka pka{
      scheduler, clocks, lines, {.random_alive = [this] { return random; }, .fault = [this] { ++faults; }}};

  void put(std::uint32_t offset, std::uint32_t value) {
    write(pka, offset, value);
    write(pka, offset + 4, 0);
  }
  /// A big-endian number, as the driver writes it: reversed, with two words of zeros behind it.
  void put(std::uint32_t offset, std::string_view hex) {
    const Bytes bytes = from_hex(hex.size() % 2 != 0 ? "0" + std::string(hex) : std::string(hex));
    const Bytes reversed(bytes.rbegin(), bytes.rend());
    for (std::size_t at = 0; at < reversed.size(); at += 4) write(pka, offset + at, word_at(reversed, at));
    const auto end = offset + (reversed.size() + 3) / 4 * 4;
    write(pka, end, 0);
    write(pka, end + 4, 0);
  }
  /// A small number as an operand of 256 bits.
  void put_256(std::uint32_t offset, std::string_view hex) {
    put(offset, std::string(64 - hex.size(), '0') + std::string(hex));
  }
  std::string number(std::uint32_t offset, unsigned bits) {
    Bytes bytes;
    for (unsigned at = 0; at < bits / 8; at += 4) append_word(bytes, read(pka, offset + at));
    return to_hex({bytes.rbegin(), bytes.rend()});
  }
  /// An operation on two numbers of 256 bits.
  std::string calculate(unsigned mode, std::string_view a, std::string_view b) {
    put(0x408, 256U);
    put_256(0xA50, a);
    put_256(0xC68, b);
    run(mode);
    return number(0xE78, 256);
  }
  std::string inverse(std::string_view a, std::string_view n) { return calculate(0x08, a, n); }
  std::string less_one(std::string_view n) { return calculate(0x0A, n, "01"); }

  // On P-256.
  using Point = std::pair<std::string, std::string>;
  Point multiple(std::string_view k) {
    load_scalar_curve(kP256);
    put_256(0x12A0, k);
    put(0x578, kP256.gx);
    put(0x470, kP256.gy);
    run(0x20);
    return {number(0x578, 256), number(0x5D0, 256)};
  }
  void load_points(const Point& p, const Point& q) {
    put(0x408, 256U);
    put(0x410, 1U);
    put_256(0x418, kP256.a);
    put(0x470, kP256.p);
    put(0x628, p.first);
    put(0x680, p.second);
    put_256(0x6D8, "01");
    put(0x730, q.first);
    put(0x788, q.second);
    put_256(0x7E0, "01");
  }
  std::string doubled(std::string_view value) {
    put(0x408, 256U);
    put(0xA50, value);
    put(0xC68, value);
    put(0x1088, kP256.p);
    run(0x0E);
    return number(0xE78, 256);
  }

  /// Runs an operation to its end; the clocks it has taken.
  std::uint64_t run(std::uint32_t mode) {
    write(pka, kCr, kEn | mode << 8);
    set_bits(pka, kCr, kStart);
    EXPECT_EQ(read(pka, kCr) & kStart, 0U);
    EXPECT_EQ(bits(read(pka, kCr), 13, 8), mode);
    const Time start = scheduler.now();
    while ((read(pka, kSr) & kProcEnd) == 0) {
      EXPECT_NE(read(pka, kSr) & kBusy, 0U);
      if (scheduler.next_due() == kNever) ADD_FAILURE() << "nothing runs";
      if (scheduler.next_due() == kNever) break;
      run_until(scheduler, scheduler.next_due());
    }
    write(pka, kClrfr, kProcEnd);
    EXPECT_EQ(read(pka, kSr), kInitOk);
    return (scheduler.now() - start) / period_of(clocks.hclk());
  }

  void load_scalar_curve(const Curve& c) {
    put(0x400, c.bits);
    put(0x408, c.bits);
    put(0x410, 1U);
    put(0x418, std::string(c.bits / 4 - 2, '0') + std::string(c.a));
    put(0x520, c.b);
    put(0x1088, c.p);
    put(0xF88, c.n);
  }
  struct Signature {
    std::string r, s;
    std::uint32_t status;
  };
  Signature sign(const Curve& c, std::string_view d, std::string_view k, std::string_view hash) {
    load_scalar_curve(c);
    put(0x12A0, k);
    put(0x578, c.gx);
    put(0x470, c.gy);
    put(0xFE8, hash);
    put(0xF28, d);
    run(0x24);
    return {number(0x730, c.bits), number(0x788, c.bits), read(pka, 0xFE0)};
  }
  std::uint32_t verify(const Curve& c, std::string_view qx, std::string_view qy, std::string_view hash,
                       std::string_view r, std::string_view s) {
    put(0x408, c.bits);
    put(0x4C8, c.bits);
    put(0x468, 1U);
    put(0x470, std::string(c.bits / 4 - 2, '0') + std::string(c.a));
    put(0x4D0, c.p);
    put(0x678, c.gx);
    put(0x6D0, c.gy);
    put(0x12F8, qx);
    put(0x1350, qy);
    put(0x10E0, r);
    put(0xC68, s);
    put(0x13A8, hash);
    put(0x1088, c.n);
    run(0x26);
    return read(pka, 0x5D0);
  }
};

// RFC 6979 A.2.5, message "sample".
constexpr std::string_view kD = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
constexpr std::string_view kQx = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
constexpr std::string_view kQy = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
constexpr std::string_view kK = "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60";
constexpr std::string_view kHash = "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf";
constexpr std::string_view kR = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
constexpr std::string_view kS = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

constexpr std::string_view kZero = "0000000000000000000000000000000000000000000000000000000000000000";

// --- getting ready and errors

TEST_F(PkaTest, NotReadyWithoutRandomNumbers) {
  random = false;
  pka.reset(Reset::System);
  EXPECT_EQ(read(pka, kSr), 0U);
  write(pka, kCr, kEn);
  run_for(scheduler, seconds(6));
  EXPECT_EQ(read(pka, kSr), 0U);
  write(pka, kCr, kEn | kStart | 0x09 << 8);
  EXPECT_EQ(read(pka, kSr) & kBusy, 0U);
  random = true;
  clocks.change(clocks.hclk());
  run_for(scheduler, microseconds(20));
  EXPECT_EQ(read(pka, kSr), kInitOk);
  write(pka, kCr, 0);
  EXPECT_EQ(read(pka, kSr), 0U);
}

TEST_F(PkaTest, ResetErasesTheRam) {
  put(0x400, 1U);
  write(pka, 0x18D4, 5);
  pka.reset(Reset::System);
  EXPECT_EQ(read(pka, 0x400), 0U);
  EXPECT_EQ(read(pka, 0x18D4), 0U);
}

TEST_F(PkaTest, UnknownOperationIsAnError) {
  write(pka, kCr, kEn | kOpErr);  // OPERRIE
  for (std::uint32_t mode = 0; mode < 64; ++mode) {
    write(pka, kCr, kEn | kOpErr | mode << 8);
    const bool known = pka_operation(mode) != nullptr;
    EXPECT_EQ(read(pka, kSr) & kOpErr, known ? 0 : kOpErr) << mode;
    EXPECT_EQ(lines.level(97), !known);
    EXPECT_EQ(bits(read(pka, kCr), 13, 8) == mode, known);
    write(pka, kClrfr, kOpErr);
    EXPECT_EQ(read(pka, kClrfr), 0U);
  }
}

TEST_F(PkaTest, RamIsClosedWhileBusy) {
  put(0x408, 64U);
  put(0xA50, "05");
  put(0xC68, "07");
  write(pka, kCr, kEn | kProcEnd | kRamErr | 0x09 << 8);
  set_bits(pka, kCr, kStart);
  EXPECT_EQ(read(pka, 0xA50), 0U);
  EXPECT_EQ(read(pka, kSr) & kRamErr, kRamErr);
  EXPECT_TRUE(lines.level(97));
  write(pka, kClrfr, kRamErr);
  EXPECT_FALSE(lines.level(97));
  write(pka, 0xA50, 99);
  EXPECT_EQ(read(pka, kSr) & kRamErr, kRamErr);
  write(pka, kClrfr, kRamErr);
  run_for(scheduler, microseconds(10));
  EXPECT_TRUE(lines.level(97));
  EXPECT_EQ(read(pka, 0xE78), 12U);
  write(pka, kClrfr, kProcEnd);
  EXPECT_FALSE(lines.level(97));
}

TEST_F(PkaTest, OutsideTheRamIsAnAddressError) {
  for (const std::uint32_t offset : {0x0CU, 0x3FCU, 0x18D8U, 0x1FFCU}) {
    EXPECT_EQ(read(pka, offset), 0U);
    EXPECT_EQ(read(pka, kSr) & kAddrErr, kAddrErr) << offset;
    write(pka, kClrfr, kAddrErr);
    write(pka, offset, 1);
    EXPECT_EQ(read(pka, kSr) & kAddrErr, kAddrErr) << offset;
    write(pka, kClrfr, kAddrErr);
  }
  std::uint32_t value = 0;
  EXPECT_EQ(pka.read(0x400, 1, kSecure, value), Outcome::BusError);
}

TEST_F(PkaTest, LengthsOutOfRangeAreRefused) {
  for (const std::uint32_t length : {0U, 4161U, 0xFFFF'FFFFU}) {
    put(0x408, length);
    write(pka, kCr, kEn | 0x09 << 8);
    set_bits(pka, kCr, kStart);
    run_for(scheduler, seconds(1));
    EXPECT_EQ(read(pka, kSr), kInitOk | kOpErr) << length;
    write(pka, kClrfr, kOpErr);
  }
}

TEST_F(PkaTest, DisablingEndsAnOperation) {
  put(0x408, 64U);
  write(pka, kCr, kEn | 0x09 << 8);
  set_bits(pka, kCr, kStart);
  write(pka, kCr, 0);
  EXPECT_EQ(read(pka, kSr), 0U);
  run_for(scheduler, microseconds(100));
  EXPECT_EQ(read(pka, kSr), 0U);
}

// --- integers

TEST_F(PkaTest, IntegersByHand) {
  put(0x408, 64U);
  const auto result = [&](std::uint32_t mode, std::string_view a, std::string_view b, std::string_view n) {
    put(0xA50, a);
    put(0xC68, b);
    put(0x1088, n);
    run(mode);
    return number(0xE78, 128);
  };
  const std::string zeros(16, '0');
  EXPECT_EQ(result(0x09, "ffffffffffffffff", "02", "11"), "00000000000000010000000000000001");
  EXPECT_EQ(result(0x0A, "0a", "03", "11"), zeros + "0000000000000007");
  EXPECT_EQ(result(0x0A, "03", "0a", "11"), "00000000fffffffffffffffffffffff9");
  EXPECT_EQ(result(0x0B, "ffffffffffffffff", "ffffffffffffffff", "11"), "fffffffffffffffe0000000000000001");
  EXPECT_EQ(result(0x0E, "0f", "05", "11"), zeros + "0000000000000003");
  EXPECT_EQ(result(0x0F, "05", "0f", "11"), zeros + "0000000000000007");
  EXPECT_EQ(result(0x08, "03", "11", "11"), zeros + "0000000000000006");  // the modulus stands where B does
  // 5 * 7 / 2^64 mod 17, and 2^64 = (2^8)^8 = 1 mod 17.
  EXPECT_EQ(result(0x10, "05", "07", "11"), zeros + "0000000000000001");
}

TEST_F(PkaTest, ComparisonsHaveTheirCodes) {
  put(0x408, 64U);
  put(0xA50, "05");
  put(0xC68, "05");
  run(0x0C);
  EXPECT_EQ(read(pka, 0xE78), 0xED2CU);
  put(0xC68, "04");
  run(0x0C);
  EXPECT_EQ(read(pka, 0xE78), 0x7AF8U);
  put(0xC68, "06");
  run(0x0C);
  EXPECT_EQ(read(pka, 0xE78), 0x916AU);
}

TEST_F(PkaTest, Reduction) {
  put(0x400, 128U);
  put(0x408, 8U);
  put(0xA50, "00000000000000010000000000000005");
  put(0xC68, "11");
  run(0x0D);
  EXPECT_EQ(read(pka, 0xE78), 6U);  // 2^64 + 5 = 6 mod 17
}

// --- exponentiation

TEST_F(PkaTest, MontgomeryParameterOfP192) {
  // R = 2^192, p = 2^192 - 2^64 - 1: R^2 = (2^64 + 1)^2 = 2^128 + 2^65 + 1.
  put(0x408, 192U);
  put(0x1088, "fffffffffffffffffffffffffffffffeffffffffffffffff");
  run(0x01);
  EXPECT_EQ(number(0x620, 192), "000000000000000100000000000000020000000000000001");
}

/// Fermat: a^p = a mod p.
TEST_F(PkaTest, ExponentiationModuloAPrime) {
  const std::string base = "0123456789abcdef";
  const std::string expected = std::string(256 - base.size(), '0') + base;
  const auto load = [&] {
    put(0x400, 1024U);
    put(0x408, 1024U);
    put(0xC68, std::string(256 - base.size(), '0') + base);
    put(0xE78, kOakley2);
    put(0x1088, kOakley2);
  };
  load();
  run(0x00);
  EXPECT_EQ(number(0x838, 1024), expected);
  EXPECT_EQ(read(pka, 0x838 + 128), 0U);

  run(0x01);  // leaves R^2 for the fast one
  load();
  run(0x02);
  EXPECT_EQ(number(0x838, 1024), expected);
  load();
  put(0x620, "01");
  run(0x02);
  EXPECT_NE(number(0x838, 1024), expected);  // a wrong R^2
}

TEST_F(PkaTest, ProtectedExponentiationErasesItsSecrets) {
  put(0x400, 1024U);
  put(0x408, 1024U);
  put(0x16C8, "02");
  put(0x14B8, kOakley2);
  put(0x838, kOakley2);
  put(0xC68, kOakley2);
  run(0x03);
  EXPECT_EQ(read(pka, 0x1298), 0xD60DU);
  EXPECT_EQ(read(pka, 0x838), 2U);
  EXPECT_EQ(number(0x14B8, 1024), std::string(256, '0'));
}

/// RSA with the primes p and n of P-256: what the public exponent 7 has made of a number, dP and dQ undo.
TEST_F(PkaTest, ChineseRemainderUndoesThePublicExponent) {
  const std::string message = std::string(96, '0') + "0123456789abcdef0123456789abcdef";
  // 7 is the least prime that divides neither p - 1 nor n - 1.
  const std::string dp = inverse("07", less_one(kP256.p)), dq = inverse("07", less_one(kP256.n));
  const std::string qinv = inverse(kP256.n, kP256.p);
  put(0x408, 256U);
  put(0xA50, kP256.p);
  put(0xC68, kP256.n);
  run(0x0B);
  const std::string modulus = number(0xE78, 512);

  put(0x400, 8U);
  put(0x408, 512U);
  put(0xC68, message);
  put(0xE78, "07");
  put(0x1088, modulus);
  run(0x00);
  const std::string sealed = number(0x838, 512);
  EXPECT_NE(sealed, message);

  put(0x408, 512U);
  put(0x730, dp);
  put(0xE78, dq);
  put(0x948, qinv);
  put(0xB60, kP256.p);
  put(0x1088, kP256.n);
  put(0x12A0, sealed);
  run(0x07);
  EXPECT_EQ(number(0x838, 512), message);
}

// --- curves

TEST_F(PkaTest, ScalarMultiplicationOfTheNistVectors) {
  load_scalar_curve(kP256);
  put(0x12A0, "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534");
  put(0x578, "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287");
  put(0x470, "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac");
  run(0x20);
  EXPECT_EQ(read(pka, 0x680), 0xD60DU);
  EXPECT_EQ(number(0x578, 256), "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b");
  EXPECT_EQ(read(pka, 0x578 + 32), 0U);
  EXPECT_EQ(number(0x12A0, 256), kZero);  // the secret is gone
}

TEST_F(PkaTest, ScalarZeroGivesTheOrigin) {
  load_scalar_curve(kP256);
  put_256(0x12A0, "00");
  put(0x578, kP256.gx);
  put(0x470, kP256.gy);
  run(0x20);
  EXPECT_EQ(read(pka, 0x680), 0xD60DU);
  EXPECT_EQ(number(0x578, 256), kZero);
  EXPECT_EQ(number(0x5D0, 256), kZero);
}

TEST_F(PkaTest, PointOffTheCurveFailsAndIsReported) {
  load_scalar_curve(kP256);
  put_256(0x12A0, "05");
  put(0x578, kP256.gy);
  put(0x470, kP256.gx);
  run(0x20);
  EXPECT_EQ(read(pka, 0x680), 0xCBC9U);
  EXPECT_EQ(faults, 1U);
}

TEST_F(PkaTest, PointCheck) {
  const auto check = [&](std::string_view x, std::string_view y) {
    put(0x408, 256U);
    put(0x410, 1U);
    put_256(0x418, kP256.a);
    put(0x520, kP256.b);
    put(0x470, kP256.p);
    put(0x578, x);
    put(0x5D0, y);
    run(0x28);
    return read(pka, 0x680);
  };
  EXPECT_EQ(check(kP256.gx, kP256.gy), 0xD60DU);
  EXPECT_EQ(check(kP256.gy, kP256.gx), 0xA3B7U);
  EXPECT_EQ(check(kP256.p, kP256.gy), 0xF946U);
}

TEST_F(PkaTest, EcdsaSignaturesOfRfc6979) {
  const Signature p256 = sign(kP256, kD, kK, kHash);
  EXPECT_EQ(p256.status, 0xD60DU);
  EXPECT_EQ(p256.r, kR);
  EXPECT_EQ(p256.s, kS);
  EXPECT_EQ(number(0xF28, 256), kZero);  // the private key is gone
  EXPECT_EQ(number(0x1400, 256), kR);    // x of kG, which is below n here

  const Signature p384 = sign(
      kP384,
      "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
      "94ed910d1a099dad3254e9242ae85abde4ba15168eaf0ca87a555fd56d10fbca2907e3e83ba95368623b8c4686915cf9",
      "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312313bca4a9b5b890efee42c77b1ee25fe");
  EXPECT_EQ(
      p384.r,
      "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46");
  EXPECT_EQ(
      p384.s,
      "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8");
}

TEST_F(PkaTest, EcdsaVerification) {
  EXPECT_EQ(verify(kP256, kQx, kQy, kHash, kR, kS), 0xD60DU);
  EXPECT_EQ(number(0x578, 256), kR);
  std::string other(kHash);
  other.back() = '0';
  EXPECT_EQ(verify(kP256, kQx, kQy, other, kR, kS), 0xA3B7U);
  EXPECT_EQ(verify(kP256, kQx, kQy, kHash, kS, kR), 0xA3B7U);
  EXPECT_EQ(verify(kP256, kQx, kQy, kHash, kZero, kS), 0xA3B7U);
  EXPECT_EQ(verify(kP256, kQx, kQy, kHash, kR, kZero), 0xA3B7U);
  EXPECT_EQ(verify(kP256, kQx, kQy, kHash, kR, kP256.n), 0xA3B7U);
  EXPECT_EQ(verify(kP256, kQy, kQx, kHash, kR, kS), 0xA3B7U);  // a key that is not on the curve
}

TEST_F(PkaTest, SignatureWithoutARandomNumberFails) {
  EXPECT_EQ(sign(kP256, kD, kZero, kHash).status, 0xA3B7U);  // r = 0
}

// 2G + 3G = 5G three ways.

TEST_F(PkaTest, CompleteAdditionAgreesWithScalarMultiplication) {
  const Point two = multiple("02"), three = multiple("03"), five = multiple("05");
  load_points(two, three);
  run(0x23);
  EXPECT_EQ(number(0xD60, 256), five.first);
  EXPECT_EQ(number(0xDB8, 256), five.second);
  run(0x2F);
  EXPECT_EQ(read(pka, 0x680), 0xD60DU);
  EXPECT_EQ(number(0x578, 256), five.first);
}

TEST_F(PkaTest, TheLadderAgreesWithScalarMultiplication) {
  const Point two = multiple("02"), five = multiple("05");
  load_points({std::string(kP256.gx), std::string(kP256.gy)}, two);
  put(0x400, 256U);
  put_256(0x520, "03");
  put_256(0x578, "01");
  run(0x27);
  EXPECT_EQ(read(pka, 0x520), 0xD60DU);
  EXPECT_EQ(number(0x578, 256), five.first);
  EXPECT_EQ(number(0x5D0, 256), five.second);

  load_points(two, two);
  put(0x400, 256U);
  put_256(0x520, "01");
  put(0x578, std::string(kP256.n.substr(0, 63)) + "0");  // n - 1: 2G - 2G
  run(0x27);
  EXPECT_EQ(read(pka, 0x520), 0xA3B7U);
  EXPECT_EQ(number(0x578, 256), kZero);
}

/// With Z = 2.
TEST_F(PkaTest, ProjectiveCoordinatesAreConverted) {
  const Point five = multiple("05");
  const std::string x = doubled(five.first), y = doubled(five.second);
  put(0x470, kP256.p);
  put(0xD60, x);
  put(0xDB8, y);
  put_256(0xE10, "02");
  run(0x2F);
  EXPECT_EQ(number(0x578, 256), five.first);
  EXPECT_EQ(number(0x5D0, 256), five.second);
}

// --- time: RM0456 tables 521 to 528

TEST_F(PkaTest, OperationsTakeTheClocksOfTheManual) {
  EXPECT_EQ(verify(kP256, kQx, kQy, kHash, kR, kS), 0xD60DU);
  put(0x408, 256U);
  put(0x4C8, 256U);
  EXPECT_EQ(run(0x26), 2'938'000U);
  load_scalar_curve(kP256);
  EXPECT_EQ(run(0x24), 2'744'000U);
  load_scalar_curve(kP384);
  EXPECT_EQ(run(0x20), 8'518'000U);
  // 65537 as exponent: 180,000 clocks with 1024 bits, 78,200 with R^2 at hand.
  put(0x400, 17U);
  put(0x408, 1024U);
  put(0xE78, "010001");
  put(0x1088, kOakley2);
  EXPECT_NEAR(static_cast<double>(run(0x00)), 180'000, 5'400);
  put(0x400, 17U);
  put(0x408, 1024U);
  put(0xE78, "010001");
  EXPECT_NEAR(static_cast<double>(run(0x02)), 78'200, 2'400);
}

TEST_F(PkaTest, StateIsArchivedDuringAnOperation) {
  put(0x408, 64U);
  put(0xA50, "05");
  put(0xC68, "07");
  write(pka, kCr, kEn | 0x09 << 8);
  set_bits(pka, kCr, kStart);
  Archive saved;
  pka.serialise(saved);
  Pka other{scheduler, clocks, lines, {.random_alive = [] { return true; }, .fault = {}}};
  Archive loaded(saved.bytes());
  other.serialise(loaded);
  EXPECT_NE(read(other, kSr) & kBusy, 0U);
  run_for(scheduler, microseconds(10));
  EXPECT_NE(read(other, kSr) & kProcEnd, 0U);
  EXPECT_EQ(read(other, 0xE78), 12U);
}

}  // namespace
}  // namespace microvisor::board
