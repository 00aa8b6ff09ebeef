/* Sends packets by the network interface as fast as they are taken, and says so for every fourth. TIM7's line
 * is let through: a test makes it pending. */
#include <string.h>

#include "guest.h"

enum { RING = 4096, ROOM = RING - sizeof(struct MvPacketRing), LENGTH = 300, TAKES_UP = 4 + LENGTH };

struct ring {
  volatile struct MvPacketRing positions;
  uint8_t bytes[ROOM];
};
static struct ring incoming __attribute__((aligned(512)));
static struct ring outgoing __attribute__((aligned(512)));
static struct MvNotification records[8] __attribute__((aligned(8)));

void TIM7_IRQHandler(void) {}

static void put_word(uint32_t at, uint32_t value) { memcpy(&outgoing.bytes[at % ROOM], &value, 4); }

/* A datagram from 10.244.161.2 to 198.51.100.7, the words as they lie in memory. */
static void send(MvNetworkInterfaceHandle handle) {
  static const uint32_t header[] = {LENGTH,     0x2C010045, 0,          0x00001140,
                                    0x02A1F40A, 0x076433C6, 0x07000010, 0x00001801};
  const uint32_t begin = outgoing.positions.put;
  for (uint32_t i = 0; i < sizeof header / 4; ++i) put_word(begin + 4 * i, header[i]);
  __asm__ volatile("dmb" ::: "memory");
  outgoing.positions.put = (begin + TAKES_UP) % ROOM;
  mvSendNetworkPackets(handle, 0);
}

int main(void) {
  console_start();
  const struct MvNotificationSetup setup = {.irq = 45, .buffer = records, .buffer_size = sizeof records};
  struct MvOpenNetworkInterfaceParams params = {.version = 1,
                                                .v1 = {.receive_buffer = (uint8_t*)&incoming,
                                                       .receive_buffer_len = RING,
                                                       .send_buffer = (uint8_t*)&outgoing,
                                                       .send_buffer_len = RING}};
  mvSetupNotifications(&setup, &params.v1.notification_handle);
  const struct MvRequestNetworkParams request = {.version = 1};
  mvRequestNetwork(&request, &params.v1.network_handle);
  MvNetworkInterfaceHandle handle = 0;
  print_number("open", mvOpenNetworkInterface(&params, &handle));
  REG(NVIC_ISER + 4) = 1u << 18;
  uint32_t sent = 0;
  for (;;) {
    const uint32_t put = outgoing.positions.put, taken = outgoing.positions.taken;
    const uint32_t used = put >= taken ? put - taken : put + ROOM - taken;
    if (used + TAKES_UP > ROOM - 4) continue;
    send(handle);
    if (++sent % 4 == 0) print_number("sent", sent);
  }
}
