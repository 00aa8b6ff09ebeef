/* The oldest family: no operating system, and lines for the log go in small pieces through a channel of
 * opaque bytes to the endpoint "log", opened when the network is there and again whenever it has been lost.
 */
#include <stdio.h>
#include <string.h>

#include "driver.h"

static struct MvNotification records[16] __attribute__((aligned(8)));
static uint8_t send_buffer[512] __attribute__((aligned(512)));
static uint8_t receive_space[20];
static MvNotificationHandle centre;
static MvNetworkHandle network;
static MvChannelHandle channel;
static volatile uint32_t next_record, lost;

void TIM8_BRK_IRQHandler(void) {
  volatile struct MvNotification* record = &records[next_record];
  if (record->event_type == MV_EVENTTYPE_CHANNELNOTCONNECTED) ++lost;
  record->event_type = MV_EVENTTYPE_NOEVENT;
  next_record = (next_record + 1) % 16;
}

static void open_network(void) {
  memset(records, 0, sizeof records);
  const struct MvNotificationSetup setup = {
      .irq = TIM8_BRK_LINE, .buffer = records, .buffer_size = sizeof records};
  ASSERT(mvSetupNotifications(&setup, &centre) == MV_STATUS_OKAY);
  clear_pending(TIM8_BRK_LINE);
  enable_interrupt(TIM8_BRK_LINE);
  const struct MvRequestNetworkParams params = {.version = 1,
                                                .v1 = {.notification_handle = centre, .notification_tag = 1}};
  ASSERT(mvRequestNetwork(&params, &network) == MV_STATUS_OKAY);
  enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTING;
  while (mvGetNetworkStatus(network, &status) != MV_STATUS_OKAY || status != MV_NETWORKSTATUS_CONNECTED) {
    for (volatile unsigned count = 0; count < 50000; ++count) __asm__ volatile("nop");
  }
}

/* The receive buffer has the least size there is, at an address that is a multiple of 4 only. */
static void open_log(void) {
  uint8_t* receive_buffer = receive_space + 4 - (uintptr_t)receive_space % 4;
  const struct MvOpenChannelParams params = {
      .version = 1,
      .v1 = {.notification_handle = centre,
             .notification_tag = 2,
             .network_handle = network,
             .receive_buffer = receive_buffer,
             .receive_buffer_len = 16,
             .send_buffer = send_buffer,
             .send_buffer_len = sizeof send_buffer,
             .channel_type = MV_CHANNELTYPE_OPAQUEBYTES,
             .endpoint = {.data = (const uint8_t*)"log", .length = 3}}};
  ASSERT(mvOpenChannel(&params, &channel) == MV_STATUS_OKAY);
  ASSERT(channel != 0);
}

static void put(const char* bytes, uint32_t count) {
  uint32_t written = 0;
  enum MvStatus status = mvWriteChannelStream(channel, (const uint8_t*)bytes, count, &written);
  if (status == MV_STATUS_CHANNELCLOSED) {
    status = mvCloseChannel(&channel);
    ASSERT(status == MV_STATUS_OKAY || status == MV_STATUS_CHANNELCLOSED);
    ASSERT(channel == 0);
    open_log();
    status = mvWriteChannelStream(channel, (const uint8_t*)bytes, count, &written);
  }
  ASSERT(status == MV_STATUS_OKAY);
  ASSERT(written == count);
}

/* Pieces of 1 to 14 bytes, a different cut each time. */
static void log_line(const char* text) {
  static unsigned size = 1;
  for (size_t left = strlen(text); left != 0;) {
    const uint32_t count = left < size ? (uint32_t)left : size;
    put(text, count);
    text += count;
    left -= count;
    size = size % 14 + 1;
  }
  put("\n", 1);
}

int main(void) {
  char line[80], device[35] = {0};
  driver_start();
  ASSERT(mvGetHClk(&system_core_clock) == MV_STATUS_OKAY);
  start_tick();
  led_start();
  open_network();
  open_log();
  mvGetDeviceId((uint8_t*)device, 34);
  snprintf(line, sizeof line, "stream log on %s", device);
  log_line(line);
  for (unsigned count = 0;; ++count) {
    pin_toggle(GPIOA, 5);
    snprintf(line, sizeof line, "hello %u, tick %lu, lost %lu", count, (unsigned long)tick(),
             (unsigned long)lost);
    log_line(line);
    delay(499);
  }
}
