/* Says that it is there, how it was started, and when an update is ready. The parameter says what it does
 * then: 0 nothing, 1 restarts after a second, 2 crashes after a second, 3 subscribes only ten seconds after
 * its start, 4 tries to restart all the time and says what it is answered. */
#include "tick.h"

static struct MvNotification ring[4] __attribute__((aligned(8)));
static volatile uint32_t told;

void TIM2_IRQHandler(void) { told = ring[0].event_type == MV_EVENTTYPE_UPDATEDOWNLOADED; }

static uint64_t now(void) {
  uint64_t microseconds = 0;
  mvGetMicroseconds(&microseconds);
  return microseconds;
}

static void pause(uint32_t milliseconds) {
  const uint64_t end = now() + milliseconds * 1000ull;
  while (now() < end) sleep();
}

static void subscribe(void) {
  const struct MvNotificationSetup setup = {.irq = 45, .buffer = ring, .buffer_size = sizeof ring};
  struct MvOpenSystemNotificationParams events = {.notification_tag = 1,
                                                  .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_UPDATE};
  MvSystemEventHandle subscription = 0;
  mvSetupNotifications(&setup, &events.notification_handle);
  REG(NVIC_ICPR + 4) = 1u << 13;
  REG(NVIC_ISER + 4) = 1u << 13;
  mvOpenSystemNotification(&events, &subscription);
}

static void try_to_restart(void) {
  static uint32_t last = 0xFFFFFFFF;
  enum MvNetworkReason reasons = MV_NETWORKREASON_NOTCONNECTING;
  uint32_t requests = 0;
  mvGetNetworkReasons(&reasons, &requests);
  if ((reasons & MV_NETWORKREASON_FETCHINGUPDATE) == 0) return;
  const uint32_t status = mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE);
  if (status != last) print_number("restart", status);
  last = status;
}

int main(void) {
  const uint32_t kind = parameters.kind & 0xFF;
  uint8_t reason = 0;
  console_start();
  start_tick();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("version", parameters.kind >> 8);
  print_number("start", reason);
  if (kind == 3) pause(10000);
  subscribe();
  while (!told) {
    if (kind == 4) try_to_restart();
    sleep();
  }
  print("update downloaded");
  pause(1000);
  if (kind == 1) mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE);
  if (kind == 2) __asm__ volatile("udf #0");
  for (;;) sleep();
}
