/* Reads a configuration value and a secret of its device, and one of its account's, at its start.
 *
 * Shows: one configuration channel for one fetch of several values. Set them before:
 *
 *     microvisor configs set greeting "good morning" --device UV...
 *     microvisor secrets set token @FILE --device UV...
 */
#include <string.h>

#include "network.h"

static const struct {
  enum MvConfigKeyFetchScope scope;
  enum MvConfigKeyFetchStore store;
  const char* key;
} wanted[] = {
    {MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_CONFIG, "greeting"},
    {MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_SECRET, "token"},
    {MV_CONFIGKEYFETCHSCOPE_ACCOUNT, MV_CONFIGKEYFETCHSTORE_CONFIG, "greeting"},
};
enum { COUNT = sizeof wanted / sizeof wanted[0] };

static void show_item(MvChannelHandle channel, uint32_t index) {
  char value[128] = {0};
  uint32_t length = 0;
  enum MvConfigKeyFetchResult result = MV_CONFIGKEYFETCHRESULT_SERVERERROR;
  const struct MvConfigResponseReadItemParams params = {
      index, &result, {(uint8_t*)value, sizeof value - 1, &length}};
  const enum MvStatus status = mvReadConfigResponseItem(channel, &params);
  if (status != MV_STATUS_OKAY || result != MV_CONFIGKEYFETCHRESULT_OK) {
    say("%s: status %d, result %d", wanted[index].key, (int)status, (int)result);
  } else if (wanted[index].store == MV_CONFIGKEYFETCHSTORE_SECRET) {
    say("%s: a secret of %lu bytes", wanted[index].key, (unsigned long)length);
  } else {
    say("%s: %s", wanted[index].key, value);
  }
}

static void fetch(void) {
  MvChannelHandle channel = open_channel(MV_CHANNELTYPE_CONFIGFETCH);
  if (channel == 0) return;
  struct MvConfigKeyToFetch keys[COUNT];
  for (uint32_t i = 0; i < COUNT; ++i)
    keys[i] = (struct MvConfigKeyToFetch){wanted[i].scope, wanted[i].store, text(wanted[i].key)};
  const struct MvConfigKeyFetchParams params = {COUNT, keys};
  struct MvConfigResponseData response = {0};
  enum MvStatus status = mvSendConfigFetchRequest(channel, &params);
  if (status == MV_STATUS_OKAY && !wait_for_data(15)) say("no values in time");
  if (status == MV_STATUS_OKAY) status = mvReadConfigFetchResponseData(channel, &response);
  if (status != MV_STATUS_OKAY || response.result != MV_CONFIGFETCHRESULT_OK) {
    say("the values cannot be had: status %d, result %d", (int)status, (int)response.result);
  } else {
    for (uint32_t i = 0; i < response.num_items; ++i) show_item(channel, i);
  }
  close_channel(&channel);
}

int main(void) {
  network_start();
  fetch();
  for (;;) __asm volatile("wfi");
}
