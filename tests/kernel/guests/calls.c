/* Makes each call that exists once, the way applications do, and prints what came back. */
#include "guest.h"

static struct MvNotification ring[4] __attribute__((aligned(8)));
static uint8_t log_buffer[1024] __attribute__((aligned(512)));
static volatile uint32_t taken;

void TIM2_IRQHandler(void) { ++taken; }

static volatile uint32_t ticks;
void SysTick_Handler(void) { ++ticks; }

static void notifications(void) {
  struct MvNotificationSetup setup = {.irq = 45, .buffer = ring, .buffer_size = sizeof ring};
  MvNotificationHandle centre = 0;
  print_number("setup", mvSetupNotifications(&setup, &centre));
  REG(NVIC_ICPR + 4) = 1u << 13;
  REG(NVIC_ISER + 4) = 1u << 13;
  __asm__ volatile("cpsid i");
  for (uint32_t i = 0; i < 3; ++i)
    mvTempTriggerNotification(centre, MV_EVENTTYPE_CHANNELDATAREADABLE, 70 + i);
  print_number("events", taken);
  __asm__ volatile("cpsie i\n\tisb");
  print_number("events", taken);
  for (uint32_t wait = 0; wait < 100000 && taken < 3; ++wait) __asm__ volatile("nop");
  print_number("events", taken);
  print_number("tag", ring[2].tag);
  print_number("close", mvCloseNotifications(&centre));
}

int main(void) {
  uint32_t hertz = 0;
  uint64_t before = 0, after = 0;
  uint8_t reason[2] = {0x55, 0x55};
  char id[35] = {0};
  MvNetworkHandle network = 0;
  enum MvNetworkStatus status;
  console_start();
  print_number("hclk", mvGetHClk(&hertz) == MV_STATUS_OKAY ? hertz : 0);
  print_number("id", mvGetDeviceId((uint8_t*)id, 34));
  print(id);
  mvGetWakeReason((enum MvWakeReason*)reason);
  print_number("reason", reason[0]);
  print_hex("untouched", reason[1]);
  print_number("zero handle", mvGetNetworkStatus(0, &status));
  struct MvRequestNetworkParams request = {.version = 1,
                                           .v1 = {.notification_handle = 0, .notification_tag = 0}};
  print_number("request", mvRequestNetwork(&request, &network));
  print_number("status", mvGetNetworkStatus(network, &status));
  print_number("early log", mvServerLog((const uint8_t*)"x", 1));
  print_number("log init", mvServerLoggingInit(log_buffer, sizeof log_buffer));
  print_number("log", mvServerLog((const uint8_t*)"hello", 5));
  print_number("http", mvSendHttpRequest(0, 0));
  print_number("bad pointer", mvGetHClk((uint32_t*)0x30080000));
  print_number("bad struct", mvRequestNetwork((const struct MvRequestNetworkParams*)0x20080000, &network));
  print_number("led", mvSystemLedEnable(1));
  /* A port that was reset is still the application's. */
  mvPeriphPoke32(0x46020C64, 1, 1);
  mvPeriphPoke32(0x46020C64, 1, 0);
  REG(GPIOA + 0x00) = (REG(GPIOA + 0x00) & ~(3u << 10)) | (1u << 10);
  REG(GPIOA + 0x18) = 1u << 5;
  print_hex("pin", REG(GPIOA + 0x14));
  notifications();

  /* One second by SysTick against the kernel's microseconds. */
  REG(0xE000E014) = hertz / 1000 - 1;
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  mvGetMicroseconds(&before);
  ticks = 0;
  while (ticks < 1000) __asm__ volatile("wfi");
  mvGetMicroseconds(&after);
  print_number("second", (uint32_t)(after - before));
  print("done");
  for (;;) __asm__ volatile("wfi");
  return 0;
}
