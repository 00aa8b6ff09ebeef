/* Low-power modes from the inside, one boot after the other: a message that LPUART1 and LPDMA1 take in during
 * Stop 2, a wake-up pin in Stop 3, the RTC in Standby. What has been reached is kept in a backup register. */
#include "guest.h"

#define PWR 0x56020800u
#define PWR_CR1 REGISTER(PWR + 0x00)
#define PWR_CR2 REGISTER(PWR + 0x04)
#define PWR_WUCR1 REGISTER(PWR + 0x14)
#define PWR_WUCR3 REGISTER(PWR + 0x1C)
#define PWR_DBPR REGISTER(PWR + 0x28)
#define PWR_SR REGISTER(PWR + 0x38)
#define PWR_WUSR REGISTER(PWR + 0x44)
#define PWR_WUSCR REGISTER(PWR + 0x48)
#define RCC 0x56020C00u
#define RCC_CFGR1 REGISTER(RCC + 0x1C)
#define RCC_AHB3ENR REGISTER(RCC + 0x94)
#define RCC_APB3ENR REGISTER(RCC + 0xA8)
#define RCC_SRDAMR REGISTER(RCC + 0xD8)
#define RCC_CCIPR3 REGISTER(RCC + 0xE8)
#define RCC_BDCR REGISTER(RCC + 0xF0)
#define RCC_CSR REGISTER(RCC + 0xF4)
#define LPUART 0x56002400u
#define LPDMA 0x56025000u
#define CHANNEL0 (LPDMA + 0x50)
#define RTC 0x56007800u
#define REACHED REGISTER(0x56007C00u + 0x100)
#define SCR REGISTER(0xE000ED10u)
#define SRAM1 0x30008000u
#define SRAM1_SECOND_PAGE 0x30010100u
#define SRAM2 0x30030000u
#define SRAM4 0x38000000u

#define LPDMA_LINE 114
#define WAKEUP_LINE 77

static volatile uint32_t lpdma_interrupts, wakeup_interrupts;
static uint32_t table[16 + 126] __attribute__((aligned(1024)));

static void lpdma_handler(void) {
  ++lpdma_interrupts;
  REGISTER(CHANNEL0 + 0x0C) = 0x7F00;
}

static void wakeup_handler(void) {
  ++wakeup_interrupts;
  check(PWR_WUSR == 1, 20);
  PWR_WUSCR = 1;
}

static void enable(uint32_t line, void (*handler)(void)) {
  table[16 + line] = (uint32_t)handler;
  REGISTER(0xE000E100u + 4 * (line / 32)) = 1u << line % 32;
}

static void sleep_in(uint32_t lpms) {
  PWR_CR1 = (PWR_CR1 & ~7u) | lpms;
  SCR = 4;
  __asm__ volatile("dsb; wfi");
}

/* Four bytes at 9600 baud on HSI16, which is on only while somebody asks for it. */
static void stop2(void) {
  RCC_CCIPR3 = 2;
  RCC_AHB3ENR |= 1u << 9 | 1u << 31;
  RCC_APB3ENR |= 1u << 6;
  RCC_SRDAMR = 1u << 6 | 1u << 28 | 1u << 31; /* LPUART1, LPDMA1, SRAM4 */
  REGISTER(LPUART + 0x0C) = 256u * 16000000u / 9600u;
  REGISTER(LPUART + 0x08) = 1u << 6; /* DMAR */
  REGISTER(LPUART + 0x00) = 0x7;     /* UE, UESM, RE */
  REGISTER(LPDMA + 0x00) = 1;
  REGISTER(LPDMA + 0x04) = 1;
  REGISTER(CHANNEL0 + 0x40) = 1u << 19 | 1u << 15 | 1u << 31;
  REGISTER(CHANNEL0 + 0x44) = 0; /* LPUART1_RX */
  REGISTER(CHANNEL0 + 0x48) = 4;
  REGISTER(CHANNEL0 + 0x4C) = LPUART + 0x24;
  REGISTER(CHANNEL0 + 0x50) = SRAM4;
  REGISTER(CHANNEL0 + 0x14) = 1 | 1u << 8;
  enable(LPDMA_LINE, lpdma_handler);
  REGISTER(SRAM1) = 0x11111111u;
  REGISTER(SRAM1_SECOND_PAGE) = 0x22222222u;
  PWR_CR2 = 1u << 1; /* the second page of SRAM1 is switched off in Stop modes */
  print("stop 2\n");
  sleep_in(2);
  check(lpdma_interrupts == 1, 1);
  check(REGISTER(SRAM4) == 0x64636261u, 2);
  check(PWR_SR == 2, 3); /* STOPF */
  check((RCC_CFGR1 & 0xF) == 0, 4);
  check(REGISTER(SRAM1) == 0x11111111u, 5);
  check(REGISTER(SRAM1_SECOND_PAGE) == 0, 6);
  PWR_SR = 1;
}

static void stop3(void) {
  enable(WAKEUP_LINE, wakeup_handler);
  PWR_CR1 |= 3u << 5; /* SRAM2 kept */
  REGISTER(SRAM2) = 0x33333333u;
  PWR_WUCR1 = 1; /* WKUP1 on PA0 */
  print("stop 3\n");
  sleep_in(3);
  check(wakeup_interrupts == 1, 7);
  check(REGISTER(SRAM2) == 0x33333333u, 8);
  PWR_WUCR1 = 0;
  PWR_SR = 1;
}

static void standby(void) {
  RCC_BDCR = 1u | 1u << 8 | 1u << 15;
  REGISTER(RTC + 0x24) = 0xCA;
  REGISTER(RTC + 0x24) = 0x53;
  REGISTER(RTC + 0x14) = 2047; /* one second of LSE / 16 */
  REGISTER(RTC + 0x18) = 1u << 10 | 1u << 14;
  REGISTER(RTC + 0x5C) = 4;
  PWR_WUCR3 = 3u << 12; /* WKUP7: RTC and TAMP */
  PWR_WUCR1 = 1u << 6;
  PWR_CR1 = 1u << 5; /* the first 8 Kbytes of SRAM2 */
  REGISTER(SRAM2) = 0x44444444u;
  REGISTER(SRAM2 + 0x2000) = 0x55555555u;
  REGISTER(SRAM4) = 0x66666666u;
  REACHED = 1;
  RCC_CSR = 1u << 23;
  print("standby\n");
  sleep_in(4);
  finish(90); /* nothing runs here */
}

static void after_standby(void) {
  check(PWR_SR == 4, 10); /* SBF */
  check(PWR_WUSR == 1u << 6, 11);
  check((PWR_CR1 & 0x67) == (1u << 5 | 4), 12);
  check(REGISTER(SRAM2) == 0x44444444u, 13);
  check(REGISTER(SRAM2 + 0x2000) == 0, 14);
  check(REGISTER(SRAM4) == 0, 15);
  REACHED = 0;
  finish(0);
}

void main(void) {
  RCC_AHB3ENR |= 1u << 2;  /* PWR */
  RCC_APB3ENR |= 1u << 21; /* RTC and TAMP */
  PWR_DBPR = 1;
  if (REACHED == 1) after_standby();
  for (unsigned entry = 0; entry < 16; ++entry) table[entry] = REGISTER(0x0C000000u + 4 * entry);
  REGISTER(0xE000ED08u) = (uint32_t)table;
  stop2();
  stop3();
  standby();
}
