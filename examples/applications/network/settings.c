#include "settings.h"

#include "network.h"

bool read_setting(const char* key, char* value, uint32_t size) {
  MvChannelHandle channel = open_channel(MV_CHANNELTYPE_CONFIGFETCH);
  if (channel == 0) return false;
  const struct MvConfigKeyToFetch wanted = {MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_CONFIG,
                                            text(key)};
  const struct MvConfigKeyFetchParams params = {1, &wanted};
  enum MvConfigKeyFetchResult result = MV_CONFIGKEYFETCHRESULT_SERVERERROR;
  uint32_t length = 0;
  const struct MvConfigResponseReadItemParams item = {0, &result, {(uint8_t*)value, size - 1, &length}};
  const bool there = mvSendConfigFetchRequest(channel, &params) == MV_STATUS_OKAY && wait_for_data(15) &&
                     mvReadConfigResponseItem(channel, &item) == MV_STATUS_OKAY &&
                     result == MV_CONFIGKEYFETCHRESULT_OK;
  value[there ? length : 0] = 0;
  close_channel(&channel);
  return there;
}
