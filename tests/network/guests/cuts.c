/* Has all channels in use until the connection is lost, again and again. What counts stands on USART2: which
 * publications the broker has acknowledged, which messages have been read, why each channel has ended, and
 * that all four, and no fifth, can be opened again. */
#include "errands.h"

enum { HTTP, MQTT, STREAM, CONFIG, LOG_EVERY_US = 200000, PATIENCE_US = 20000000, NOT_OPEN = 9 };

static uint32_t sent[3], acknowledged[3]; /* numbers of publications, by QoS */
static uint32_t written, read_back;       /* bytes of the stream */
static uint32_t responses, values, lines;

static int ended(uint32_t index) {
  enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
  if (slots[index].handle == 0) return !connected(); /* to be opened again, see again() */
  return mvGetChannelClosureReason(slots[index].handle, &reason) != MV_STATUS_OKAY ||
         (reason != MV_CLOSUREREASON_NONE && reason != MV_CLOSUREREASON_NOTYETOPEN);
}

static enum MvStatus open_one(uint32_t index) {
  static const enum MvChannelType types[SLOTS] = {MV_CHANNELTYPE_HTTP, MV_CHANNELTYPE_MQTT,
                                                  MV_CHANNELTYPE_OPAQUEBYTES, MV_CHANNELTYPE_CONFIGFETCH};
  return open_slot(index, types[index], index == STREAM ? TEXT("echo") : TEXT(""));
}

static void ask_http(void) {
  if (send_get(&slots[HTTP], TEXT("https://server.test/page")) != MV_STATUS_OKAY && !ended(HTTP))
    print("no request");
}

static void ask_config(void) {
  static const struct MvConfigKeyToFetch key = {
      MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_CONFIG, {(const uint8_t*)"greeting", 8}};
  const struct MvConfigKeyFetchParams params = {1, &key};
  if (mvSendConfigFetchRequest(slots[CONFIG].handle, &params) != MV_STATUS_OKAY && !ended(CONFIG))
    print("no fetch");
}

/* A channel for one request has carried it: another is opened in its place as soon as it has been closed at
 * the far end too. */
static void again(uint32_t index, void (*ask)(void)) {
  if (slots[index].handle != 0) return;
  const enum MvStatus status = open_one(index);
  if (status == MV_STATUS_OKAY) return ask();
  if (status != MV_STATUS_TOOMANYCHANNELS && status != MV_STATUS_RATELIMITED &&
      status != MV_STATUS_NETWORKNOTCONNECTED)
    print_number("not opened again", status);
}

static void http_step(void) {
  struct MvHttpResponseData response = {0};
  again(HTTP, ask_http);
  if (!take_readable(&slots[HTTP])) return;
  if (mvReadHttpResponseData(slots[HTTP].handle, &response) != MV_STATUS_OKAY) return;
  if (response.result != MV_HTTPRESULT_OK) print_number("http failed", response.result);
  ++responses;
  mvCloseChannel(&slots[HTTP].handle);
}

static void config_step(void) {
  static uint8_t value[32];
  uint32_t length = 0;
  enum MvConfigKeyFetchResult result = MV_CONFIGKEYFETCHRESULT_SERVERERROR;
  const struct MvConfigResponseReadItemParams item = {0, &result, {value, sizeof value, &length}};
  again(CONFIG, ask_config);
  if (!take_readable(&slots[CONFIG])) return;
  if (mvReadConfigResponseItem(slots[CONFIG].handle, &item) != MV_STATUS_OKAY) return;
  if (result != MV_CONFIGKEYFETCHRESULT_OK || length != 5) print_number("value", result);
  ++values;
  mvCloseChannel(&slots[CONFIG].handle);
}

/* Each byte says where in the stream it stands. */
static void stream_step(void) {
  static uint32_t round;
  uint8_t piece[64], *bytes = 0;
  uint32_t length = 0, taken = 0;
  if (++round % 8 != 0) return; /* the line of the modem is not to be busy all the time */
  if (mvReadChannel(slots[STREAM].handle, &bytes, &length) == MV_STATUS_OKAY && length != 0) {
    for (uint32_t at = 0; at < length; ++at)
      if (bytes[at] != (uint8_t)(read_back + at)) print_number("stream differs", read_back + at);
    if (mvReadChannelComplete(slots[STREAM].handle, length) == MV_STATUS_OKAY) read_back += length;
  }
  if (written - read_back > 1024) return;
  for (uint32_t at = 0; at < sizeof piece; ++at) piece[at] = (uint8_t)(written + at);
  if (mvWriteChannelStream(slots[STREAM].handle, piece, sizeof piece, &taken) == MV_STATUS_OKAY)
    written += taken;
}

static void publish_next(uint32_t qos) {
  if (mqtt_publish(&slots[MQTT], qos == 1 ? TEXT("from/1") : TEXT("from/2"), 2 * sent[qos] + (qos - 1),
                   qos) == MV_STATUS_OKAY)
    ++sent[qos];
}

static void subscribe(void) {
  const struct MvMqttSubscription subscriptions[] = {{TEXT("to/1"), 1, 0, 0, 2}, {TEXT("to/2"), 2, 0, 0, 2}};
  const struct MvMqttSubscribeRequest request = {1, subscriptions, 2};
  mvMqttRequestSubscribe(slots[MQTT].handle, &request);
}

static void take_message(void) {
  static uint8_t topic[32], payload[32];
  uint32_t id = 0, topic_length = 0, length = 0, qos = 0, number = 0;
  uint8_t retain = 0;
  const struct MvMqttMessage message = {
      &id, {topic, sizeof topic, &topic_length}, {payload, sizeof payload, &length}, &qos, &retain};
  if (mvMqttReceiveMessage(slots[MQTT].handle, &message) != MV_STATUS_OKAY) return;
  for (uint32_t at = 0; at < length; ++at) number = number * 10 + (payload[at] - '0');
  print_number(qos == 1 ? "got 1" : "got 2", number);
  mvMqttAcknowledgeMessage(slots[MQTT].handle, id);
}

/* The number says which QoS it was. */
static void take_publish_response(void) {
  struct MvMqttPublishResponse response = {0};
  if (mvMqttReadPublishResponse(slots[MQTT].handle, &response) != MV_STATUS_OKAY) return;
  const uint32_t qos = 1 + (response.correlation_id & 1);
  if (response.request_state == MV_MQTTREQUESTSTATE_REQUESTCOMPLETED && (response.reason_code & 0x80) == 0) {
    ++acknowledged[qos];
    print_number(qos == 1 ? "acknowledged 1" : "acknowledged 2", response.correlation_id);
  }
  publish_next(qos);
}

static void mqtt_step(void) {
  enum MvMqttReadableDataType type = MV_MQTTREADABLEDATATYPE_NONE;
  if (!take_readable(&slots[MQTT])) return;
  if (mvMqttGetNextReadableDataType(slots[MQTT].handle, &type) != MV_STATUS_OKAY) return;
  if (type == MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE) {
    struct MvMqttConnectResponse response = {0};
    mvMqttReadConnectResponse(slots[MQTT].handle, &response);
    if (response.request_state != 0 || response.reason_code != 0)
      print_number("broker", response.reason_code);
    subscribe();
  } else if (type == MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE) {
    enum MvMqttRequestState state = MV_MQTTREQUESTSTATE_NOTCONNECTED;
    uint32_t id = 0, reasons[2] = {0, 0}, count = 0;
    const struct MvMqttSubscribeResponse response = {&state, &id, reasons, 2, &count};
    mvMqttReadSubscribeResponse(slots[MQTT].handle, &response);
    print("subscribed");
    publish_next(1);
    publish_next(2);
  } else if (type == MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE) {
    take_publish_response();
  } else if (type == MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED) {
    take_message();
  } else {
    print_number("unexpected", type);
  }
}

static void log_line(uint64_t* next) {
  if (microseconds() < *next) return;
  *next = microseconds() + LOG_EVERY_US;
  char line[16] = "line ";
  mvServerLog((const uint8_t*)line, (uint16_t)(5 + write_number(line + 5, lines++)));
}

/* All four, and no fifth. */
static int open_all(void) {
  struct slot none = {0};
  for (uint32_t index = 0; index < SLOTS; ++index) {
    enum MvStatus status = open_one(index);
    for (; status == MV_STATUS_RATELIMITED; status = open_one(index)) rest();
    if (status == MV_STATUS_NETWORKNOTCONNECTED) return 0; /* gone already */
    if (status != MV_STATUS_OKAY) print_number("not opened", status);
  }
  static uint8_t receive[512] __attribute__((aligned(512))), send[512] __attribute__((aligned(512)));
  const struct MvOpenChannelParams fifth = {.version = 1,
                                            .v1 = {.notification_handle = centre,
                                                   .notification_tag = SLOTS,
                                                   .network_handle = network,
                                                   .receive_buffer = receive,
                                                   .receive_buffer_len = sizeof receive,
                                                   .send_buffer = send,
                                                   .send_buffer_len = sizeof send,
                                                   .channel_type = MV_CHANNELTYPE_HTTP}};
  enum MvStatus status = mvOpenChannel(&fifth, &none.handle);
  for (; status == MV_STATUS_RATELIMITED; status = mvOpenChannel(&fifth, &none.handle)) rest();
  if (status != MV_STATUS_TOOMANYCHANNELS && status != MV_STATUS_NETWORKNOTCONNECTED)
    print_number("fifth", status);
  written = read_back = 0;
  return 1;
}

static int any_ended(void) {
  for (uint32_t index = 0; index < SLOTS; ++index)
    if (ended(index)) return 1;
  return 0;
}

static void use_all(void) {
  uint64_t next = microseconds();
  ask_http();
  ask_config();
  if (mqtt_connect(&slots[MQTT], TEXT("cuts")) != MV_STATUS_OKAY && !ended(MQTT)) print("no connection");
  print("in use");
  while (!any_ended()) {
    http_step();
    config_step();
    stream_step();
    mqtt_step();
    log_line(&next);
    rest();
  }
}

static void tell_reasons(void) {
  print_part("reasons");
  for (uint32_t index = 0; index < SLOTS; ++index) {
    enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
    const uint64_t end = microseconds() + PATIENCE_US;
    while (!ended(index) && microseconds() < end) rest();
    if (slots[index].handle != 0) mvGetChannelClosureReason(slots[index].handle, &reason);
    print_part(" ");
    print_part_number(slots[index].handle == 0 ? NOT_OPEN : reason);
    if (slots[index].handle != 0) mvCloseChannel(&slots[index].handle);
  }
  print("");
}

int main(void) {
  start_errands();
  print("begun");
  for (;;) {
    while (!connected()) rest();
    print("quiet");
    rest_for(300);
    if (open_all()) use_all();
    tell_reasons();
    print_number("responses", responses);
    print_number("values", values);
  }
}
