/* Asks for the connection, gives it up, and says on USART2 how it stands whenever that has changed. The
 * parameter: whether the status LED is to show it. */
#include "tick.h"

static struct MvNotification ring[4] __attribute__((aligned(8)));
static volatile uint32_t changes;
static uint8_t log_buffer[1024] __attribute__((aligned(512)));

void TIM2_IRQHandler(void) { ++changes; }

static void put_reasons(void) {
  static uint32_t last = 0xFFFFFFFF;
  enum MvNetworkReason reasons = MV_NETWORKREASON_NOTCONNECTING;
  uint32_t requests = 0;
  mvGetNetworkReasons(&reasons, &requests);
  if ((uint32_t)reasons != last) print_hex("reasons", reasons);
  last = reasons;
  sleep();
}

static uint64_t now(void) {
  uint64_t microseconds = 0;
  mvGetMicroseconds(&microseconds);
  return microseconds;
}

static void watch(uint32_t milliseconds) {
  const uint64_t end = now() + milliseconds * 1000ull;
  while (now() < end) put_reasons();
}

static void watch_until_connected(MvNetworkHandle network) {
  enum MvNetworkStatus status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;
  enum MvNetworkStatus last = (enum MvNetworkStatus)99;
  while (status != MV_NETWORKSTATUS_CONNECTED) {
    mvGetNetworkStatus(network, &status);
    if (status != last) print_number("status", status);
    last = status;
    put_reasons();
  }
}

static MvNetworkHandle request(void) {
  MvNetworkHandle network = 0;
  const struct MvRequestNetworkParams params = {.version = 1};
  print_number("request", mvRequestNetwork(&params, &network));
  return network;
}

int main(void) {
  const struct MvNotificationSetup setup = {.irq = 45, .buffer = ring, .buffer_size = sizeof ring};
  struct MvOpenSystemNotificationParams events = {.notification_tag = 1,
                                                  .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_NETWORK};
  MvSystemEventHandle subscription = 0;
  uint8_t reason = 0;
  console_start();
  start_tick();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("start", reason);
  mvSetupNotifications(&setup, &events.notification_handle);
  REG(NVIC_ICPR + 4) = 1u << 13;
  REG(NVIC_ISER + 4) = 1u << 13;
  mvOpenSystemNotification(&events, &subscription);
  mvSystemLedEnable(parameters.kind);
  mvServerLoggingInit(log_buffer, sizeof log_buffer);
  watch(10000); /* nothing asked for: Microvisor connects */
  MvNetworkHandle network = request();
  watch_until_connected(network);
  watch(1000);
  uint32_t before = changes;
  print_number("release", mvReleaseNetwork(&network));
  while (changes == before) put_reasons();
  print_number("offline after", changes - before);
  mvServerLog((const uint8_t*)"said offline", 12);
  before = changes;
  while (changes < before + 3) put_reasons(); /* connecting, connected, offline again */
  print("checked in");
  network = request();
  watch_until_connected(network);
  print("connected again");
  for (;;) put_reasons();
}
