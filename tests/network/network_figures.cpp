// What the network costs an application, as one line of JSON for bench/bench.py: the time of a GET and the
// bytes on the air, both ways and with all headers, of one line of the log, one GET, one publication and one
// idle hour; and beside them what the same takes without us, from this host to the same servers.
//
// Bytes of the device are those of its IP packets. Those of the peers are what their sockets have carried
// with 40 bytes of headers a segment, acknowledgements included (TCP_INFO), which on loopback is less than on
// a network.
#include <mosquitto.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/network/field.hpp"
#include "tests/network/mqtt_load.hpp"

namespace microvisor::test {
namespace {

constexpr double kLong = 120;
constexpr unsigned kRuns = 21;
constexpr unsigned kDevices = 16;
constexpr int kPings = 3;
constexpr int kHourOfPings = 60;  // mosquitto's keep-alive is 60 s
constexpr const char* kLine = "a line of the log, with a reading of 21.5 degrees, number 42";

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

/// Bytes from the moment when the application says `begins` until it says `ends`.
std::uint64_t between(Field& field, const std::string& begins, const std::string& ends) {
  if (!field.run_until([&] { return field.has_said(ends); }, kLong))
    throw std::runtime_error("never: " + ends);
  const auto until = [&](const std::string& line) {
    return std::find_if(field.said.begin(), field.said.end(),
                        [&](const Said& one) { return one.line == line; })
        ->bytes;
  };
  return until(ends) - until(begins);
}

std::vector<double> numbers_behind(const Field& field, const std::string& word) {
  std::vector<double> numbers;
  for (const Said& one : field.said)
    if (one.line.starts_with(word)) numbers.push_back(std::stod(one.line.substr(word.size())));
  return numbers;
}

std::string output_of(const std::string& command) {
  std::string text;
  std::array<char, 256> piece{};
  FILE* const pipe = popen(command.c_str(), "r");
  while (pipe != nullptr && fgets(piece.data(), piece.size(), pipe) != nullptr) text += piece.data();
  if (pipe == nullptr || pclose(pipe) != 0) throw std::runtime_error(command);
  return text;
}

/// Milliseconds of the same GET by curl, a process of its own each time, and the bytes of one.
void measure_curl(const Field& field, nlohmann::json& figures) {
  CutLine counted;
  counted.lead_to(field.pages.port());
  const std::string port = std::to_string(counted.port());
  const std::string command = "curl -s -o /dev/null -w '%{time_total}' --cacert " + field.authorities() +
                              " --resolve server.test:" + port + ":127.0.0.1 https://server.test:" + port +
                              "/page";
  std::vector<double> times;
  for (unsigned run = 0; run < kRuns; ++run) times.push_back(1000 * std::stod(output_of(command)));
  figures["curl_get_ms"] = median(times);
  figures["curl_get_bytes"] = counted.carried() / kRuns;
}

/// A client of mosquitto's library on TLS, as a device would have it that does everything by itself.
class DirectClient {
 public:
  DirectClient(const Field& field, std::uint16_t port, int keep_alive) {
    client_ = mosquitto_new("direct", true, this);
    mosquitto_publish_callback_set(
        client_, [](mosquitto*, void* self, int) { ++static_cast<DirectClient*>(self)->published_; });
    mosquitto_connect_callback_set(
        client_, [](mosquitto*, void* self, int) { static_cast<DirectClient*>(self)->connected_ = true; });
    mosquitto_tls_set(client_, field.authorities().c_str(), nullptr, nullptr, nullptr, nullptr);
    mosquitto_tls_insecure_set(client_, true);  // it is called by its address
    if (mosquitto_connect(client_, "127.0.0.1", port, keep_alive) != MOSQ_ERR_SUCCESS)
      throw std::runtime_error("no broker");
    loop_until([this] { return connected_; });
    loop_for(std::chrono::milliseconds(500));
  }
  ~DirectClient() { mosquitto_destroy(client_); }
  DirectClient(const DirectClient&) = delete;
  DirectClient& operator=(const DirectClient&) = delete;

  void publish(const std::string& text, int qos) {
    const int before = published_;
    mosquitto_publish(client_, nullptr, "from/figures", static_cast<int>(text.size()), text.data(), qos,
                      false);
    loop_until([&] { return published_ > before; });
    loop_for(std::chrono::milliseconds(300));  // acknowledgements of TCP's that are held back
  }
  void loop_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) mosquitto_loop(client_, 20, 1);
  }

 private:
  void loop_until(const std::function<bool()>& reached) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!reached() && std::chrono::steady_clock::now() < end) mosquitto_loop(client_, 20, 1);
    if (!reached()) throw std::runtime_error("the broker does not answer");
  }
  mosquitto* client_;
  bool connected_ = false;
  int published_ = 0;
};

void measure_direct_mqtt(const Field& field, nlohmann::json& figures) {
  CutLine counted;
  counted.lead_to(field.broker_tls_port);
  DirectClient client(field, counted.port(), 5);  // the shortest keep-alive that the library takes
  const auto carried_by = [&](const std::function<void()>& action) {
    const std::uint64_t before = counted.carried();
    action();
    return counted.carried() - before;
  };
  figures["direct_publish_bytes"] = carried_by([&] { client.publish("1", 1); });
  figures["direct_line_bytes"] = carried_by([&] { client.publish(kLine, 0); });
  const std::uint64_t pings =
      carried_by([&] { client.loop_for(std::chrono::seconds(5 * kPings) + std::chrono::seconds(2)); });
  figures["direct_idle_hour_bytes"] = pings / kPings * kHourOfPings;
}

void measure_device(nlohmann::json& figures) {
  Field field({}, Field::Pace::RealTime);
  field.deploy(Field::image(MICROVISOR_FIGURES));
  figures["line_bytes"] = between(field, "log line", "one get");
  figures["get_bytes"] = between(field, "one get", "connect");
  figures["publish_bytes"] = between(field, "publish", "rate");
  if (!field.run_until([&] { return field.has_said("idle"); }, kLong))
    throw std::runtime_error(field.story());
  figures["get_ms"] = median(numbers_behind(field, "get ")) / 1000;
  figures["publications_per_s"] = numbers_behind(field, "published per 1000 s ").at(0) / 1000;
  measure_curl(field, figures);
  measure_direct_mqtt(field, figures);
  figures["publications_per_s_of_all"] = publications_per_second(*field.server, kDevices, 5);
}

/// Of the board's time.
void measure_idle_hour(nlohmann::json& figures) {
  Field field({});
  field.deploy(Field::image(MICROVISOR_FIGURES, 1));
  if (!field.run_until([&] { return field.has_said("idle"); }, kLong))
    throw std::runtime_error(field.story());
  const std::uint64_t before = field.on_the_air();
  static_cast<void>(field.run_until([] { return false; }, 3600));
  figures["idle_hour_bytes"] = field.on_the_air() - before;
}

}  // namespace
}  // namespace microvisor::test

int main() {
  try {
    nlohmann::json figures;
    microvisor::test::measure_device(figures);
    microvisor::test::measure_idle_hour(figures);
    std::cout << figures.dump() << std::endl;
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
