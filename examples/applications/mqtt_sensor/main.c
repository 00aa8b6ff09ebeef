/* Publishes a reading every five seconds and takes commands, by MQTT 5 over TLS with a client certificate.
 *
 * Shows: the broker's address, the authority's certificate and the device's own as configuration values
 * (hexadecimal text, since values are text), its key as a secret; subscription, publication with QoS 1,
 * messages with acknowledgement, and going on after the connection has been lost.
 *
 *     microvisor configs set broker-host HOST --device UV...     likewise broker-port, broker-ca,
 * client-certificate microvisor secrets set client-key @KEY.hex --device UV...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

enum { HOST, PORT, AUTHORITY, CERTIFICATE, KEY, VALUES };
static const char* const names[VALUES] = {"broker-host", "broker-port", "broker-ca", "client-certificate",
                                          "client-key"};
static uint8_t values[VALUES][2048];
static uint32_t lengths[VALUES];

static uint8_t digit(uint8_t character) {
  return (uint8_t)(character <= '9' ? character - '0' : (character | 0x20) - 'a' + 10);
}

static void decode_hexadecimal(int value) {
  for (uint32_t i = 0; i < lengths[value] / 2; ++i)
    values[value][i] = (uint8_t)(digit(values[value][2 * i]) << 4 | digit(values[value][2 * i + 1]));
  lengths[value] /= 2;
}

static bool read_values(void) {
  MvChannelHandle channel = open_channel(MV_CHANNELTYPE_CONFIGFETCH);
  if (channel == 0) return false;
  struct MvConfigKeyToFetch keys[VALUES];
  for (int i = 0; i < VALUES; ++i) {
    keys[i] = (struct MvConfigKeyToFetch){
        MV_CONFIGKEYFETCHSCOPE_DEVICE,
        i == KEY ? MV_CONFIGKEYFETCHSTORE_SECRET : MV_CONFIGKEYFETCHSTORE_CONFIG, text(names[i])};
  }
  const struct MvConfigKeyFetchParams params = {VALUES, keys};
  bool all = mvSendConfigFetchRequest(channel, &params) == MV_STATUS_OKAY && wait_for_data(15);
  for (uint32_t i = 0; all && i < VALUES; ++i) {
    enum MvConfigKeyFetchResult result = MV_CONFIGKEYFETCHRESULT_SERVERERROR;
    const struct MvConfigResponseReadItemParams item = {
        i, &result, {values[i], sizeof values[i] - 1, &lengths[i]}};
    all = mvReadConfigResponseItem(channel, &item) == MV_STATUS_OKAY && result == MV_CONFIGKEYFETCHRESULT_OK;
    if (!all) say("%s is missing", names[i]);
  }
  close_channel(&channel);
  for (int i = AUTHORITY; all && i < VALUES; ++i) decode_hexadecimal(i);
  return all;
}

static struct MvSizedString value(int which) { return (struct MvSizedString){values[which], lengths[which]}; }

static bool connect(MvChannelHandle channel, const char* device) {
  const struct MvSizedString authority = value(AUTHORITY), certificate = value(CERTIFICATE);
  const struct MvTlsCredentials tls = {{1, &authority}, {{1, &certificate}, value(KEY)}};
  const struct MvMqttConnectRequest request = {
      .protocol_version = MV_MQTTPROTOCOLVERSION_V5,
      .host = value(HOST),
      .port = (uint16_t)atoi((const char*)values[PORT]),
      .clientid = text(device),
      .authentication = {.method = MV_MQTTAUTHENTICATIONMETHOD_NONE},
      .tls_credentials = &tls,
      .keepalive = 60,
      .clean_start = 0,
      .will = NULL,
  };
  struct MvMqttConnectResponse response = {0};
  if (mvMqttRequestConnect(channel, &request) != MV_STATUS_OKAY || !wait_for_data(30)) return false;
  if (mvMqttReadConnectResponse(channel, &response) != MV_STATUS_OKAY) return false;
  if (response.request_state == MV_MQTTREQUESTSTATE_REQUESTCOMPLETED && response.reason_code == 0)
    return true;
  say("the broker cannot be reached: state %d, reason %lu", (int)response.request_state,
      (unsigned long)response.reason_code);
  return false;
}

static void subscribe(MvChannelHandle channel) {
  const struct MvMqttSubscription subscription = {text("sensors/commands"), 1, 0, 0, 0};
  const struct MvMqttSubscribeRequest request = {1, &subscription, 1};
  mvMqttRequestSubscribe(channel, &request);
}

static void publish(MvChannelHandle channel, uint32_t reading) {
  char payload[16];
  const int length = snprintf(payload, sizeof payload, "%lu", (unsigned long)reading);
  const struct MvMqttPublishRequest request = {
      reading, text("sensors/readings"), {(const uint8_t*)payload, (uint32_t)length}, 1, 0};
  const enum MvStatus status = mvMqttRequestPublish(channel, &request);
  if (status != MV_STATUS_OKAY)
    say("reading %lu cannot be published: status %d", (unsigned long)reading, (int)status);
}

static void take_message(MvChannelHandle channel) {
  static char topic[64], payload[256];
  uint32_t id = 0, topic_length = 0, payload_length = 0, qos = 0;
  uint8_t retain = 0;
  const struct MvMqttMessage message = {&id,
                                        {(uint8_t*)topic, sizeof topic, &topic_length},
                                        {(uint8_t*)payload, sizeof payload, &payload_length},
                                        &qos,
                                        &retain};
  if (mvMqttReceiveMessage(channel, &message) != MV_STATUS_OKAY) return;
  say("%.*s: %.*s", (int)topic_length, topic, (int)payload_length, payload);
  if (qos != 0) mvMqttAcknowledgeMessage(channel, id);
}

static void take_item(MvChannelHandle channel) {
  enum MvMqttReadableDataType type = MV_MQTTREADABLEDATATYPE_NONE;
  mvMqttGetNextReadableDataType(channel, &type);
  if (type == MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED) {
    take_message(channel);
  } else if (type == MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE) {
    enum MvMqttRequestState state = MV_MQTTREQUESTSTATE_NOTCONNECTED;
    uint32_t id = 0, reason = 0, count = 0;
    const struct MvMqttSubscribeResponse response = {&state, &id, &reason, 1, &count};
    mvMqttReadSubscribeResponse(channel, &response);
    say("subscribed: state %d, reason %lu", (int)state, (unsigned long)reason);
  } else if (type == MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE) {
    struct MvMqttPublishResponse response = {0};
    mvMqttReadPublishResponse(channel, &response);
    say("published %lu: state %d, reason %lu", (unsigned long)response.correlation_id,
        (int)response.request_state, (unsigned long)response.reason_code);
  } else if (type == MV_MQTTREADABLEDATATYPE_MESSAGELOST) {
    static uint8_t topic[64];
    enum MvMqttLostMessageReason reason = 0;
    uint32_t topic_length = 0, length = 0;
    const struct MvMqttLostMessageInfo lost = {&reason, {topic, sizeof topic, &topic_length}, &length};
    mvMqttReceiveLostMessageInfo(channel, &lost);
    say("a message of %lu bytes was lost", (unsigned long)length);
  }
}

/* Until the channel ends. */
static void serve(MvChannelHandle channel) {
  static uint32_t reading;
  uint64_t next = microseconds();
  enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
  subscribe(channel);
  while (mvGetChannelClosureReason(channel, &reason) == MV_STATUS_OKAY && reason == MV_CLOSUREREASON_NONE) {
    if (wait_for_data(1)) take_item(channel);
    if (microseconds() < next) continue;
    next += 5000000;
    publish(channel, ++reading);
  }
}

int main(void) {
  network_start();
  char device[35] = {0};
  mvGetDeviceId((uint8_t*)device, 34);
  while (!read_values()) {
    const uint64_t again = microseconds() + 10000000;
    while (microseconds() < again) {
    }
  }
  for (;;) {
    MvChannelHandle channel = open_channel(MV_CHANNELTYPE_MQTT);
    if (channel != 0 && connect(channel, device)) {
      say("connected to the broker");
      serve(channel);
    }
    if (channel != 0) close_channel(&channel);
    const uint64_t again = microseconds() + 2000000;
    while (microseconds() < again) {
    }
  }
}
