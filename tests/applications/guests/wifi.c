/* Sets what the device may join a Wi-Fi network with, and then says something each second and whenever the
 * network's state changes. SSID and PASSWORD are given by whoever builds it; SETS and CLEARS are the seconds
 * at which that is done. */
#include <string.h>

#include "driver.h"

#ifndef SETS
#define SETS 0
#endif
#ifndef CLEARS
#define CLEARS 0xFFFFFFFFu
#endif

static struct MvNotification records[16] __attribute__((aligned(8)));
static MvNetworkHandle network;

static struct MvSizedString text_of(const char* text) {
  return (struct MvSizedString){.data = (const uint8_t*)text, .length = (uint32_t)strlen(text)};
}

static void set_wifi(enum MvWifiConfigMode mode) {
  const struct MvWifiConfig config = {
      .version = 1,
      .v1 = {.config_mode = mode, .wifi_ssid = text_of(SSID), .wifi_password = text_of(PASSWORD)}};
  ASSERT(mvSetWifiConfig(&config) == MV_STATUS_OKAY);
  report(mode == MV_WIFICONFIGMODE_APPLYNOW ? "set" : "cleared");
}

static void request_network(void) {
  MvNotificationHandle centre = 0;
  const struct MvNotificationSetup setup = {
      .irq = TIM8_BRK_LINE, .buffer = records, .buffer_size = sizeof records};
  ASSERT(mvSetupNotifications(&setup, &centre) == MV_STATUS_OKAY);
  const struct MvRequestNetworkParams params = {.version = 1,
                                                .v1 = {.notification_handle = centre, .notification_tag = 1}};
  ASSERT(mvRequestNetwork(&params, &network) == MV_STATUS_OKAY);
}

/* Without keeping the core busy: the tick wakes it. */
static void rest(uint32_t milliseconds) {
  const uint32_t start = tick();
  while (tick() - start < milliseconds) __asm__ volatile("wfi");
}

/* Every event that there is for this application. */
static void tell_events(void) {
  static unsigned next;
  for (; records[next].event_type != MV_EVENTTYPE_NOEVENT; next = (next + 1) % 16) {
    const uint32_t event = records[next].event_type;
    records[next].event_type = MV_EVENTTYPE_NOEVENT;
    enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTING;
    ASSERT(mvGetNetworkStatus(network, &status) == MV_STATUS_OKAY);
    report("event %lu, status %lu", (unsigned long)event, (unsigned long)status);
  }
}

int main(void) {
  log_server("first line");
  driver_start();
  ASSERT(mvGetHClk(&system_core_clock) == MV_STATUS_OKAY);
  start_tick();
  request_network();
  for (uint32_t second = 0;; ++second) {
    if (SSID[0] != 0 && second == SETS) set_wifi(MV_WIFICONFIGMODE_APPLYNOW);
    if (second == CLEARS) set_wifi(MV_WIFICONFIGMODE_CLEARNOW);
    report("second %lu", (unsigned long)second);
    for (unsigned part = 0; part < 10; ++part) {
      tell_events();
      rest(100);
    }
  }
}
