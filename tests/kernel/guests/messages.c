/* Provokes every status of the calls on HTTP, configuration and MQTT channels, and says of each what came:
 * "CALL wanted got", as guests/statuses.c. The service at the other end answers a request for
 * https://refused.example with a failure, every other one with success, fails the second configuration
 * request, and has everything that can be read come behind an MQTT connection. */
#include "guest.h"

#define NOWHERE ((void*)0x30080000)  /* Microvisor's RAM */
#define STALE ((MvChannelHandle)0x7) /* a handle of nobody */
#define EXPECT(call, status, ...) report(#call, MV_STATUS_##status, call(__VA_ARGS__))
#define TEXT(literal) \
  { .data = (const uint8_t*)(literal), .length = sizeof(literal) - 1 }
#define LONG_TEXT \
  { .data = bytes, .length = 1500 }

#define SYST_CSR 0xE000E010u
#define SYST_RVR 0xE000E014u
#define SYST_CVR 0xE000E018u

enum { SLOTS = 4, RECEIVE = 2048, SEND = 1024 };

static struct MvNotification ring[64] __attribute__((aligned(8)));
static uint8_t receive_buffers[SLOTS][RECEIVE] __attribute__((aligned(512)));
static uint8_t send_buffers[SLOTS][SEND] __attribute__((aligned(512)));
static uint8_t bytes[1500], into[256];
static uint32_t words[8];
static MvNotificationHandle centre;
static MvNetworkHandle network;

static void report(const char* call, uint32_t wanted, uint32_t got) {
  print_part(call);
  print_part(" ");
  print_part_number(wanted);
  print_number("", got);
}

static MvChannelHandle open_channel(enum MvChannelType type, uint32_t slot) {
  struct MvOpenChannelParams p = {.version = 1,
                                  .v1 = {.notification_handle = centre,
                                         .network_handle = network,
                                         .receive_buffer = receive_buffers[slot],
                                         .receive_buffer_len = RECEIVE,
                                         .send_buffer = send_buffers[slot],
                                         .send_buffer_len = SEND,
                                         .channel_type = type}};
  MvChannelHandle handle = 0;
  if (mvOpenChannel(&p, &handle) != MV_STATUS_OKAY) print("not opened");
  return handle;
}

/* --- memory that changes while a call goes on --- */

typedef enum MvStatus (*structured_call)(MvChannelHandle, const void*);
static volatile uint32_t* changing;

void SysTick_Handler(void) {
  REG(SYST_CSR) = 0;
  *changing = (uint32_t)NOWHERE;
}

/* Makes the call while the pointer at `place` goes bad, later each time, until that is too late for it to be
 * seen by the first check. */
static enum MvStatus with_change(structured_call call, MvChannelHandle handle, const void* argument,
                                 const void* place) {
  volatile uint32_t* const word = (volatile uint32_t*)place;
  const uint32_t good = *word;
  enum MvStatus status = MV_STATUS_PARAMETERFAULT;
  for (uint32_t delay = 100; status == MV_STATUS_PARAMETERFAULT && delay < 20000; delay += 50) {
    *word = good;
    changing = word;
    REG(SYST_RVR) = delay;
    REG(SYST_CVR) = 0;
    REG(SYST_CSR) = 7;
    status = call(handle, argument);
    REG(SYST_CSR) = 0;
  }
  *word = good;
  return status;
}
#define EXPECT_LATE(call, handle, argument, place) \
  report(#call, MV_STATUS_LATEFAULT, with_change((structured_call)call, handle, argument, place))

/* --- HTTP --- */

static void await_http(MvChannelHandle handle) {
  struct MvHttpResponseData data;
  while (mvReadHttpResponseData(handle, &data) == MV_STATUS_RESPONSENOTPRESENT) __asm__ volatile("nop");
}

static void http_requests(MvChannelHandle handle) {
  const struct MvHttpHeader header = {.length = 4, .data = NOWHERE};
  struct MvHttpRequest r = {.method = TEXT("GET"), .url = TEXT("https://a.example"), .timeout_ms = 5000};
  EXPECT(mvSendHttpRequest, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvSendHttpRequest, INVALIDHANDLE, STALE, &r);
  r.num_headers = 33;
  EXPECT(mvSendHttpRequest, TOOMANYELEMENTS, handle, &r);
  r.num_headers = 0;
  r.body = (struct MvSizedString)LONG_TEXT;
  EXPECT(mvSendHttpRequest, INVALIDBUFFERSIZE, handle, &r);
  r.body.length = 8;
  EXPECT(mvReadHttpResponseData, RESPONSENOTPRESENT, handle, (void*)words);
  EXPECT(mvReadHttpResponseBody, RESPONSENOTPRESENT, handle, 0, into, 4);
  EXPECT(mvReadHttpResponseHeader, RESPONSENOTPRESENT, handle, 0, into, 4);
  EXPECT(mvSendHttpRequest, OKAY, handle, &r);
  EXPECT(mvSendHttpRequest, REQUESTALREADYSENT, handle, &r);
  MvChannelHandle other = open_channel(MV_CHANNELTYPE_HTTP, 3);
  r.headers = &header;
  r.num_headers = 1;
  EXPECT(mvSendHttpRequest, LATEFAULT, other, &r);
  mvCloseChannel(&other);
}

static void http_responses(MvChannelHandle handle) {
  struct MvHttpResponseData data;
  await_http(handle);
  EXPECT(mvReadHttpResponseData, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvReadHttpResponseData, INVALIDHANDLE, STALE, &data);
  EXPECT(mvReadHttpResponseData, OKAY, handle, &data);
  EXPECT(mvReadHttpResponseBody, INVALIDHANDLE, STALE, 0, into, 4);
  EXPECT(mvReadHttpResponseBody, PARAMETERFAULT, handle, 0, NOWHERE, 4);
  EXPECT(mvReadHttpResponseBody, OFFSETINVALID, handle, data.body_length + 1, into, 4);
  EXPECT(mvReadHttpResponseBody, OKAY, handle, data.body_length, into, 4);
  EXPECT(mvReadHttpResponseHeader, INVALIDHANDLE, STALE, 0, into, 4);
  EXPECT(mvReadHttpResponseHeader, PARAMETERFAULT, handle, 0, NOWHERE, 4);
  EXPECT(mvReadHttpResponseHeader, INDEXINVALID, handle, data.num_headers, into, 4);
  EXPECT(mvReadHttpResponseHeader, OKAY, handle, 0, into, 4);
  MvChannelHandle other = open_channel(MV_CHANNELTYPE_HTTP, 3);
  struct MvHttpRequest r = {
      .method = TEXT("GET"), .url = TEXT("https://refused.example"), .timeout_ms = 5000};
  mvSendHttpRequest(other, &r);
  await_http(other);
  EXPECT(mvReadHttpResponseBody, REQUESTUNSUCCESSFUL, other, 0, into, 4);
  EXPECT(mvReadHttpResponseHeader, REQUESTUNSUCCESSFUL, other, 0, into, 4);
  mvCloseChannel(&other);
}

/* --- configuration --- */

static void await_config(MvChannelHandle handle) {
  struct MvConfigResponseData data;
  while (mvReadConfigFetchResponseData(handle, &data) == MV_STATUS_RESPONSENOTPRESENT)
    __asm__ volatile("nop");
}

static void config_requests(MvChannelHandle handle) {
  struct MvConfigKeyToFetch keys[16];
  struct MvConfigKeyFetchParams p = {.num_items = 17, .keys_to_fetch = keys};
  for (uint32_t i = 0; i < 16; ++i)
    keys[i] = (struct MvConfigKeyToFetch){.key = {.data = bytes, .length = 100}};
  EXPECT(mvSendConfigFetchRequest, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvSendConfigFetchRequest, INVALIDHANDLE, STALE, &p);
  EXPECT(mvSendConfigFetchRequest, TOOMANYCONFIGKEYS, handle, &p);
  p.num_items = 16;
  EXPECT(mvSendConfigFetchRequest, INVALIDBUFFERSIZE, handle, &p);
  p.num_items = 1;
  keys[0].store = (enum MvConfigKeyFetchStore)2;
  EXPECT(mvSendConfigFetchRequest, UNKNOWNCONFIGSTORE, handle, &p);
  keys[0].store = MV_CONFIGKEYFETCHSTORE_CONFIG;
  keys[0].scope = (enum MvConfigKeyFetchScope)2;
  EXPECT(mvSendConfigFetchRequest, UNKNOWNCONFIGSCOPE, handle, &p);
  keys[0].scope = MV_CONFIGKEYFETCHSCOPE_DEVICE;
  keys[0].key = (struct MvSizedString)TEXT("a\tb");
  EXPECT(mvSendConfigFetchRequest, INVALIDCONFIGKEY, handle, &p);
  keys[0].key = (struct MvSizedString)TEXT("key");
  struct MvConfigResponseReadItemParams item = {0};
  EXPECT(mvReadConfigFetchResponseData, RESPONSENOTPRESENT, handle, (void*)words);
  EXPECT(mvReadConfigResponseItem, RESPONSENOTPRESENT, handle, &item);
  EXPECT(mvSendConfigFetchRequest, OKAY, handle, &p);
  EXPECT(mvSendConfigFetchRequest, REQUESTALREADYSENT, handle, &p);
  MvChannelHandle other = open_channel(MV_CHANNELTYPE_CONFIGFETCH, 3);
  keys[0].key.data = NOWHERE;
  EXPECT(mvSendConfigFetchRequest, LATEFAULT, other, &p);
  mvCloseChannel(&other);
  other = open_channel(MV_CHANNELTYPE_CONFIGFETCH, 3);
  keys[0].key.data = bytes;
  mvSendConfigFetchRequest(other, &p);
  await_config(other);
  EXPECT(mvReadConfigResponseItem, REQUESTUNSUCCESSFUL, other, &item);
  mvCloseChannel(&other);
}

static void config_responses(MvChannelHandle handle) {
  struct MvConfigResponseData data;
  struct MvConfigResponseReadItemParams item = {
      .result = (void*)&words[0], .buf = {.data = into, .size = sizeof into, .length = &words[1]}};
  await_config(handle);
  EXPECT(mvReadConfigFetchResponseData, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvReadConfigFetchResponseData, INVALIDHANDLE, STALE, &data);
  EXPECT(mvReadConfigFetchResponseData, OKAY, handle, &data);
  EXPECT(mvReadConfigResponseItem, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvReadConfigResponseItem, INVALIDHANDLE, STALE, &item);
  EXPECT_LATE(mvReadConfigResponseItem, handle, &item, &item.buf.data);
  item.buf.size = 1;
  EXPECT(mvReadConfigResponseItem, INVALIDBUFFERSIZE, handle, &item);
  item.buf.size = sizeof into;
  item.item_index = data.num_items;
  EXPECT(mvReadConfigResponseItem, INDEXINVALID, handle, &item);
}

/* --- MQTT: requests --- */

/* As long as the service has not said that it takes anything, what is published stays where it is. */
static void connect_without_room(const struct MvMqttConnectRequest* request) {
  const struct MvMqttPublishRequest p = {.topic = TEXT("t"), .payload = {.data = bytes, .length = 1000}};
  MvChannelHandle channel = open_channel(MV_CHANNELTYPE_MQTT, 3);
  EXPECT(mvMqttRequestPublish, OKAY, channel, &p);
  EXPECT(mvMqttRequestConnect, RATELIMITED, channel, request);
  enum MvStatus status = MV_STATUS_OKAY;
  for (uint32_t i = 0; i < 4 && status == MV_STATUS_OKAY; ++i)
    status = mvMqttAcknowledgeMessage(channel, 0xFFFFFFFF);
  report("mvMqttAcknowledgeMessage", MV_STATUS_RATELIMITED, status);
  mvCloseChannel(&channel);
}

static void mqtt_connects(MvChannelHandle handle) {
  const struct MvSizedString bad = {.data = NOWHERE, .length = 5};
  const struct MvSizedString certificate = TEXT("certificate");
  struct MvTlsCredentials tls = {.cacert = {.num_certs = 9, .certs = &certificate}};
  struct MvMqttConnectRequest r = {.host = TEXT("broker"), .clientid = LONG_TEXT, .tls_credentials = &tls};
  EXPECT(mvMqttRequestConnect, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvMqttRequestConnect, INVALIDHANDLE, STALE, &r);
  EXPECT(mvMqttRequestConnect, TOOMANYELEMENTS, handle, &r);
  tls.cacert.num_certs = 1;
  EXPECT(mvMqttRequestConnect, INVALIDBUFFERSIZE, handle, &r);
  r.clientid.length = 0;
  EXPECT(mvMqttRequestConnect, REQUIREDELEMENTMISSING, handle, &r);
  r.clientid.length = 500;
  r.authentication.method = (enum MvMqttAuthenticationMethod)2;
  EXPECT(mvMqttRequestConnect, INVALIDAUTHENTICATION, handle, &r);
  r.authentication.method = MV_MQTTAUTHENTICATIONMETHOD_NONE;
  connect_without_room(&r);
  MvChannelHandle other = open_channel(MV_CHANNELTYPE_MQTT, 3);
  tls.cacert.certs = &bad;
  EXPECT(mvMqttRequestConnect, LATEFAULT, other, &r);
  mvCloseChannel(&other);
  tls.cacert.certs = &certificate;
  EXPECT(mvMqttRequestConnect, OKAY, handle, &r);
  EXPECT(mvMqttRequestConnect, REQUESTALREADYSENT, handle, &r);
}

static void mqtt_topics(MvChannelHandle handle) {
  struct MvMqttSubscription subscription = {.topic = {.data = NOWHERE, .length = 4}};
  struct MvMqttSubscribeRequest s = {.subscriptions = &subscription, .num_subscriptions = 9};
  EXPECT(mvMqttRequestSubscribe, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvMqttRequestSubscribe, INVALIDHANDLE, STALE, &s);
  EXPECT(mvMqttRequestSubscribe, TOOMANYELEMENTS, handle, &s);
  s.num_subscriptions = 1;
  EXPECT(mvMqttRequestSubscribe, LATEFAULT, handle, &s);
  struct MvSizedString topic = {.data = NOWHERE, .length = 4};
  struct MvMqttUnsubscribeRequest u = {.topics = &topic, .num_topics = 9};
  EXPECT(mvMqttRequestUnsubscribe, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvMqttRequestUnsubscribe, INVALIDHANDLE, STALE, &u);
  EXPECT(mvMqttRequestUnsubscribe, TOOMANYELEMENTS, handle, &u);
  u.num_topics = 1;
  EXPECT(mvMqttRequestUnsubscribe, LATEFAULT, handle, &u);
  subscription.topic = topic = (struct MvSizedString)LONG_TEXT;
  EXPECT(mvMqttRequestSubscribe, INVALIDBUFFERSIZE, handle, &s);
  EXPECT(mvMqttRequestUnsubscribe, INVALIDBUFFERSIZE, handle, &u);
  subscription.topic.length = topic.length = 10;
  EXPECT(mvMqttRequestSubscribe, OKAY, handle, &s);
  EXPECT(mvMqttRequestSubscribe, RATELIMITED, handle, &s);
  EXPECT(mvMqttRequestUnsubscribe, OKAY, handle, &u);
  EXPECT(mvMqttRequestUnsubscribe, RATELIMITED, handle, &u);
}

static void mqtt_publications(MvChannelHandle handle) {
  struct MvMqttPublishRequest p = {.topic = TEXT("topic"), .payload = LONG_TEXT};
  EXPECT(mvMqttRequestPublish, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvMqttRequestPublish, INVALIDHANDLE, STALE, &p);
  EXPECT(mvMqttRequestPublish, INVALIDBUFFERSIZE, handle, &p);
  p.payload.length = 10;
  EXPECT_LATE(mvMqttRequestPublish, handle, &p, &p.payload.data);
  enum MvStatus status = MV_STATUS_OKAY;
  for (uint32_t i = 0; i < 9 && status == MV_STATUS_OKAY; ++i) status = mvMqttRequestPublish(handle, &p);
  report("mvMqttRequestPublish", MV_STATUS_RATELIMITED, status);
  EXPECT(mvMqttAcknowledgeMessage, INVALIDHANDLE, STALE, 1);
  EXPECT(mvMqttRequestDisconnect, INVALIDHANDLE, STALE);
  EXPECT(mvMqttRequestDisconnect, OKAY, handle);
  EXPECT(mvMqttRequestDisconnect, RATELIMITED, handle);
}

/* --- MQTT: what is read --- */

static uint8_t retained;
static struct MvMqttMessage message = {.correlation_id = &words[0],
                                       .topic = {.data = into, .size = 100, .length = &words[1]},
                                       .payload = {.data = into + 100, .size = 100, .length = &words[2]},
                                       .qos = &words[3],
                                       .retain = &retained};
static struct MvMqttLostMessageInfo lost = {.reason = (void*)&words[0],
                                            .topic = {.data = into, .size = 100, .length = &words[1]},
                                            .message_len = &words[2]};
static struct MvMqttSubscribeResponse subscribed = {.request_state = (void*)&words[0],
                                                    .correlation_id = &words[1],
                                                    .reason_codes = &words[2],
                                                    .reason_codes_size = 4,
                                                    .reason_codes_len = &words[6]};
static struct MvMqttUnsubscribeResponse unsubscribed = {.request_state = (void*)&words[0],
                                                        .correlation_id = &words[1],
                                                        .reason_codes = &words[2],
                                                        .reason_codes_size = 4,
                                                        .reason_codes_len = &words[6]};

static enum MvMqttReadableDataType next_item(MvChannelHandle handle) {
  enum MvMqttReadableDataType type = MV_MQTTREADABLEDATATYPE_NONE;
  mvMqttGetNextReadableDataType(handle, &type);
  return type;
}

/* Every way to read says the same, where it has to. */
static void read_everything(MvChannelHandle handle, enum MvMqttReadableDataType but, uint32_t wanted) {
  union {
    struct MvMqttConnectResponse connected;
    struct MvMqttPublishResponse published;
    struct MvMqttDisconnectResponse disconnected;
  } r;
#define READ(type, call, argument) \
  if (but != MV_MQTTREADABLEDATATYPE_##type) report(#call, wanted, call(handle, argument))
  READ(MESSAGERECEIVED, mvMqttReceiveMessage, &message);
  READ(MESSAGELOST, mvMqttReceiveLostMessageInfo, &lost);
  READ(CONNECTRESPONSE, mvMqttReadConnectResponse, &r.connected);
  READ(SUBSCRIBERESPONSE, mvMqttReadSubscribeResponse, &subscribed);
  READ(UNSUBSCRIBERESPONSE, mvMqttReadUnsubscribeResponse, &unsubscribed);
  READ(PUBLISHRESPONSE, mvMqttReadPublishResponse, &r.published);
  READ(DISCONNECTRESPONSE, mvMqttReadDisconnectResponse, &r.disconnected);
}

/* The same for a handle of nobody, and with a bad pointer for the item that is there. */
#define READ_BADLY(call, good)              \
  EXPECT(call, INVALIDHANDLE, STALE, good); \
  EXPECT(call, PARAMETERFAULT, handle, NOWHERE)

/* The same of what also needs room, and shows a bad pointer late. */
#define READ_WITH_ROOM(call, into, room, enough, pointer) \
  READ_BADLY(call, &(into));                              \
  (into).room = 1;                                        \
  EXPECT(call, INVALIDBUFFERSIZE, handle, &(into));       \
  (into).room = (enough);                                 \
  EXPECT_LATE(call, handle, &(into), &(into).pointer);    \
  EXPECT(call, OKAY, handle, &(into))

static void read_one(MvChannelHandle handle, enum MvMqttReadableDataType type) {
  union {
    struct MvMqttConnectResponse connected;
    struct MvMqttPublishResponse published;
    struct MvMqttDisconnectResponse disconnected;
  } r;
  switch (type) {
    case MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE:
      READ_BADLY(mvMqttReadConnectResponse, &r.connected);
      EXPECT(mvMqttReadConnectResponse, OKAY, handle, &r.connected);
      break;
    case MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE:
      READ_BADLY(mvMqttReadPublishResponse, &r.published);
      EXPECT(mvMqttReadPublishResponse, OKAY, handle, &r.published);
      break;
    case MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE:
      READ_BADLY(mvMqttReadDisconnectResponse, &r.disconnected);
      EXPECT(mvMqttReadDisconnectResponse, OKAY, handle, &r.disconnected);
      break;
    case MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED:
      READ_WITH_ROOM(mvMqttReceiveMessage, message, payload.size, 100, payload.data);
      break;
    case MV_MQTTREADABLEDATATYPE_MESSAGELOST:
      READ_WITH_ROOM(mvMqttReceiveLostMessageInfo, lost, topic.size, 100, topic.data);
      break;
    case MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE:
      READ_WITH_ROOM(mvMqttReadSubscribeResponse, subscribed, reason_codes_size, 4, reason_codes);
      break;
    case MV_MQTTREADABLEDATATYPE_UNSUBSCRIBERESPONSE:
      READ_WITH_ROOM(mvMqttReadUnsubscribeResponse, unsubscribed, reason_codes_size, 4, reason_codes);
      break;
    default: break;
  }
}

/* Until the last thing of the seven that come. */
static void mqtt_items(MvChannelHandle handle) {
  enum MvMqttReadableDataType type;
  EXPECT(mvMqttGetNextReadableDataType, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvMqttGetNextReadableDataType, INVALIDHANDLE, STALE, &type);
  do {
    while ((type = next_item(handle)) == MV_MQTTREADABLEDATATYPE_NONE) __asm__ volatile("nop");
    read_everything(handle, type, MV_STATUS_WRONGDATAREQUESTED);
    read_one(handle, type);
  } while (type != MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE);
  read_everything(handle, MV_MQTTREADABLEDATATYPE_NONE, MV_STATUS_RESPONSENOTPRESENT);
}

/* --- when the connection is gone, and nothing is left to read --- */

static void closed(MvChannelHandle mqtt, MvChannelHandle http, MvChannelHandle config) {
  enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
  enum MvMqttReadableDataType type;
  struct MvConfigResponseReadItemParams item = {0};
  print("cut");
  while (reason == MV_CLOSUREREASON_NONE) mvGetChannelClosureReason(config, &reason);
  print_number("reason", reason);
  EXPECT(mvSendHttpRequest, CHANNELCLOSED, http, (void*)words);
  EXPECT(mvReadHttpResponseData, CHANNELCLOSED, http, (void*)words);
  EXPECT(mvReadHttpResponseBody, CHANNELCLOSED, http, 0, into, 4);
  EXPECT(mvReadHttpResponseHeader, CHANNELCLOSED, http, 0, into, 4);
  EXPECT(mvSendConfigFetchRequest, CHANNELCLOSED, config, (void*)words);
  EXPECT(mvReadConfigFetchResponseData, CHANNELCLOSED, config, (void*)words);
  EXPECT(mvReadConfigResponseItem, CHANNELCLOSED, config, &item);
  EXPECT(mvMqttRequestConnect, CHANNELCLOSED, mqtt, (void*)words);
  EXPECT(mvMqttRequestSubscribe, CHANNELCLOSED, mqtt, (void*)words);
  EXPECT(mvMqttRequestUnsubscribe, CHANNELCLOSED, mqtt, (void*)words);
  EXPECT(mvMqttRequestPublish, CHANNELCLOSED, mqtt, (void*)words);
  EXPECT(mvMqttAcknowledgeMessage, CHANNELCLOSED, mqtt, 1);
  EXPECT(mvMqttRequestDisconnect, CHANNELCLOSED, mqtt);
  EXPECT(mvMqttGetNextReadableDataType, CHANNELCLOSED, mqtt, &type);
  read_everything(mqtt, MV_MQTTREADABLEDATATYPE_NONE, MV_STATUS_CHANNELCLOSED);
}

int main(void) {
  struct MvNotificationSetup setup = {.irq = 45, .buffer = ring, .buffer_size = sizeof ring};
  struct MvRequestNetworkParams request = {.version = 1};
  enum MvNetworkStatus status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;
  console_start();
  for (uint32_t i = 0; i < sizeof bytes; ++i) bytes[i] = 'k';
  mvSetupNotifications(&setup, &centre);
  mvRequestNetwork(&request, &network);
  while (status != MV_NETWORKSTATUS_CONNECTED) mvGetNetworkStatus(network, &status);
  MvChannelHandle http = open_channel(MV_CHANNELTYPE_HTTP, 0);
  MvChannelHandle config = open_channel(MV_CHANNELTYPE_CONFIGFETCH, 1);
  MvChannelHandle mqtt = open_channel(MV_CHANNELTYPE_MQTT, 2);
  print_number("opened", (http != 0) + (config != 0) + (mqtt != 0));
  http_requests(http);
  http_responses(http);
  config_requests(config);
  config_responses(config);
  mqtt_connects(mqtt);
  mqtt_topics(mqtt);
  mqtt_publications(mqtt);
  mqtt_items(mqtt);
  mvCloseChannel(&http);
  mvCloseChannel(&config);
  http = open_channel(MV_CHANNELTYPE_HTTP, 0);
  config = open_channel(MV_CHANNELTYPE_CONFIGFETCH, 1);
  closed(mqtt, http, config);
  print("done");
  for (;;) __asm__ volatile("wfi");
}
