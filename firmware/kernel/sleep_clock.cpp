// The clock of sleep: the RTC on the 32.768 kHz crystal. It lies in the backup domain and is set up once in a
// power-on's life; what was left of a sleep is read and put away at each start.
#include "firmware/drivers/stm32u5/pwr.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/rtc.hpp"
#include "firmware/kernel/resident/week.hpp"
#include "firmware/kernel/sleep.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

void start_crystal() { rcc().bdcr = rcc().bdcr | Rcc::kLseOn; }

bool start_sleep_clock() {
  if ((rcc().bdcr & Rcc::kLseReady) == 0) return false;
  if ((rcc().bdcr & Rcc::kRtcEnable) == 0) rcc().bdcr = rcc().bdcr | Rcc::kRtcFromLse | Rcc::kRtcEnable;
  if ((rtc().icsr & Rtc::kCalendarSet) != 0) return true;
  rtc_unlock();
  rtc().icsr = Rtc::kInitialise;
  // Two periods of the crystal, 61 us (RM0456 section 63.3.11); at most a few milliseconds are waited.
  constexpr unsigned kMaximumPolls = 100'000;
  unsigned polls = 0;
  while ((rtc().icsr & Rtc::kInitialising) == 0 && polls < kMaximumPolls) ++polls;
  const bool ready = polls < kMaximumPolls;
  if (ready) {
    rtc().prer = kRtcPrescaler;
    rtc().cr = rtc().cr | Rtc::kBypassShadows;  // read at once after a Stop mode
    rtc().tr = 0;
    rtc().dr = 0x01'2101;  // 1 January 2001, a Monday
  }
  rtc().icsr = 0;
  rtc_lock();
  return ready;
}

SleepEnd take_sleep_end() {
  const SleepEnd end{(pwr().sr & Pwr::kStandbyFlag) != 0, rtc().sr, pwr().wusr & 0xFF};
  rtc_unlock();
  rtc().cr = rtc().cr & ~Rtc::kAlarmB;
  rtc_lock();
  rtc().scr = Rtc::kAlarmBFlag;
  pwr().wucr1 = pwr().wucr1 & ~Pwr::kWakeUp8;
  pwr().wuscr = Pwr::kWakeUp8;
  pwr().sr = Pwr::kClearFlags;
  return end;
}

}  // namespace microvisor::firmware::kernel
