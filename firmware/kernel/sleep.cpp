// The system call that sleeps stays in its trap: WFE with SEVONPEND wakes for every interrupt that becomes
// pending, at whatever priority, and the loop looks whether one of them is to be served. It is served as soon
// as the call has returned. During Stop modes TIM5 stands still; the RTC measures what it has missed.
#include "firmware/kernel/sleep.hpp"

#include <algorithm>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/pwr.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/rtc.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/resident/fast_interrupts_device.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/resident/week.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

namespace {

bool clock_runs = false;

std::uint64_t now_of_week() {
  for (;;) {
    const std::uint32_t ssr = rtc().ssr, tr = rtc().tr, dr = rtc().dr;
    if (rtc().ssr == ssr && rtc().tr == tr) return moment_of_week(tr, dr, ssr);
  }
}

/// Has alarm B wake the chip when Microvisor wants to be connected.
void arm_check_in() {
  const std::uint64_t now = clock_microseconds();
  const std::uint64_t due = services().connectivity.next_change(now);
  const std::uint64_t wait = due <= now ? 0 : (due - now) / 1'000'000;
  const auto seconds = static_cast<std::uint32_t>(std::min<std::uint64_t>(wait, kLongestSleep)) + 1;
  const auto second_now = static_cast<std::uint32_t>(now_of_week() / 1'000'000);
  rtc_unlock();
  rtc().cr = rtc().cr & ~Rtc::kAlarmB;
  rtc().alrmbr = alarm_register((second_now + seconds) % kSecondsOfWeek);
  rtc().alrmbssr = 0;
  rtc().scr = Rtc::kAlarmBFlag;
  rtc().cr = rtc().cr | Rtc::kAlarmB;
  rtc_lock();
  // From Stop 3 on it gets through to the core by a wake-up line only (RM0456 table 110).
  pwr().wucr3 = pwr().wucr3 | Pwr::kWakeUp8Internal;
  pwr().wucr1 = pwr().wucr1 | Pwr::kWakeUp8;
}

void disarm_check_in() {
  rtc_unlock();
  rtc().cr = rtc().cr & ~Rtc::kAlarmB;
  rtc_lock();
  rtc().scr = Rtc::kAlarmBFlag;
  pwr().wucr1 = pwr().wucr1 & ~Pwr::kWakeUp8;
  clear_pending_line(kLineRtcSecure);
}

/// Something waits that the application, or Microvisor, is to do now.
bool something_waits() {
  if (fast_interrupt_context.exception != 0) return true;  // served already
  if ((scb().icsr & Scb::kPendSvSet) != 0) return true;
  if ((scb_nonsecure().icsr & (Scb::kPendSvSet | Scb::kSysTickSet)) != 0) return true;
  for (unsigned i = 0; i < Nvic::kWords; ++i) {
    if ((nvic().ispr[i] & nvic().iser[i]) != 0) return true;
  }
  return false;
}

void wait_for_event(bool deep) {
  Scb &s = scb(), &n = scb_nonsecure();
  const std::uint32_t before = s.scr, before_nonsecure = n.scr;
  fast_interrupt_context.exception = 0;
  s.scr = before | Scb::kSendEventOnPend | (deep ? Scb::kSleepDeep : 0);
  n.scr = before_nonsecure | Scb::kSendEventOnPend;
  // A wake-up pin has its flag, and no interrupt of the application's.
  while (!something_waits() &&
         !(deep && ((rtc().sr & Rtc::kAlarmBFlag) != 0 || (pwr().wusr & pwr().wucr1) != 0))) {
    feed_watchdog();
    asm volatile("dsb\n\twfe" : : : "memory");
  }
  s.scr = before;
  n.scr = before_nonsecure;
}

/// In Stop 3 SRAM2, which is the application's, is kept only on request (RM0456 section 10.10.1).
void select_mode(std::uint32_t mode) {
  const std::uint32_t retention = mode == Pwr::kStop3 ? Pwr::kSram2Retention : 0;
  pwr().cr1 = (pwr().cr1 & ~(Pwr::kModeMask | Pwr::kSram2Retention)) | mode | retention;
}

void stop(std::uint32_t mode) {
  arm_check_in();
  select_mode(mode);
  const std::uint64_t began = now_of_week(), counted = clock_microseconds();
  // A Stop mode switches oscillators off, of which RNG and SAES need theirs (RM0456 section 10.7.6).
  const std::uint32_t oscillators = rcc().cr & (Rcc::kHsi48On | Rcc::kShsiOn);
  wait_for_event(true);
  raise_clock();
  rcc().cr = rcc().cr | oscillators;
  select_mode(Pwr::kStop0);
  pwr().sr = Pwr::kClearFlags;
  const std::uint64_t passed = week_passed(began, now_of_week());
  const std::uint64_t seen = clock_microseconds() - counted;  // the timer has run at both ends
  if (passed > seen) scheduler_slept(passed - seen);
  disarm_check_in();
}

}  // namespace

void set_sleep_clock(bool runs) { clock_runs = runs; }

bool ready_to_stop() { return clock_runs && worker_idle() && services().storage_jobs.idle(); }

void power_save(abi::PowerSavingMode mode) {
  if (mode == abi::PowerSavingMode::SLEEP) {
    wait_for_event(false);
  } else {
    stop(static_cast<std::uint32_t>(mode) - 1);
  }
}

void deep_sleep(abi::DeepSleepMode mode) {
  const bool standby = mode == abi::DeepSleepMode::STANDBY;
  arm_check_in();
  select_mode(standby ? Pwr::kStandby : Pwr::kShutdown);
  // What retained.hpp has outlives Standby. With it there is no Shutdown (RM0456 section 10.7.11).
  pwr().bdcr1 = (pwr().bdcr1 & ~Pwr::kBackupRetention) | (standby ? Pwr::kBackupRetention : 0);
  pwr().sr = Pwr::kClearFlags;
  scb().scr = scb().scr | Scb::kSleepDeep;
  // Nothing of the core's may end it any more. The first WFE takes an event that is left over.
  asm volatile("cpsid i" : : : "memory");
  for (;;) {
    feed_watchdog();
    asm volatile("dsb\n\twfe" : : : "memory");
  }
}

}  // namespace microvisor::firmware::kernel
