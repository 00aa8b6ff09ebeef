// The boot stages verify with PKA, which needs the random number generator. Interrupts are off there, so the
// core can sleep until the block's line is pending without ever taking the interrupt.
#include "firmware/crypto/boot.hpp"
#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/pka.hpp"
#include "firmware/drivers/stm32u5/rng.hpp"

namespace microvisor::firmware::crypto {

namespace {

void sleep_until_pka() {
  stm32u5::enable_line(stm32u5::kLinePka);
  stm32u5::data_barrier();
  asm volatile("wfi" : : : "memory");
  stm32u5::disable_line(stm32u5::kLinePka);
}

}  // namespace

bool start_for_boot() {
  stm32u5::start_rng();
  stm32u5::set_pka_wait(sleep_until_pka);
  return stm32u5::start_pka();
}

}  // namespace microvisor::firmware::crypto
