/* What the guests of these tests have in common: a clock that wakes the core, notifications, four channels
 * with buffers of their own, and MQTT's longer calls. */
#ifndef ERRANDS_H
#define ERRANDS_H

#include "guest.h"

enum { SLOTS = 4, RECEIVE = 2048, SEND = 1024, UPDATE_TAG = 9 };
#define LINE 51u /* TIM8_BRK: an interrupt that these guests have no other use for */
#define TICK_US 10000u
#define TEXT(literal) ((struct MvSizedString){(const uint8_t*)(literal), sizeof(literal) - 1})

struct slot {
  MvChannelHandle handle;
  volatile uint32_t readable, writable, ended;
};

static struct MvNotification records[64] __attribute__((aligned(8)));
static uint8_t log_buffer[16384] __attribute__((aligned(512)));
static uint8_t receive_buffers[SLOTS][RECEIVE] __attribute__((aligned(512)));
static uint8_t send_buffers[SLOTS][SEND] __attribute__((aligned(512)));
static struct slot slots[SLOTS];
static volatile uint32_t update_ready;
static MvNotificationHandle centre;
static MvNetworkHandle network;

void SysTick_Handler(void) {}

void TIM8_BRK_IRQHandler(void) {
  static uint32_t next;
  for (; records[next].event_type != MV_EVENTTYPE_NOEVENT; next = (next + 1) % 64) {
    if (records[next].event_type == MV_EVENTTYPE_UPDATEDOWNLOADED) update_ready = 1;
    if (records[next].tag < SLOTS) {
      struct slot* const slot = &slots[records[next].tag];
      if (records[next].event_type == MV_EVENTTYPE_CHANNELDATAREADABLE) slot->readable = slot->readable + 1;
      if (records[next].event_type == MV_EVENTTYPE_CHANNELDATAWRITESPACE) slot->writable = 1;
      if (records[next].event_type == MV_EVENTTYPE_CHANNELNOTCONNECTED) slot->ended = 1;
    }
    records[next].event_type = MV_EVENTTYPE_NOEVENT;
  }
}

static inline uint64_t microseconds(void) {
  uint64_t now = 0;
  mvGetMicroseconds(&now);
  return now;
}

/* Until the next tick or event. */
static inline void rest(void) { __asm__ volatile("wfi"); }

static inline void rest_for(uint32_t milliseconds) {
  const uint64_t end = microseconds() + 1000ull * milliseconds;
  while (microseconds() < end) rest();
}

static inline int connected(void) {
  enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTING;
  return mvGetNetworkStatus(network, &status) == MV_STATUS_OKAY && status == MV_NETWORKSTATUS_CONNECTED;
}

/* All but channels; the connection is asked for. */
static inline void start_errands(void) {
  console_start();
  mvServerLoggingInit(log_buffer, sizeof log_buffer);
  const struct MvNotificationSetup setup = {LINE, records, sizeof records};
  if (mvSetupNotifications(&setup, &centre) != MV_STATUS_OKAY) print("no notifications");
  REG(NVIC_ICPR + LINE / 32 * 4) = 1u << LINE % 32;
  REG(NVIC_ISER + LINE / 32 * 4) = 1u << LINE % 32;
  REG(0xE000E014) = 160u * TICK_US - 1; /* SysTick at 160 MHz */
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  const struct MvRequestNetworkParams params = {
      .version = 1, .v1 = {.notification_handle = centre, .notification_tag = SLOTS}};
  if (mvRequestNetwork(&params, &network) != MV_STATUS_OKAY) print("no network");
}

static inline enum MvStatus open_slot(uint32_t index, enum MvChannelType type,
                                      struct MvSizedString endpoint) {
  struct slot* const slot = &slots[index];
  slot->readable = slot->writable = slot->ended = 0;
  const struct MvOpenChannelParams params = {.version = 1,
                                             .v1 = {.notification_handle = centre,
                                                    .notification_tag = index,
                                                    .network_handle = network,
                                                    .receive_buffer = receive_buffers[index],
                                                    .receive_buffer_len = RECEIVE,
                                                    .send_buffer = send_buffers[index],
                                                    .send_buffer_len = SEND,
                                                    .channel_type = type,
                                                    .endpoint = endpoint}};
  return mvOpenChannel(&params, &slot->handle);
}

/* One event that something can be read. */
static inline int take_readable(struct slot* slot) {
  if (slot->readable == 0) return 0;
  __asm__ volatile("cpsid i" ::: "memory");
  slot->readable = slot->readable - 1;
  __asm__ volatile("cpsie i" ::: "memory");
  return 1;
}

static inline enum MvStatus send_get(struct slot* slot, struct MvSizedString url) {
  const struct MvHttpRequest request = {
      .method = TEXT("GET"), .url = url, .body = TEXT(""), .timeout_ms = 10000};
  return mvSendHttpRequest(slot->handle, &request);
}

/* Decimal digits and a zero; how many digits. */
static inline uint32_t write_number(char* into, uint32_t value) {
  char digits[10];
  uint32_t count = 0, at = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count != 0) into[at++] = digits[--count];
  into[at] = 0;
  return at;
}

/* Protocol version 5, without TLS, no clean start. The port is the guest's parameter. */
static inline enum MvStatus mqtt_connect(struct slot* slot, struct MvSizedString client) {
  const struct MvMqttConnectRequest request = {.protocol_version = MV_MQTTPROTOCOLVERSION_V5,
                                               .host = TEXT("broker.test"),
                                               .port = 1883,
                                               .clientid = client,
                                               .authentication = {.method = MV_MQTTAUTHENTICATIONMETHOD_NONE},
                                               .keepalive = 60};
  return mvMqttRequestConnect(slot->handle, &request);
}

static inline enum MvStatus mqtt_publish(struct slot* slot, struct MvSizedString topic, uint32_t number,
                                         uint32_t qos) {
  char payload[11];
  const uint32_t length = write_number(payload, number);
  const struct MvMqttPublishRequest request = {number, topic, {(const uint8_t*)payload, length}, qos, 0};
  return mvMqttRequestPublish(slot->handle, &request);
}

#endif
