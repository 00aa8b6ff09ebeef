// A word counts only if it was ready, no error was flagged while it was taken, and it is not zero (RM0456
// section 45.3.5: a zero means that the read came too early). A seed error is answered with a conditioning
// reset, a few times.
#include "firmware/drivers/stm32u5/rng.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/drivers/stm32u5/rcc.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr unsigned kMaximumPolls = 100'000;
constexpr unsigned kMaximumRecoveries = 8;

void condition() {
  rng().cr = Rng::kConfigurationA | Rng::kConditioningReset;
  rng().htcr = Rng::kHealthTestsA;
  rng().cr = Rng::kConfigurationA;
  for (unsigned i = 0; i < kMaximumPolls && (rng().cr & Rng::kConditioningReset) != 0; ++i) {
  }
  rng().sr = 0;  // clears the latched errors (write zero to clear)
  rng().cr = Rng::kConfigurationA | Rng::kEnable;
}

bool read_word(std::uint32_t& word) {
  for (unsigned recovery = 0; recovery < kMaximumRecoveries; ++recovery) {
    for (unsigned i = 0; i < kMaximumPolls; ++i) {
      const std::uint32_t status = rng().sr;
      if ((status & (Rng::kSeedError | Rng::kErrorLatches)) != 0) break;
      if ((status & Rng::kDataReady) == 0) continue;
      word = rng().dr;
      if (word != 0 && (rng().sr & (Rng::kSeedError | Rng::kErrorLatches)) == 0) return true;
    }
    condition();
  }
  return false;
}

}  // namespace

void start_rng() {
  rcc().cr = rcc().cr | Rcc::kHsi48On;
  while ((rcc().cr & Rcc::kHsi48Ready) == 0) {
  }
  rcc().ahb2enr1 = rcc().ahb2enr1 | Rcc::kAhb2Rng;
  (void)rcc().ahb2enr1;
  condition();
}

bool read_rng(std::span<std::uint8_t> out) {
  for (std::size_t at = 0; at < out.size(); at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    if (!read_word(word)) return false;
    std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
  }
  return true;
}

}  // namespace microvisor::firmware::stm32u5
