/* Sleeps in each low-power mode in turn until the wake-up timer of the RTC ends it, 7.8 ms each; Standby is
 * the last one, because it ends in a reset (RM0456 sections 10.7 and 63.3.9). */
#include "guest.h"

#define PWR 0x56020800u
#define PWR_CR1 REGISTER(PWR + 0x00)
#define PWR_WUCR1 REGISTER(PWR + 0x14)
#define PWR_WUCR3 REGISTER(PWR + 0x1C)
#define PWR_DBPR REGISTER(PWR + 0x28)
#define PWR_SR REGISTER(PWR + 0x38)
#define PWR_WUSCR REGISTER(PWR + 0x48)
#define RCC 0x56020C00u
#define RCC_AHB3ENR REGISTER(RCC + 0x94)
#define RCC_APB3ENR REGISTER(RCC + 0xA8)
#define RCC_BDCR REGISTER(RCC + 0xF0)
#define RTC 0x56007800u
#define RTC_WUTR REGISTER(RTC + 0x14)
#define RTC_CR REGISTER(RTC + 0x18)
#define RTC_WPR REGISTER(RTC + 0x24)
#define RTC_SCR REGISTER(RTC + 0x5C)
#define REACHED REGISTER(0x56007C00u + 0x100)
#define SCR REGISTER(0xE000ED10u)
#define NVIC_ISER(line) REGISTER(0xE000E100u + 4 * ((line) / 32))
#define NVIC_ICPR(line) REGISTER(0xE000E280u + 4 * ((line) / 32))

#define RTC_LINE 2
#define WAKEUP_LINE 77  /* PWR_S3WU */
#define WAKEUP_TIMER 4u /* WUTF, CWUTF */

enum { kStop3 = 3, kStandby = 4 };

/* PRIMASK is set: an interrupt wakes the core and is not taken. */
static void sleep(uint32_t deep, uint32_t lpms) {
  PWR_CR1 = (PWR_CR1 & ~7u) | lpms;
  PWR_SR = 1;
  SCR = deep << 2;
  RTC_CR = 1u << 10 | 1u << 14; /* WUTE, WUTIE */
  __asm__ volatile("dsb\n wfi");
  RTC_CR = 0;
  RTC_SCR = WAKEUP_TIMER;
  PWR_WUSCR = 0xFF;
  NVIC_ICPR(RTC_LINE) = 1u << RTC_LINE % 32;
  NVIC_ICPR(WAKEUP_LINE) = 1u << WAKEUP_LINE % 32;
}

void main(void) {
  __asm__ volatile("cpsid i");
  RCC_AHB3ENR |= 1u << 2;  /* PWR */
  RCC_APB3ENR |= 1u << 21; /* RTC and TAMP */
  PWR_DBPR = 1;
  if (REACHED == 1) finish(0);
  RCC_BDCR = 1u | 1u << 8 | 1u << 15; /* LSE, for the RTC, which is on */
  RTC_WPR = 0xCA;
  RTC_WPR = 0x53;
  RTC_WUTR = 15; /* 16 cycles of LSE / 16 */
  NVIC_ISER(RTC_LINE) = 1u << RTC_LINE % 32;
  NVIC_ISER(WAKEUP_LINE) = 1u << WAKEUP_LINE % 32;
  sleep(0, 0);
  for (uint32_t lpms = 0; lpms < kStop3; ++lpms) sleep(1, lpms);
  PWR_WUCR3 = 3u << 12; /* WKUP7: RTC and TAMP */
  PWR_WUCR1 = 1u << 6;
  sleep(1, kStop3);
  REACHED = 1;
  sleep(1, kStandby);
  finish(1); /* nothing runs here */
}
