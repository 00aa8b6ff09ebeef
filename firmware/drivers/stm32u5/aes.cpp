// Order of steps as in RM0456 section 49.4.10 (GCM): init, header, payload, final, each a phase in CR.GCMPH.
#include "firmware/drivers/stm32u5/aes.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/drivers/stm32u5/rcc.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr std::size_t kBlock = 16;
constexpr unsigned kMaximumPolls = 10'000;  // the longest phase takes 88 clocks

// Of the message in the block.
std::uint32_t mode = 0;  // CR but for the phase
std::uint32_t context_size = 0;
std::uint32_t payload_size = 0;

std::uint32_t word_at(const std::uint8_t* bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint32_t big_endian_at(const std::uint8_t* bytes) { return __builtin_bswap32(word_at(bytes)); }

[[nodiscard]] bool complete() {
  for (unsigned i = 0; i < kMaximumPolls; ++i) {
    if ((aes().isr & Aes::kComplete) == 0) continue;
    aes().icr = Aes::kComplete;
    return true;
  }
  return false;
}

void put_block(const std::uint8_t* bytes) {
  aes().dinr = word_at(bytes);
  aes().dinr = word_at(bytes + 4);
  aes().dinr = word_at(bytes + 8);
  aes().dinr = word_at(bytes + 12);
}

void take_block(std::uint8_t* bytes) {
  for (std::size_t at = 0; at < kBlock; at += 4) {
    const std::uint32_t word = aes().doutr;
    std::memcpy(bytes + at, &word, sizeof word);
  }
}

/// The highest register holds the first bytes.
void set_key(std::span<const std::uint8_t, 32> key) {
  for (std::size_t i = 0; i < 4; ++i) aes().keyr_low[i] = big_endian_at(key.data() + 28 - 4 * i);
  for (std::size_t i = 0; i < 4; ++i) aes().keyr_high[i] = big_endian_at(key.data() + 12 - 4 * i);
}

[[nodiscard]] bool authenticate(std::span<const std::uint8_t> context) {
  if (context.empty()) return true;
  aes().cr = mode | Aes::kHeader | Aes::kEnable;
  for (std::size_t at = 0; at < context.size(); at += kBlock) {
    std::array<std::uint8_t, kBlock> block{};
    std::copy_n(context.begin() + static_cast<std::ptrdiff_t>(at), std::min(kBlock, context.size() - at),
                block.begin());
    put_block(block.data());
    if (!complete()) return false;
  }
  return true;
}

}  // namespace

bool AesGcm::start(bool decrypt, std::span<const std::uint8_t, 32> key, std::span<const std::uint8_t> context,
                   std::span<const std::uint8_t, 12> nonce) {
  constexpr std::uint32_t kFirstCounter = 2;  // 1 encrypts the tag
  rcc().ahb2enr1 = rcc().ahb2enr1 | Rcc::kAhb2Aes;
  (void)rcc().ahb2enr1;
  mode = Aes::kGcm | Aes::kLongKey | Aes::kBytes | (decrypt ? Aes::kDecrypt : 0u);
  context_size = static_cast<std::uint32_t>(context.size());
  payload_size = 0;
  aes().cr = Aes::kReset;
  aes().cr = 0;
  aes().cr = mode;
  set_key(key);
  for (std::size_t i = 0; i < 3; ++i) aes().ivr[3 - i] = big_endian_at(nonce.data() + 4 * i);
  aes().ivr[0] = kFirstCounter;
  aes().cr = mode | Aes::kEnable;
  if (!complete() || !authenticate(context)) return false;  // after the first phase the block clears EN
  aes().cr = mode | Aes::kPayload | Aes::kEnable;
  return true;
}

bool AesGcm::update(std::span<std::uint8_t> data) {
  payload_size += static_cast<std::uint32_t>(data.size());
  std::uint8_t* at = data.data();
  std::size_t left = data.size();
  for (; left >= kBlock; left -= kBlock, at += kBlock) {
    put_block(at);
    if (!complete()) return false;
    take_block(at);
  }
  if (left == 0) return true;
  std::array<std::uint8_t, kBlock> block{};
  std::copy_n(at, left, block.begin());
  const auto unused = static_cast<std::uint32_t>(kBlock - left);
  aes().cr = mode | Aes::kPayload | Aes::kEnable | unused << Aes::kUnusedShift;
  put_block(block.data());
  if (!complete()) return false;
  take_block(block.data());
  std::copy_n(block.begin(), left, at);
  return true;
}

bool AesGcm::finish(std::array<std::uint8_t, 16>& tag) {
  aes().cr = mode | Aes::kFinal | Aes::kEnable;
  aes().dinr = 0;
  aes().dinr = 8 * context_size;
  aes().dinr = 0;
  aes().dinr = 8 * payload_size;
  if (!complete()) return false;
  take_block(tag.data());
  return true;
}

void AesGcm::stop() {
  aes().cr = Aes::kReset;
  aes().cr = 0;
  rcc().ahb2enr1 = rcc().ahb2enr1 & ~Rcc::kAhb2Aes;
}

}  // namespace microvisor::firmware::stm32u5
