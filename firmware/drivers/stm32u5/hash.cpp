// Order of steps as in RM0456 section 51.4.5. A word written while the block is at work waits on the bus, so
// there is nothing to poll for between words.
#include "firmware/drivers/stm32u5/hash.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/drivers/stm32u5/rcc.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

std::uint32_t word_at(const std::uint8_t* bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

HashMessage::HashMessage() {
  rcc().ahb2enr1 = rcc().ahb2enr1 | Rcc::kAhb2Hash;
  (void)rcc().ahb2enr1;
  hash().cr = Hash::kSha256 | Hash::kBytes | Hash::kInitialise;
}

void HashMessage::update(std::span<const std::uint8_t> data) {
  if (filled_ != 0) {
    const std::size_t count = std::min(rest_.size() - filled_, data.size());
    std::copy_n(data.begin(), count, rest_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += count;
    data = data.subspan(count);
    if (filled_ < rest_.size()) return;
    hash().din = word_at(rest_.data());
    filled_ = 0;
  }
  for (; data.size() >= 16; data = data.subspan(16)) {
    hash().din = word_at(data.data());
    hash().din = word_at(data.data() + 4);
    hash().din = word_at(data.data() + 8);
    hash().din = word_at(data.data() + 12);
  }
  for (; data.size() >= 4; data = data.subspan(4)) hash().din = word_at(data.data());
  std::copy(data.begin(), data.end(), rest_.begin());
  filled_ = data.size();
}

std::array<std::uint8_t, 32> HashMessage::finish() {
  hash().str = 8 * filled_;  // NBLW: bits of the last word that count
  if (filled_ != 0) hash().din = word_at(rest_.data());
  hash().str = 8 * filled_ | Hash::kCalculate;
  while ((hash().sr & Hash::kComplete) == 0) {
  }
  std::array<std::uint8_t, 32> digest{};
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(hash().hr[i]);
    std::memcpy(digest.data() + 4 * i, &word, sizeof word);
  }
  return digest;
}

}  // namespace microvisor::firmware::stm32u5
