// DMA first: a channel of the old application that still ran would write into the new one's memory.
#include "firmware/kernel/application_reset.hpp"

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/exti.hpp"
#include "firmware/drivers/stm32u5/gpio.hpp"
#include "firmware/drivers/stm32u5/gtzc.hpp"
#include "firmware/drivers/stm32u5/mpu.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/drivers/stm32u5/systick.hpp"
#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/isolation.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/peripheral_access.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

namespace {

constexpr std::uint32_t kRcc = 0x4602'0C00;
constexpr std::uint32_t kFirstReset = kRcc + 0x60, kLastReset = kRcc + 0x80;
constexpr std::uint32_t kFirstEnable = kRcc + 0x88, kLastEnable = kRcc + 0xA8;
constexpr std::uint32_t kFirstSleepEnable = kRcc + 0xB0, kLastSleepEnable = kRcc + 0xD0;
constexpr std::uint32_t kAutonomous = kRcc + 0xD8;
constexpr std::uint32_t kFirstSelector = kRcc + 0xE0, kLastSelector = kRcc + 0xF0;

/// Sets the application's bits of all registers of [first, last] to those of `value`.
void set_all(std::uint32_t first, std::uint32_t last, std::uint32_t value) {
  for (const RegisterRule& rule : register_rules()) {
    if (rule.address < first || rule.address > last) continue;
    write_reserved_register(rule.address,
                            poked(rule, read_reserved_register(rule.address), 0xFFFF'FFFF, value));
  }
}

void reset_peripherals() {
  set_all(kFirstReset, kLastReset, 0xFFFF'FFFF);
  data_barrier();
  set_all(kFirstReset, kLastReset, 0);
  set_all(kFirstEnable, kLastEnable, 0);
  set_all(kFirstSleepEnable, kLastSleepEnable, 0xFFFF'FFFF);
  set_all(kAutonomous, kLastSelector, 0);
  // Ports that have a pin of ours cannot be reset as a whole.
  for (char port = 'A'; port <= 'I'; ++port) {
    const std::uint32_t ours = reserved_pins(port);
    if (ours == 0) continue;
    for (unsigned pin = 0; pin < 16; ++pin) {
      if ((ours & (1u << pin)) == 0) configure_pin(port, pin, PinMode::Analog);
    }
  }
  restore_pin_security();
  const std::uint32_t ours = exti().seccfgr1;
  exti().imr1 = exti().imr1 & ours;
  exti().emr1 = exti().emr1 & ours;
  exti().rtsr1 = exti().rtsr1 & ours;
  exti().ftsr1 = exti().ftsr1 & ours;
  exti().rpr1 = ~ours;
  exti().fpr1 = ~ours;
  for (unsigned i = 0; i < 4; ++i) exti().exticr[i] = 0;
}

void reset_interrupts() {
  restore_line_security();
  for (unsigned line = 0; line < Nvic::kLines; ++line) {
    if (line_is_reserved(line)) continue;
    nvic().icer[line / 32] = line_bit(line);
    nvic().icpr[line / 32] = line_bit(line);
    nvic().ipr[line] = 0;
  }
}

void reset_fpu() {
  // The application's floating-point registers are not for its successor. A state waiting to be saved lazily
  // is dropped.
  if (core_register(kMvfr0) == 0) return;
  core_register(kFpccr + kNonSecureOffset) = kFpccrReset;
  scb().cpacr = Scb::kFpuFullAccess;
  full_barrier();
  asm volatile(
      ".fpu fpv5-sp-d16\n\t"
      "vmov s0, %0\n\tvmov s1, %0\n\tvmov s2, %0\n\tvmov s3, %0\n\tvmov s4, %0\n\tvmov s5, %0\n\tvmov s6, "
      "%0\n\t"
      "vmov s7, %0\n\tvmov s8, %0\n\tvmov s9, %0\n\tvmov s10, %0\n\tvmov s11, %0\n\tvmov s12, %0\n\tvmov "
      "s13, %0\n\t"
      "vmov s14, %0\n\tvmov s15, %0\n\tvmov s16, %0\n\tvmov s17, %0\n\tvmov s18, %0\n\tvmov s19, %0\n\t"
      "vmov s20, %0\n\tvmov s21, %0\n\tvmov s22, %0\n\tvmov s23, %0\n\tvmov s24, %0\n\tvmov s25, %0\n\t"
      "vmov s26, %0\n\tvmov s27, %0\n\tvmov s28, %0\n\tvmov s29, %0\n\tvmov s30, %0\n\tvmov s31, %0\n\t"
      "vmsr fpscr, %0\n\t"
      "mrs r1, control\n\tbic r1, r1, #12\n\tmsr control, r1\n\tisb"
      :
      : "r"(0)
      : "r1", "memory");
  scb().cpacr = 0;
  full_barrier();
}

void reset_core() {
  Scb& s = scb_nonsecure();
  s.shcsr = 0;
  s.icsr = Scb::kPendSvClear | Scb::kSysTickClear;
  s.aircr = Scb::kKey;  // PRIGROUP 0
  s.scr = 0;
  s.ccr = Scb::kCcrReset;
  for (unsigned i = 0; i < sizeof s.shpr; ++i) s.shpr[i] = 0;
  s.cfsr = 0xFFFF'FFFF;
  s.cpacr = 0;
  systick_nonsecure().csr = 0;
  systick_nonsecure().rvr = 0;
  systick_nonsecure().cvr = 0;
  Mpu& mpu = mpu_nonsecure();
  mpu.ctrl = 0;
  for (unsigned i = 0; i < Mpu::kRegions; ++i) {
    mpu.rnr = i;
    mpu.rbar = 0;
    mpu.rlar = 0;
  }
  mpu.mair0 = 0;
  mpu.mair1 = 0;
  reset_fpu();
  s.vtor = kApplicationFlash;
  // SYSCFG_CNSLCKR is the application's: it may have locked VTOR or its MPU, which only a reset undoes.
  if (s.vtor != kApplicationFlash || mpu.ctrl != 0) system_reset();
}

void clear(std::uint32_t address, std::uint32_t size) {
  for (auto* word = reinterpret_cast<volatile std::uint32_t*>(address); size != 0; size -= 32, word += 8) {
    word[0] = 0, word[1] = 0, word[2] = 0, word[3] = 0, word[4] = 0, word[5] = 0, word[6] = 0, word[7] = 0;
  }
}

/// The first `bx lr` of the application, for calls made as the last act of an interrupt handler.
std::uint32_t find_return_instruction() {
  constexpr std::uint16_t kBxLr = 0x4770;
  const auto* code = reinterpret_cast<const volatile std::uint16_t*>(kApplicationFlash);
  for (std::uint32_t i = 0; i < kApplicationFlashSize / 2; ++i) {
    if (code[i] == kBxLr) return kApplicationFlash + 2 * i;
  }
  return 0;
}

}  // namespace

void reset_application_world() {
  reset_peripherals();
  reset_interrupts();
  reset_core();
  clear(kApplicationRam, kApplicationRamSize);
  clear(kApplicationRam4, kApplicationRam4Size);
  set_return_instruction(find_return_instruction());
  for (unsigned i = 0; i < 4; ++i) tzic1().fcr[i] = 0xFFFF'FFFF;
  for (unsigned i = 0; i < 2; ++i) tzic2().fcr[i] = 0xFFFF'FFFF;
  clear_pending_line(kLineGtzc);
}

}  // namespace microvisor::firmware::kernel
