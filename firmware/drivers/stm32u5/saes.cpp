// Order of steps as in RM0456 sections 50.4.3 (initialisation) and 50.4.8 (ECB).
#include "firmware/drivers/stm32u5/saes.hpp"

#include <cstring>

#include "firmware/drivers/stm32u5/gtzc.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr unsigned kMaximumPolls = 100'000;
constexpr std::uint32_t kMode = Saes::kHardwareKey | Saes::kLongKey | Saes::kBytes;  // ECB, encryption

[[nodiscard]] bool wait_for(const volatile std::uint32_t& reg, std::uint32_t mask, std::uint32_t value) {
  for (unsigned i = 0; i < kMaximumPolls; ++i) {
    if ((reg & mask) == value) return true;
  }
  return false;
}

}  // namespace

bool start_saes() {
  rcc().ahb1enr = rcc().ahb1enr | Rcc::kAhb1Gtzc1;
  (void)rcc().ahb1enr;
  tzsc1().seccfgr[2] = tzsc1().seccfgr[2] | Tzsc::kSaes;  // no more than isolation sets anyway
  rcc().cr = rcc().cr | Rcc::kShsiOn;
  rcc().ahb2enr1 = rcc().ahb2enr1 | Rcc::kAhb2Saes;
  (void)rcc().ahb2enr1;
  if (!wait_for(rcc().cr, Rcc::kShsiReady, Rcc::kShsiReady)) return false;
  saes().cr = Saes::kReset;
  saes().cr = 0;
  if (!wait_for(saes().sr, Saes::kBusy, 0)) return false;
  saes().cr = kMode;
  return wait_for(saes().sr, Saes::kBusy | Saes::kKeyValid, Saes::kKeyValid);
}

bool saes_encrypt_with_hardware_key(SaesBlock& block) {
  saes().icr = Saes::kComplete | Saes::kErrors;
  saes().cr = kMode | Saes::kEnable;
  for (std::size_t at = 0; at < block.size(); at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    std::memcpy(&word, block.data() + at, sizeof word);
    saes().dinr = word;
  }
  const bool good = wait_for(saes().isr, Saes::kComplete, Saes::kComplete);
  for (std::size_t at = 0; at < block.size(); at += sizeof(std::uint32_t)) {
    const std::uint32_t word = saes().doutr;
    std::memcpy(block.data() + at, &word, sizeof word);
  }
  const bool failed = (saes().isr & Saes::kErrors) != 0;
  saes().icr = Saes::kComplete | Saes::kErrors;
  saes().cr = kMode;
  return good && !failed;
}

void stop_saes() {
  saes().cr = Saes::kReset;
  saes().cr = 0;
  rcc().ahb2enr1 = rcc().ahb2enr1 & ~Rcc::kAhb2Saes;
}

}  // namespace microvisor::firmware::stm32u5
