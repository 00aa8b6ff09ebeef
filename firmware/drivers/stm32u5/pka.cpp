// Offsets of operands: RM0456 tables 510 to 516. A number lies in the RAM with its least significant word
// first, and two words of zeros behind it.
#include "firmware/drivers/stm32u5/pka.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr unsigned kMaximumPolls = 100'000;
constexpr std::uint32_t kBits = 256;
constexpr std::size_t kWords = kBits / 32;
constexpr std::uint32_t kSuccess = 0xD60D;

enum Mode : std::uint32_t { kMultiply = 0x20, kSign = 0x24, kVerify = 0x26, kCheckPoint = 0x28 };

using Words = std::array<std::uint32_t, kWords>;  // least significant first

// P-256 (FIPS 186-4 D.1.2.3). a is -3: sign and absolute value.
constexpr Words kPrime{0xFFFF'FFFF, 0xFFFF'FFFF, 0xFFFF'FFFF, 0, 0, 0, 1, 0xFFFF'FFFF};
constexpr Words kAbsoluteA{3, 0, 0, 0, 0, 0, 0, 0};
constexpr Words kB{0x27D2'604B, 0x3BCE'3C3E, 0xCC53'B0F6, 0x651D'06B0,
                   0x7698'86BC, 0xB3EB'BD55, 0xAA3A'93E7, 0x5AC6'35D8};
constexpr Words kOrder{0xFC63'2551, 0xF3B9'CAC2, 0xA717'9E84, 0xBCE6'FAAD,
                       0xFFFF'FFFF, 0xFFFF'FFFF, 0x0000'0000, 0xFFFF'FFFF};
/// (2^256)^2 mod p: brings operands into Montgomery's form.
constexpr Words kMontgomery{0x0000'0003, 0x0000'0000, 0xFFFF'FFFF, 0xFFFF'FFFB,
                            0xFFFF'FFFE, 0xFFFF'FFFF, 0xFFFF'FFFD, 0x0000'0004};
constexpr std::uint32_t kNegative = 1;

void (*wait_hook)() = nullptr;

volatile std::uint32_t& ram(std::uint32_t offset) { return pka().ram[(offset - offsetof(Pka, ram)) / 4]; }

void put(std::uint32_t offset, std::uint32_t value) {
  ram(offset) = value;
  ram(offset + 4) = 0;
}

void put(std::uint32_t offset, const Words& words) {
  for (const std::uint32_t word : words) {
    ram(offset) = word;
    offset += 4;
  }
  put(offset, 0);
}

Words words_of(const PkaNumber& number) {
  Words words{};
  for (std::size_t i = 0; i < kWords; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, number.data() + 4 * (kWords - 1 - i), sizeof word);
    words[i] = __builtin_bswap32(word);
  }
  return words;
}

void put(std::uint32_t offset, const PkaNumber& number) { put(offset, words_of(number)); }

PkaNumber number_at(std::uint32_t offset) {
  PkaNumber number{};
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t word = __builtin_bswap32(ram(offset + 4 * static_cast<std::uint32_t>(i)));
    std::memcpy(number.data() + 4 * (kWords - 1 - i), &word, sizeof word);
  }
  return number;
}

/// Runs what the RAM has been filled for. False if the block reports an error of use.
[[nodiscard]] bool run(Mode mode) {
  pka().clrfr = Pka::kDone | Pka::kErrors;
  pka().cr = Pka::kEnable | mode << 8;
  pka().cr = Pka::kEnable | Pka::kDone | mode << 8 | Pka::kStart;  // with the interrupt of the end
  for (;;) {
    const std::uint32_t status = pka().sr;
    if ((status & (Pka::kDone | Pka::kErrors)) != 0) {
      pka().cr = Pka::kEnable | mode << 8;
      pka().clrfr = Pka::kDone | Pka::kErrors;
      clear_pending_line(kLinePka);  // whoever waited for it has not taken the interrupt
      return (status & (Pka::kDone | Pka::kErrors)) == Pka::kDone;
    }
    if (wait_hook != nullptr) wait_hook();
  }
}

/// What multiplication and signing have in common.
void put_scalar_operands(const PkaNumber& k, const PkaPoint& point) {
  put(0x400, kBits);
  put(0x408, kBits);
  put(0x410, kNegative);
  put(0x418, kAbsoluteA);
  put(0x520, kB);
  put(0x1088, kPrime);
  put(0x12A0, k);
  put(0x578, point.x);
  put(0x470, point.y);
  put(0xF88, kOrder);
}

constexpr PkaNumber bytes_of(const Words& words) {
  PkaNumber number{};
  for (std::size_t i = 0; i < number.size(); ++i) {
    number[i] = static_cast<std::uint8_t>(words[kWords - 1 - i / 4] >> (24 - 8 * (i % 4)));
  }
  return number;
}

}  // namespace

const PkaPoint kP256Base{bytes_of({0xD898'C296, 0xF4A1'3945, 0x2DEB'33A0, 0x7703'7D81, 0x63A4'40F2,
                                   0xF8BC'E6E5, 0xE12C'4247, 0x6B17'D1F2}),
                         bytes_of({0x37BF'51F5, 0xCBB6'4068, 0x6B31'5ECE, 0x2BCE'3357, 0x7C0F'9E16,
                                   0x8EE7'EB4A, 0xFE1A'7F9B, 0x4FE3'42E2})};

bool start_pka() {
  rcc().ahb2enr1 = rcc().ahb2enr1 | Rcc::kAhb2Pka;
  (void)rcc().ahb2enr1;
  pka().cr = Pka::kEnable;
  for (unsigned i = 0; i < kMaximumPolls; ++i) {
    if ((pka().sr & Pka::kReady) != 0) return true;
  }
  return false;
}

void set_pka_wait(void (*wait)()) { wait_hook = wait; }

bool pka_on_curve(const PkaPoint& point) {
  put(0x408, kBits);
  put(0x410, kNegative);
  put(0x418, kAbsoluteA);
  put(0x520, kB);
  put(0x470, kPrime);
  put(0x578, point.x);
  put(0x5D0, point.y);
  put(0x4C8, kMontgomery);
  return run(kCheckPoint) && ram(0x680) == kSuccess;
}

bool pka_multiply(const PkaNumber& k, const PkaPoint& point, PkaPoint& result) {
  put_scalar_operands(k, point);
  if (!run(kMultiply) || ram(0x680) != kSuccess) return false;
  result.x = number_at(0x578);
  result.y = number_at(0x5D0);
  const auto zero = [](std::uint8_t byte) { return byte == 0; };
  return !std::all_of(result.x.begin(), result.x.end(), zero) ||
         !std::all_of(result.y.begin(), result.y.end(), zero);
}

bool pka_sign(const PkaNumber& key, const PkaNumber& k, const PkaNumber& digest, PkaNumber& r, PkaNumber& s) {
  put_scalar_operands(k, kP256Base);
  put(0xFE8, digest);
  put(0xF28, key);
  if (!run(kSign) || ram(0xFE0) != kSuccess) return false;
  r = number_at(0x730);
  s = number_at(0x788);
  return true;
}

PkaVerification pka_verify(const PkaPoint& key, const PkaNumber& digest, const PkaNumber& r,
                           const PkaNumber& s) {
  put(0x408, kBits);
  put(0x4C8, kBits);
  put(0x468, kNegative);
  put(0x470, kAbsoluteA);
  put(0x4D0, kPrime);
  put(0x678, kP256Base.x);
  put(0x6D0, kP256Base.y);
  put(0x12F8, key.x);
  put(0x1350, key.y);
  put(0x10E0, r);
  put(0xC68, s);
  put(0x13A8, digest);
  put(0x1088, kOrder);
  PkaVerification result;
  if (!run(kVerify)) return result;
  result.status = ram(0x5D0);
  result.computed_r = number_at(0x578);
  return result;
}

bool below_p256_order(const PkaNumber& number) {
  static constexpr PkaNumber kOrderBytes = bytes_of(kOrder);
  const bool zero = std::all_of(number.begin(), number.end(), [](std::uint8_t byte) { return byte == 0; });
  return !zero && number < kOrderBytes;
}

}  // namespace microvisor::firmware::stm32u5
