#include "network.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REGISTER(address) (*(volatile uint32_t*)(address))
/* Armv8-M Architecture Reference Manual, NVIC. TIM8_BRK is an interrupt that this application has no other
 * use for. */
#define LINE 51u
#define NVIC_ISER REGISTER(0xE000E100u + LINE / 32u * 4u)
#define NVIC_ICPR REGISTER(0xE000E280u + LINE / 32u * 4u)

enum { EVENTS = 16, CHANNEL_TAG = 1, NETWORK_TAG = 2, INTERFACE_TAG = 3 };

static uint8_t log_buffer[4096] __attribute__((aligned(512)));
static struct MvNotification events[EVENTS] __attribute__((aligned(8)));
static uint8_t receive_buffer[7168] __attribute__((aligned(512)));
static uint8_t send_buffer[4096] __attribute__((aligned(512)));

static MvNotificationHandle centre;
static MvNetworkHandle network;
static volatile uint32_t readable, writable, ended, changed;

/* Records come in order; one that has been handled is cleared for the next round. */
void TIM8_BRK_IRQHandler(void) {
  static uint32_t next;
  for (; events[next].event_type != MV_EVENTTYPE_NOEVENT; next = (next + 1) % EVENTS) {
    if (events[next].tag == CHANNEL_TAG) {
      if (events[next].event_type == MV_EVENTTYPE_CHANNELDATAREADABLE) readable = readable + 1;
      if (events[next].event_type == MV_EVENTTYPE_CHANNELDATAWRITESPACE) writable = 1;
      if (events[next].event_type == MV_EVENTTYPE_CHANNELNOTCONNECTED) ended = 1;
    }
    if (events[next].event_type == MV_EVENTTYPE_NETWORKINTERFACECHANGED) changed = 1;
    events[next].event_type = MV_EVENTTYPE_NOEVENT;
  }
}

void say(const char* format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length <= 0) return;
  mvServerLog((const uint8_t*)line,
              (uint16_t)((size_t)length < sizeof line ? (size_t)length : sizeof line - 1));
}

uint64_t microseconds(void) {
  uint64_t now = 0;
  mvGetMicroseconds(&now);
  return now;
}

struct MvSizedString text(const char* characters) {
  return (struct MvSizedString){(const uint8_t*)characters, strlen(characters)};
}

void network_start(void) {
  mvServerLoggingInit(log_buffer, sizeof log_buffer);
  const struct MvNotificationSetup setup = {LINE, events, sizeof events};
  mvSetupNotifications(&setup, &centre);
  NVIC_ICPR = 1u << LINE % 32u;
  NVIC_ISER = 1u << LINE % 32u;
  const struct MvRequestNetworkParams params = {
      .version = 1, .v1 = {.notification_handle = centre, .notification_tag = NETWORK_TAG}};
  mvRequestNetwork(&params, &network);
  enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTING;
  while (mvGetNetworkStatus(network, &status) != MV_STATUS_OKAY || status != MV_NETWORKSTATUS_CONNECTED) {
    const uint64_t again = microseconds() + 100000;
    while (microseconds() < again) {
    }
  }
}

static enum MvStatus open(enum MvChannelType type, const char* endpoint, uint32_t receive, uint32_t send,
                          MvChannelHandle* channel) {
  readable = writable = ended = 0;
  const struct MvOpenChannelParams params = {.version = 1,
                                             .v1 = {.notification_handle = centre,
                                                    .notification_tag = CHANNEL_TAG,
                                                    .network_handle = network,
                                                    .receive_buffer = receive_buffer,
                                                    .receive_buffer_len = receive,
                                                    .send_buffer = send_buffer,
                                                    .send_buffer_len = send,
                                                    .channel_type = type,
                                                    .endpoint = text(endpoint)}};
  return mvOpenChannel(&params, channel);
}

enum MvStatus open_stream(const char* endpoint, uint32_t buffer_length, MvChannelHandle* channel) {
  return open(MV_CHANNELTYPE_OPAQUEBYTES, endpoint, buffer_length, buffer_length, channel);
}

MvChannelHandle open_channel(enum MvChannelType type) {
  MvChannelHandle channel = 0;
  const enum MvStatus status = open(type, "", sizeof receive_buffer, sizeof send_buffer, &channel);
  if (status != MV_STATUS_OKAY) say("the channel cannot be opened: status %d", (int)status);
  return channel;
}

enum MvStatus open_interface(uint8_t* receive, uint8_t* send, uint32_t size,
                             MvNetworkInterfaceHandle* handle) {
  const struct MvOpenNetworkInterfaceParams params = {.version = 1,
                                                      .v1 = {.notification_handle = centre,
                                                             .notification_tag = INTERFACE_TAG,
                                                             .network_handle = network,
                                                             .receive_buffer = receive,
                                                             .receive_buffer_len = size,
                                                             .send_buffer = send,
                                                             .send_buffer_len = size}};
  return mvOpenNetworkInterface(&params, handle);
}

bool interface_changed(void) {
  if (changed == 0) return false;
  changed = 0;
  return true;
}

void wait_for_event(void) {
  while (readable == 0 && ended == 0) {
  }
  readable = 0; /* one event may stand for many bytes */
}

bool wait_for_room(void) {
  while (writable == 0 && ended == 0) {
  }
  writable = 0;
  return ended == 0;
}

bool wait_for_data(uint32_t seconds) {
  const uint64_t until = microseconds() + seconds * 1000000ull;
  while (readable == 0 && ended == 0) {
    if (microseconds() >= until) return false;
  }
  if (readable == 0) return false;
  /* One item an event. */
  __asm volatile("cpsid i" ::: "memory");
  readable = readable - 1;
  __asm volatile("cpsie i" ::: "memory");
  return true;
}

void close_channel(MvChannelHandle* channel) {
  enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
  if (mvGetChannelClosureReason(*channel, &reason) == MV_STATUS_OKAY && reason != MV_CLOSUREREASON_NONE)
    say("the channel had been closed: reason %d", (int)reason);
  mvCloseChannel(channel);
}
