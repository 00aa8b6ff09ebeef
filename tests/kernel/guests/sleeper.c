/* Sleeps in one way after the other, as the test chooses, once the device is offline, and says how long it
 * was and who ended it. parameters.kind: mode of mvPowerSave (0 to 4), or 8 and 9 for Standby and Shutdown;
 * parameters.address: what is to wake it. */
#include "guest.h"

enum { BY_PIN = 1, BY_WAKEUP_PIN, BY_ALARM, BY_TIMER, BY_CHECK_IN };

#define EXTI 0x46022000u
#define PWR 0x46020800u
#define RTC 0x46007800u

static volatile uint32_t interrupts;

void EXTI0_IRQHandler(void) {
  REG(EXTI + 0x0C) = 1;
  ++interrupts;
}

void TIM6_IRQHandler(void) {
  REG(TIM6 + 0x10) = 0;
  REG(TIM6 + 0x00) = 0;
  ++interrupts;
}

static void go_offline(void) {
  struct MvRequestNetworkParams params = {.version = 1};
  MvNetworkHandle handle = 0;
  enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTING;
  enum MvNetworkReason reasons = MV_NETWORKREASON_USINGNETWORK;
  uint32_t count;
  mvRequestNetwork(&params, &handle);
  while (status != MV_NETWORKSTATUS_CONNECTED) mvGetNetworkStatus(handle, &status);
  mvReleaseNetwork(&handle);
  while (reasons != MV_NETWORKREASON_NOTCONNECTING) mvGetNetworkReasons(&reasons, &count);
}

static void prepare(uint32_t source) {
  switch (source) {
    case BY_PIN:
      REG(GPIOA) &= ~3u; /* PA0 is an input */
      REG(EXTI + 0x00) |= 1;
      REG(EXTI + 0x80) |= 1;
      REG(NVIC_ISER) = 1u << 11;
      break;
    case BY_WAKEUP_PIN:
      REG(PWR + 0x48) = 1;
      REG(PWR + 0x14) |= 1; /* WKUP1 on PA0 */
      break;
    case BY_ALARM: /* alarm A at every turn of the minute */
      REG(RTC + 0x24) = 0xCA;
      REG(RTC + 0x24) = 0x53;
      REG(RTC + 0x40) = 0x80808000;
      REG(RTC + 0x44) = 0;
      REG(RTC + 0x5C) = 1;
      REG(RTC + 0x18) |= (1u << 8) | (1u << 12);
      break;
    case BY_TIMER: /* TIM6 after 5 s */
      mvPeriphPoke32(RCC_APB1ENR1, 0x10, 0x10);
      REG(TIM6 + 0x28) = 15999; /* 10 kHz */
      REG(TIM6 + 0x2C) = 49999;
      REG(TIM6 + 0x14) = 1;
      REG(TIM6 + 0x10) = 0;
      REG(TIM6 + 0x0C) = 1;
      REG(TIM6 + 0x00) = 1;
      REG(NVIC_ISER + 4) = 1u << 17;
      break;
    default: break;
  }
}

/* A word in each KiB that nothing else uses: all of SRAM2, most of SRAM1 and of the lower half of SRAM3,
 * SRAM4. */
static uint32_t memory_lost(uint32_t write) {
  uint32_t lost = 0;
  for (uint32_t address = 0x20008000; address < 0x28004000; address += 1024) {
    if (address == 0x20078000) address = 0x28000000;
    if (write) REG(address) = ~address;
    if (REG(address) != ~address) ++lost;
  }
  return lost;
}

static enum MvStatus fall_asleep(void) {
  if (parameters.kind >= 8) return mvDeepSleep((enum MvDeepSleepMode)(parameters.kind - 8));
  return mvPowerSave((enum MvPowerSavingMode)parameters.kind);
}

static void say_clock(void) {
  uint64_t time = 0;
  mvGetMicroseconds(&time);
  print_number("clock", (uint32_t)(time / 1000));
}

int main(void) {
  uint8_t reason = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("start", reason);
  if (parameters.kind >= 8 && parameters.value != reason) {
    for (;;) __asm__ volatile("wfi");
  }
  go_offline();
  prepare(parameters.address);
  memory_lost(1);
  say_clock();
  print("sleep");
  /* The goodbye takes a moment. Afterwards sleep may end when Microvisor has something to do. */
  enum MvStatus status;
  do {
    status = fall_asleep();
  } while (status == MV_STATUS_MICROVISORBUSY ||
           (parameters.kind == MV_POWERSAVINGMODE_SLEEP && status == MV_STATUS_OKAY && interrupts == 0));
  say_clock();
  print_number("status", status);
  print_number("interrupts", interrupts);
  uint32_t hertz = 0, clock = 0;
  mvGetHClk(&hertz);
  mvPeriphPeek32(0x46020C1C, &clock); /* RCC_CFGR1: PLL1 again */
  print_number("lost", memory_lost(0));
  print_number("hertz", hertz);
  print_number("source", clock >> 2 & 3);
  print("awake");
  for (;;) __asm__ volatile("wfi");
}
