/* Facts about the public header, restated by hand; compiled for the device in C and in C++. */
#include "mv_syscalls.h"

#ifdef __cplusplus
#define CHECK(condition) static_assert(condition, #condition)
#else
#define CHECK(condition) _Static_assert(condition, #condition)
#endif

CHECK(sizeof(MvChannelHandle) == 4);
CHECK(sizeof(enum MvStatus) == 4);
CHECK(sizeof(enum MvWakeReason) == 1);
CHECK(sizeof(enum MvMqttAuthenticationMethod) == 1);
CHECK(MV_STATUS_UNAVAILABLE == 0x0a);
CHECK(MV_NETWORKSTATUS_CONNECTED == 1);
CHECK(offsetof(struct MvRequestNetworkParams, v1.notification_tag) == 8);
CHECK(offsetof(struct MvOpenChannelParams, v1.endpoint) == 36);
CHECK(offsetof(struct MvWifiConfig, v1.wifi_ssid) == 8);
CHECK(offsetof(struct MvExternalFlashInfo, v1.num_handles) == 12);
CHECK(offsetof(struct MvMqttConnectRequest, will) == 56);
CHECK(sizeof(struct MvNotification) == 16);

/* What applications write: designated initialisers through v1, handles compared with zero. */
static inline enum MvStatus open_example(MvNotificationHandle centre, MvNetworkHandle network,
                                         uint8_t* buffer) {
  struct MvOpenChannelParams params;
  MvChannelHandle channel = 0;
  uint16_t length = 3;
  params.version = 1;
  params.v1.notification_handle = centre;
  params.v1.notification_tag = 1;
  params.v1.network_handle = network;
  params.v1.receive_buffer = buffer;
  params.v1.receive_buffer_len = 512;
  params.v1.send_buffer = buffer + 512;
  params.v1.send_buffer_len = 512;
  params.v1.channel_type = MV_CHANNELTYPE_OPAQUEBYTES;
  params.v1.endpoint.data = (const uint8_t*)"log";
  params.v1.endpoint.length = length;
  return channel == 0 ? mvOpenChannel(&params, &channel) : mvCloseChannel(&channel);
}
