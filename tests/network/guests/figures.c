/* Does one thing after the other, with silence between them, and says on USART2 when each begins and is over:
 * 21 GETs with their times, a line of the log, a GET with its channel, a publication, publications as many as
 * the channel takes, and then nothing at all. With the parameter `kind` 1 it is idle from the
 * beginning. */
#include "errands.h"

enum { HTTP, MQTT, GETS = 21, SILENCE_MS = 3000, RATE_US = 5000000 };

/* Microseconds from the call to the notification. */
static uint32_t get(void) {
  struct MvHttpResponseData response = {0};
  while (open_slot(HTTP, MV_CHANNELTYPE_HTTP, TEXT("")) != MV_STATUS_OKAY) rest();
  rest_for(200);
  const uint64_t begun = microseconds();
  if (send_get(&slots[HTTP], TEXT("https://server.test/page")) != MV_STATUS_OKAY) print("no request");
  while (slots[HTTP].readable == 0) rest();
  const uint32_t took = (uint32_t)(microseconds() - begun);
  if (mvReadHttpResponseData(slots[HTTP].handle, &response) != MV_STATUS_OKAY || response.status_code != 200)
    print("no response");
  mvCloseChannel(&slots[HTTP].handle);
  return took;
}

static void log_line(void) {
  static const char text[] = "a line of the log, with a reading of 21.5 degrees, number 42";
  mvServerLog((const uint8_t*)text, sizeof text - 1);
}

static void await_answer(enum MvMqttReadableDataType wanted) {
  enum MvMqttReadableDataType type = MV_MQTTREADABLEDATATYPE_NONE;
  while (!take_readable(&slots[MQTT])) rest();
  mvMqttGetNextReadableDataType(slots[MQTT].handle, &type);
  if (type != wanted) print_number("unexpected", type);
}

static void connect_to_broker(void) {
  struct MvMqttConnectResponse response = {0};
  if (open_slot(MQTT, MV_CHANNELTYPE_MQTT, TEXT("")) != MV_STATUS_OKAY) print("no channel");
  mqtt_connect(&slots[MQTT], TEXT("figures"));
  await_answer(MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE);
  mvMqttReadConnectResponse(slots[MQTT].handle, &response);
}

static void publish(uint32_t number) {
  struct MvMqttPublishResponse response = {0};
  while (mqtt_publish(&slots[MQTT], TEXT("from/figures"), number, 1) != MV_STATUS_OKAY) rest();
  await_answer(MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE);
  mvMqttReadPublishResponse(slots[MQTT].handle, &response);
}

/* With up to eight under way; how many were answered. */
static uint32_t publish_many(void) {
  uint32_t sent = 0, answered = 0;
  const uint64_t end = microseconds() + RATE_US;
  while (microseconds() < end) {
    while (sent - answered < 8 && mqtt_publish(&slots[MQTT], TEXT("from/figures"), sent, 1) == MV_STATUS_OKAY)
      ++sent;
    while (take_readable(&slots[MQTT])) {
      struct MvMqttPublishResponse response = {0};
      if (mvMqttReadPublishResponse(slots[MQTT].handle, &response) == MV_STATUS_OKAY) ++answered;
    }
    rest();
  }
  for (; answered < sent; ++answered) {
    struct MvMqttPublishResponse response = {0};
    await_answer(MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE);
    mvMqttReadPublishResponse(slots[MQTT].handle, &response);
  }
  return sent;
}

static void silence(const char* next) {
  rest_for(SILENCE_MS);
  print(next);
}

static void stay_idle(void) {
  silence("idle");
  REG(0xE000E010) = 0; /* no tick any more */
  for (;;) rest();
}

int main(void) {
  start_errands();
  while (!connected()) rest();
  log_line();
  rest_for(SILENCE_MS);
  if (parameters.kind == 1) stay_idle();
  for (uint32_t count = 0; count < GETS; ++count) print_number("get", get());
  silence("log line");
  log_line();
  silence("one get");
  get();
  silence("connect");
  connect_to_broker();
  silence("publish");
  publish(1);
  silence("rate");
  const uint64_t begun = microseconds();
  const uint32_t count = publish_many();
  print_number("published per 1000 s", (uint32_t)(count * 1000000000ull / (microseconds() - begun)));
  mvCloseChannel(&slots[MQTT].handle);
  stay_idle();
  return 0;
}
