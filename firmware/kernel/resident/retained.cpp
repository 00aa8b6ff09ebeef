#include "firmware/kernel/resident/retained.hpp"

#include "firmware/drivers/stm32u5/pwr.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/layout.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kMagic = 0x4B52'564D;  // "MVRK" in memory order
constexpr std::uint32_t kPlace = kRetained;
static_assert(kBootStatus + kBootStatusSize <= kPlace && kPlace + sizeof(Retained) <= kBootMeasurements);

volatile Retained& memory() { return *reinterpret_cast<volatile Retained*>(kPlace); }

Retained read() {
  const volatile Retained& m = memory();
  const Retained r{m.magic,          m.wake_reason,   m.crash_code, m.crash_detail,
                   m.kernel_crashes, m.restart_pause, m.compatible, m.check};
  return r.magic == kMagic && r.check == retained_check(r) ? r : Retained{.magic = kMagic};
}

void write(Retained r) {
  r.magic = kMagic;
  volatile Retained& m = memory();
  m.magic = r.magic;
  m.wake_reason = r.wake_reason;
  m.crash_code = r.crash_code;
  m.crash_detail = r.crash_detail;
  m.kernel_crashes = r.kernel_crashes;
  m.restart_pause = r.restart_pause;
  m.compatible = r.compatible;
  m.check = retained_check(r);
}

}  // namespace

MV_FLASH_CODE void open_retained() {
  using namespace stm32u5;
  rcc().ahb3enr = rcc().ahb3enr | Rcc::kAhb3Pwr;
  rcc().ahb1enr = rcc().ahb1enr | Rcc::kAhb1Backup;
  (void)rcc().ahb1enr;
  pwr().dbpr = Pwr::kDisableBackupProtection;
}

MV_FLASH_CODE Retained take_retained() {
  const Retained r = read();
  write(Retained{.kernel_crashes = r.kernel_crashes, .compatible = r.compatible});
  return r;
}

MV_FLASH_CODE void retain_wake_reason(abi::WakeReason reason) {
  Retained r = read();
  r.wake_reason = static_cast<std::uint32_t>(reason);
  write(r);
}

MV_FLASH_CODE void retain_restart_pause(std::uint32_t milliseconds) {
  Retained r = read();
  r.restart_pause = milliseconds;
  write(r);
}

MV_FLASH_CODE void retain_compatibility(std::uint32_t application_tag) {
  Retained r = read();
  r.compatible = application_tag;
  write(r);
}

void retain_kernel_crash(std::uint32_t code, std::uint32_t detail) {
  Retained r = read();
  r.wake_reason = static_cast<std::uint32_t>(reason_of_failure(code, detail));
  r.crash_code = code;
  r.crash_detail = detail;
  ++r.kernel_crashes;
  write(r);
}

}  // namespace microvisor::firmware::kernel
