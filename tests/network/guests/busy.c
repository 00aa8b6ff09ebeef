/* An HTTP request, an MQTT session and 200 lines of log at once, each said on USART2 at the moment when it
 * begins or is over. With the parameter `kind` 1 it only says that it is another. */
#include "errands.h"

enum { HTTP, MQTT, LINES = 200, LINE_EVERY_US = 200000, PUBLICATIONS = 3 };

static uint32_t lines, published;
static int http_over, mqtt_over;

static void log_line(void) {
  static const char text[] = "a line of the log, with a reading of 21.5 degrees, number ";
  char line[80];
  uint32_t length = sizeof text - 1;
  for (uint32_t at = 0; at < length; ++at) line[at] = text[at];
  length += write_number(line + length, lines);
  print_number("line", lines);
  if (mvServerLog((const uint8_t*)line, (uint16_t)length) != MV_STATUS_OKAY) print("not logged");
  ++lines;
}

static void http_step(void) {
  struct MvHttpResponseData response = {0};
  if (http_over || !take_readable(&slots[HTTP])) return;
  http_over = 1;
  if (mvReadHttpResponseData(slots[HTTP].handle, &response) != MV_STATUS_OKAY) print("no response");
  print_number("http", response.status_code);
  print_number("body", response.body_length);
  mvCloseChannel(&slots[HTTP].handle);
}

static void subscribe(void) {
  const struct MvMqttSubscription subscription = {TEXT("to/busy"), 1, 0, 0, 0};
  const struct MvMqttSubscribeRequest request = {1, &subscription, 1};
  if (mvMqttRequestSubscribe(slots[MQTT].handle, &request) != MV_STATUS_OKAY) print("not subscribed");
}

static void take_message(void) {
  static uint8_t topic[32], payload[32];
  uint32_t id = 0, topic_length = 0, payload_length = 0, qos = 0;
  uint8_t retain = 0;
  const struct MvMqttMessage message = {
      &id, {topic, sizeof topic, &topic_length}, {payload, sizeof payload, &payload_length}, &qos, &retain};
  mvMqttReceiveMessage(slots[MQTT].handle, &message);
  mvMqttAcknowledgeMessage(slots[MQTT].handle, id);
  print_number("message", payload_length);
  mvMqttRequestDisconnect(slots[MQTT].handle);
}

static void publish_next(void) {
  if (published < PUBLICATIONS) mqtt_publish(&slots[MQTT], TEXT("from/busy"), ++published, 1);
}

static void mqtt_step(void) {
  enum MvMqttReadableDataType type = MV_MQTTREADABLEDATATYPE_NONE;
  if (mqtt_over || !take_readable(&slots[MQTT])) return;
  mvMqttGetNextReadableDataType(slots[MQTT].handle, &type);
  if (type == MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE) {
    struct MvMqttConnectResponse response = {0};
    mvMqttReadConnectResponse(slots[MQTT].handle, &response);
    print_number("broker", response.reason_code);
    subscribe();
  } else if (type == MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE) {
    enum MvMqttRequestState state = MV_MQTTREQUESTSTATE_NOTCONNECTED;
    uint32_t id = 0, reason = 0, count = 0;
    const struct MvMqttSubscribeResponse response = {&state, &id, &reason, 1, &count};
    mvMqttReadSubscribeResponse(slots[MQTT].handle, &response);
    print_number("subscribed", reason);
    publish_next();
  } else if (type == MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE) {
    struct MvMqttPublishResponse response = {0};
    mvMqttReadPublishResponse(slots[MQTT].handle, &response);
    print_number("published", response.correlation_id);
    publish_next();
  } else if (type == MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED) {
    take_message();
  } else if (type == MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE) {
    mqtt_over = 1;
    mvCloseChannel(&slots[MQTT].handle);
    print("disconnected");
  }
}

static void watch_for_updates(void) {
  MvSystemEventHandle handle = 0;
  const struct MvOpenSystemNotificationParams params = {centre, UPDATE_TAG,
                                                        MV_SYSTEMNOTIFICATIONSOURCE_UPDATE};
  if (mvOpenSystemNotification(&params, &handle) != MV_STATUS_OKAY) print("no news of updates");
}

int main(void) {
  start_errands();
  if (parameters.kind == 1) {
    print("another");
    for (;;) rest();
  }
  watch_for_updates();
  while (!connected()) rest();
  print("ready");
  rest_for(1000);
  if (open_slot(HTTP, MV_CHANNELTYPE_HTTP, TEXT("")) != MV_STATUS_OKAY) print("no channel");
  if (open_slot(MQTT, MV_CHANNELTYPE_MQTT, TEXT("")) != MV_STATUS_OKAY) print("no channel");
  if (send_get(&slots[HTTP], TEXT("https://server.test/page")) != MV_STATUS_OKAY) print("no request");
  if (mqtt_connect(&slots[MQTT], TEXT("busy")) != MV_STATUS_OKAY) print("no connection");
  for (uint64_t next = microseconds();;) {
    if (lines < LINES && microseconds() >= next) {
      log_line();
      next += LINE_EVERY_US;
    }
    http_step();
    mqtt_step();
    if (slots[HTTP].ended && !http_over) print("http channel ended");
    if (slots[MQTT].ended && !mqtt_over) print("mqtt channel ended");
    if (lines == LINES && http_over && mqtt_over && update_ready) break;
    rest();
  }
  print("done");
  mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE);
  for (;;) rest();
}
