/* Sends as much as the network interface takes, for ever, and of all kinds: datagrams to the port of the
 * settings that say "good", and among them packets that must never leave the device, which say "forged" where
 * they say anything. At times it writes anything into the rings' positions. Tells once a second that it is
 * still there. The application's version is VERSION. */
#include <string.h>

#include "network.h"
#include "settings.h"

enum { RING = 16384, ROOM = RING - sizeof(struct MvPacketRing), LONGEST = 1400, KINDS = 12 };

#define ADDRESS(a, b, c, d) ((uint32_t)(a) | (b) << 8 | (c) << 16 | (uint32_t)(d) << 24) /* as it travels */
#define SERVER ADDRESS(10, 0, 2, 2)
#define DEVICE ADDRESS(10, 0, 2, 15)

struct ring {
  volatile struct MvPacketRing positions;
  uint8_t bytes[ROOM];
};
static struct ring incoming __attribute__((aligned(512)));
static struct ring outgoing __attribute__((aligned(512)));
static MvNetworkInterfaceHandle handle;
static uint32_t own_address, sent;
static uint16_t port;

/* RFC 791, 768 and 9293, as far as they are needed. */
static uint8_t packet[LONGEST];

static void put16(uint32_t at, uint32_t value) {
  packet[at] = (uint8_t)(value >> 8);
  packet[at + 1] = (uint8_t)value;
}

static uint32_t sum_of(uint32_t size) {
  uint32_t sum = 0;
  for (uint32_t at = 0; at < size; at += 2) sum += packet[at] * 256u + packet[at + 1];
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

static void write_packet(uint32_t from, uint32_t to, uint8_t protocol, const char* text, uint32_t size) {
  memset(packet, 0, sizeof packet);
  packet[0] = 0x45;
  put16(2, size);
  packet[8] = 64;
  packet[9] = protocol;
  memcpy(&packet[12], &from, 4);
  memcpy(&packet[16], &to, 4);
  put16(10, ~sum_of(20));
  put16(20, 5000 + sent % 64);
  put16(22, port);
  put16(24, size - 20); /* of a datagram, which has no sum */
  memcpy(&packet[28], text, strlen(text));
}

static bool there_is_room(uint32_t size) {
  const uint32_t put = outgoing.positions.put, taken = outgoing.positions.taken;
  const uint32_t used = put >= taken ? put - taken : put + ROOM - taken;
  return 4 + (size + 3) / 4 * 4 <= ROOM - 4 - used;
}

static void put_bytes(uint32_t at, const void* bytes, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) outgoing.bytes[(at + i) % ROOM] = ((const uint8_t*)bytes)[i];
}

/* `length` is what the ring says, `size` what is there. */
static void send(uint32_t length, uint32_t size) {
  while (!there_is_room(size)) {
  }
  put_bytes(outgoing.positions.put, &length, sizeof length);
  put_bytes(outgoing.positions.put + 4, packet, size);
  __asm volatile("dmb" ::: "memory");
  outgoing.positions.put = (outgoing.positions.put + 4 + (size + 3) / 4 * 4) % ROOM;
  mvSendNetworkPackets(handle, 0);
}

static void forge(uint32_t from, uint32_t to) {
  write_packet(from, to, 17, "forged", 100);
  send(100, 100);
}

/* For a while the positions are anything, also such that lead into the middle of packets. */
static void confuse(void) {
  static uint32_t random = 2463534242u;
  for (uint32_t i = 0; i < 200; ++i) {
    random ^= random << 13, random ^= random >> 17, random ^= random << 5;
    outgoing.positions.put = i % 2 != 0 ? random : random % ROOM / 4 * 4;
    incoming.positions.taken = i % 3 != 0 ? random : random % ROOM / 4 * 4;
    mvSendNetworkPackets(handle, i % 4 != 0 ? 0 : ROOM - 4);
  }
  do {
    outgoing.positions.put = outgoing.positions.taken;
  } while (outgoing.positions.put != outgoing.positions.taken);
}

static void send_next(void) {
  switch (++sent % KINDS) {
    case 1: forge(DEVICE, SERVER); break;
    case 2: forge(ADDRESS(192, 0, 2, 1), SERVER); break;
    case 3: forge(own_address, DEVICE); break;
    case 4: forge(own_address, ADDRESS(127, 0, 0, 1)); break;
    case 5: forge(own_address, ADDRESS(255, 255, 255, 255)); break;
    case 6: forge(own_address, ADDRESS(224, 0, 0, 1)); break;
    case 7: /* a connection is asked for where nobody listens */
      write_packet(own_address, SERVER, 6, "", 40);
      packet[32] = 0x50;
      packet[33] = 2;
      send(40, 40);
      break;
    case 8: /* a length that cannot be; all that is behind it in the ring is lost, so not often */
      if (sent / KINDS % 16 == 0) send(0xFFFFFFF0, 16);
      if (sent / KINDS % 16 == 8) confuse();
      break;
    default:
      write_packet(own_address, SERVER, 17, "good", LONGEST);
      send(LONGEST, LONGEST);
      break;
  }
}

int main(void) {
  char number[8];
  network_start();
  if (!read_setting("port", number, sizeof number)) say("no port");
  for (const char* digit = number; *digit != 0; ++digit) port = (uint16_t)(port * 10 + (*digit - '0'));
  open_interface((uint8_t*)&incoming, (uint8_t*)&outgoing, RING, &handle);
  struct MvNetworkInterfaceState state = {.version = 1};
  while (mvGetNetworkInterfaceState(handle, &state) == MV_STATUS_OKAY && state.v1.up == 0) {
  }
  own_address = state.v1.address;
  uint64_t next = microseconds();
  for (uint32_t second = 0;; send_next()) {
    incoming.positions.taken = incoming.positions.put; /* answers are not looked at */
    if (microseconds() < next) continue;
    next += 1000000;
    mvGetNetworkInterfaceState(handle, &state);
    say("version %d floods for %lu s: %lu packets, %lu refused", VERSION, (unsigned long)second++,
        (unsigned long)sent, (unsigned long)state.v1.refused);
  }
}
