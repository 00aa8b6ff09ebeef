/* A ring begins with two positions. Its owner's alone is written: `put` of the ring that is sent from,
 * `taken` of the one that is received into. A packet is a word for its length and its bytes, and goes on at
 * the beginning where the ring ends. */
#include "packet_netif.h"

#include <lwip/dns.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/timeouts.h>
#include <string.h>

#include "network.h"

enum { RING = 8192, ROOM = RING - sizeof(struct MvPacketRing), WORD = 4 };

struct ring {
  volatile struct MvPacketRing positions;
  uint8_t bytes[ROOM];
};

static struct ring incoming __attribute__((aligned(512)));
static struct ring outgoing __attribute__((aligned(512)));
static MvNetworkInterfaceHandle handle;
static struct netif interface;

static uint32_t taken_up(uint32_t length) { return WORD + (length + WORD - 1) / WORD * WORD; }

/* One word stays free: else a full ring would look like an empty one. */
static uint32_t room(void) {
  const uint32_t put = outgoing.positions.put, taken = outgoing.positions.taken;
  const uint32_t used = put >= taken ? put - taken : put + ROOM - taken;
  return ROOM - WORD - used;
}

/* Where the bytes behind these begin. */
static uint32_t copy_in(uint32_t at, const void* from, uint32_t size) {
  const uint32_t first = size < ROOM - at ? size : ROOM - at;
  memcpy(&outgoing.bytes[at], from, first);
  memcpy(outgoing.bytes, (const uint8_t*)from + first, size - first);
  return (at + size) % ROOM;
}

static err_t send_packet(struct netif* netif, struct pbuf* packet, const ip4_addr_t* address) {
  (void)netif, (void)address;
  const uint32_t length = packet->tot_len;
  if (taken_up(length) > room()) return ERR_MEM; /* lwIP sends it again when it has to */
  const uint32_t begin = outgoing.positions.put;
  uint32_t at = copy_in(begin, &length, sizeof length);
  for (const struct pbuf* part = packet; part != NULL; part = part->next)
    at = copy_in(at, part->payload, part->len);
  __asm volatile("dmb" ::: "memory"); /* the packet is there before anybody is told */
  outgoing.positions.put = (begin + taken_up(length)) % ROOM;
  mvSendNetworkPackets(handle, 0);
  return ERR_OK;
}

static struct pbuf* copy_out(uint32_t at, uint32_t length) {
  struct pbuf* const packet = pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_POOL);
  if (packet == NULL) return NULL;
  const uint32_t first = length < ROOM - at ? length : ROOM - at;
  pbuf_take(packet, &incoming.bytes[at], (u16_t)first);
  if (first != length) pbuf_take_at(packet, incoming.bytes, (u16_t)(length - first), (u16_t)first);
  return packet;
}

static void receive_packets(void) {
  while (incoming.positions.taken != incoming.positions.put) {
    const uint32_t at = incoming.positions.taken;
    uint32_t length;
    memcpy(&length, &incoming.bytes[at], sizeof length);
    struct pbuf* const packet = copy_out((at + WORD) % ROOM, length);
    __asm volatile("dmb" ::: "memory");
    incoming.positions.taken = (at + taken_up(length)) % ROOM;
    if (packet != NULL && interface.input(packet, &interface) != ERR_OK) pbuf_free(packet);
  }
}

static void follow_state(void) {
  struct MvNetworkInterfaceState state = {.version = 1};
  if (mvGetNetworkInterfaceState(handle, &state) != MV_STATUS_OKAY) return;
  ip_addr_t server;
  ip_addr_set_ip4_u32_val(server, state.v1.name_server);
  dns_setserver(0, &server);
  ip_addr_set_ip4_u32_val(server, state.v1.second_name_server);
  dns_setserver(1, &server);
  interface.mtu = (u16_t)state.v1.mtu;
  if (state.v1.up != 0) {
    netif_set_link_up(&interface);
  } else {
    netif_set_link_down(&interface);
  }
}

static err_t initialise(struct netif* netif) {
  netif->name[0] = 'm';
  netif->name[1] = 'v';
  netif->output = send_packet;
  return ERR_OK;
}

bool packet_netif_open(void) {
  if (open_interface((uint8_t*)&incoming, (uint8_t*)&outgoing, RING, &handle) != MV_STATUS_OKAY) return false;
  srand((unsigned)microseconds());
  struct MvNetworkInterfaceState state = {.version = 1};
  mvGetNetworkInterfaceState(handle, &state);
  const ip4_addr_t address = {state.v1.address}, gateway = {state.v1.gateway};
  const ip4_addr_t mask = {lwip_htonl(~0u << (32 - state.v1.prefix_length))};
  netif_add(&interface, &address, &mask, &gateway, NULL, initialise, ip4_input);
  netif_set_default(&interface);
  netif_set_up(&interface);
  follow_state();
  return true;
}

void packet_netif_poll(void) {
  if (interface_changed()) follow_state();
  receive_packets();
  sys_check_timeouts();
}

bool packet_netif_is_up(void) { return netif_is_link_up(&interface); }

/* lwIP's clock, in milliseconds. */
u32_t sys_now(void) { return (u32_t)(microseconds() / 1000); }
