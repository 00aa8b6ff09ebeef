// What the service counts, one function for each part of it, as Prometheus reads it (text exposition format
// 0.0.4).
#include "cloud/api/api.hpp"

namespace microvisor::cloud::api {
namespace {

class Exposition {
 public:
  void counter(const char* name, const char* help, std::uint64_t value) { add(name, "counter", help, value); }
  /// What goes up and down.
  void gauge(const char* name, const char* help, std::uint64_t value) { add(name, "gauge", help, value); }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  void add(const char* name, const char* type, const char* help, std::uint64_t value) {
    const std::string whole = std::string("microvisor_") + name;
    text_ += "# HELP " + whole + " " + help + "\n# TYPE " + whole + " " + type + "\n" + whole + " " +
             std::to_string(value) + "\n";
  }

  std::string text_;
};

void add_devices(Exposition& out, const Gateway& gateway) {
  const GatewayCounters& counters = gateway.counters();
  out.gauge("devices_connected", "Devices with a session.", gateway.connected());
  out.counter("handshakes_total", "TLS handshakes completed.", counters.handshakes);
  out.counter("handshakes_resumed_total", "Of these, resumed sessions.", counters.resumed);
  out.counter("handshakes_failed_total", "TLS handshakes that failed.", counters.failed_handshakes);
  out.counter("sessions_total", "Sessions welcomed.", counters.sessions);
  out.counter("attestations_total", "Attestations verified.", gateway.attestations().verified);
  out.counter("attestations_failed_total", "Attestations that failed.", gateway.attestations().failed);
  out.counter("log_records_total", "Log records received.", counters.log_records);
  out.counter("objects_read_total", "Objects read from the store.", counters.objects);
}

void add_debugging(Exposition& out, const DebugCounters& debug) {
  out.gauge("debug_sessions_open", "Debug sessions that are relayed.", debug.open);
  out.counter("debug_sessions_total", "Debug sessions relayed.", debug.opened);
  out.counter("debug_bytes_to_devices_total", "Bytes of debug sessions to devices.", debug.bytes_to_devices);
  out.counter("debug_bytes_from_devices_total", "Bytes of debug sessions from devices.",
              debug.bytes_from_devices);
}

void add_http(Exposition& out, const HttpCounters& http) {
  out.gauge("http_requests_open", "HTTP requests of devices under way or waiting for their turn.", http.open);
  out.counter("http_requests_total", "HTTP requests of devices taken.", http.requests);
  out.counter("http_responses_total", "Of these, answered with a server's response.", http.answered);
  out.counter("http_refused_total", "Of these, refused by policy.", http.refused);
  out.counter("http_cancelled_total", "Of these, given up by the device.", http.cancelled);
  out.counter("http_request_bytes_total", "Bytes of bodies to servers.", http.request_bytes);
  out.counter("http_response_bytes_total", "Bytes of bodies from servers, decoded.", http.response_bytes);
}

void add_mqtt(Exposition& out, const mqtt::Counters& mqtt) {
  out.gauge("mqtt_sessions_open", "MQTT sessions of devices with a connection to their broker.", mqtt.open);
  out.counter("mqtt_sessions_total", "MQTT connections that brokers have accepted.", mqtt.connected);
  out.counter("mqtt_failed_total", "MQTT connections that could not be made or were refused.", mqtt.failed);
  out.counter("mqtt_broken_total", "MQTT sessions ended because too many messages came in.", mqtt.broken);
  out.counter("mqtt_published_total", "MQTT publications of devices that brokers have.", mqtt.published);
  out.counter("mqtt_received_total", "MQTT messages taken for devices.", mqtt.received);
  out.counter("mqtt_lost_total", "MQTT messages that did not fit, reported as lost.", mqtt.lost);
}

void add_byte_streams(Exposition& out, const ByteStreamCounters& streams) {
  out.gauge("byte_streams_open", "Opaque channels to endpoints that are open.", streams.open);
  out.counter("byte_streams_total", "Opaque channels opened to endpoints.", streams.opened);
  out.counter("byte_streams_failed_total",
              "Of these, ended by the endpoint or the relay otherwise than in order.", streams.failed);
  out.counter("byte_stream_bytes_to_devices_total", "Bytes from endpoints to devices.",
              streams.bytes_to_devices);
  out.counter("byte_stream_bytes_from_devices_total", "Bytes from devices to endpoints.",
              streams.bytes_from_devices);
}

}  // namespace

Answer metrics(const Services& services, const Call&) {
  Exposition out;
  add_devices(out, services.gateway);
  add_debugging(out, services.gateway.counters().debug);
  add_http(out, services.http_relay.counters());
  add_mqtt(out, services.mqtt_relay.counters());
  add_byte_streams(out, services.gateway.counters().byte_streams);
  Response response;
  response.body = std::move(out).text();
  response.content_type = "text/plain; version=0.0.4";
  return response;
}

}  // namespace microvisor::cloud::api
