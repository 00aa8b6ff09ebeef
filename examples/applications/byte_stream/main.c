/* Sends back whatever comes from the endpoint "bytes", and opens a channel to it anew when it has ended.
 *
 * Shows: an opaque channel carries bytes both ways, as many as one likes through buffers of 512 bytes. What
 * does not fit waits: here until CHANNELDATAWRITESPACE says that there is room, at the far end until the
 * application has read. */
#include "network.h"

#define ENDPOINT "bytes"

static void wait(uint32_t milliseconds) {
  const uint64_t until = microseconds() + milliseconds * 1000ull;
  while (microseconds() < until) {
  }
}

/* False: the channel has ended. */
static bool write_all(MvChannelHandle channel, const uint8_t* bytes, uint32_t length) {
  while (length != 0) {
    uint32_t written = 0;
    if (mvWriteChannelStream(channel, bytes, length, &written) != MV_STATUS_OKAY) return false;
    bytes += written;
    length -= written;
    if (length != 0 && !wait_for_room()) return false;
  }
  return true;
}

/* Until the channel ends. What came before that can be read after it. */
static uint32_t echo(MvChannelHandle channel) {
  uint32_t total = 0;
  for (;;) {
    uint8_t* bytes = 0;
    uint32_t length = 0;
    if (mvReadChannel(channel, &bytes, &length) != MV_STATUS_OKAY) return total;
    if (length == 0) {
      wait_for_event();
      continue;
    }
    if (!write_all(channel, bytes, length)) return total;
    mvReadChannelComplete(channel, length);
    total += length;
  }
}

int main(void) {
  network_start();
  bool told = false;
  for (;; wait(200)) {
    MvChannelHandle channel = 0;
    const enum MvStatus status = open_stream(ENDPOINT, 512, &channel);
    if (status != MV_STATUS_OKAY) {
      if (!told) say("no channel to \"" ENDPOINT "\": status %d", (int)status);
      told = true;
      continue;
    }
    told = false;
    say("a channel to \"" ENDPOINT "\" is open");
    const uint32_t total = echo(channel);
    say("%lu bytes have gone back", (unsigned long)total);
    close_channel(&channel);
  }
}
