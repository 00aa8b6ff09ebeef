// See link_cuts.hpp.
#include "tests/network/link_cuts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cli/configuration.hpp"

namespace microvisor::test {
namespace {

constexpr double kComesBack = 400;  // seconds of the board; a silent link is noticed after two minutes
constexpr unsigned kUnread = 3;     // messages that wait for the application, of each QoS

bool eventually(const std::function<bool()>& reached) {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// What the application says only when something is not as it should be.
bool is_wrong(const std::string& line) {
  static constexpr std::array<std::string_view, 11> kWrong{
      "no ",        "http failed", "value ", "stream differs", "broker", "unexpected",
      "not opened", "fifth",       "crash",  "reset",          "restart"};
  return std::any_of(kWrong.begin(), kWrong.end(),
                     [&](std::string_view word) { return line.starts_with(word); });
}

}  // namespace

LinkCuts::LinkCuts(const std::string& elf, std::uint32_t seed) : field_({}), random_(seed) {
  cli::store_value(*field_.client, "/v1/Devices/" + field_.sid + "/Configs", "greeting", "hello");
  field_.peer->subscribe("from/#", 2);
  field_.deploy(Field::image(elf));
}

bool LinkCuts::run_until(const std::function<bool()>& done, double seconds) {
  return field_.run_until(
      [&] {
        read_serial_line();
        if (publishing_) keep_publishing();
        return done();
      },
      seconds);
}

/// The next line that begins so.
bool LinkCuts::await(const std::string& start, double seconds, std::string& line) {
  return run_until(
      [&] {
        while (awaited_ < field_.said.size()) {
          line = field_.said[awaited_++].line;
          if (line.starts_with(start)) return true;
        }
        return false;
      },
      seconds);
}

void LinkCuts::take_number(unsigned qos, const std::string& digits,
                           std::map<unsigned, unsigned> (&counts)[3]) {
  ++counts[qos][static_cast<unsigned>(std::stoul(digits))];
}

void LinkCuts::read_serial_line() {
  for (; read_ < field_.said.size(); ++read_) {
    const std::string& line = field_.said[read_].line;
    if (line.starts_with("got ")) take_number(line[4] - '0', line.substr(6), got_);
    if (line.starts_with("acknowledged ")) take_number(line[13] - '0', line.substr(15), acknowledged_);
    if (line == "subscribed" && !finishing_) publishing_ = true;
    const bool second_life = line == "begun" && read_ > 0;
    if ((is_wrong(line) || second_life) && said_wrong_.empty()) said_wrong_ = "the application says: " + line;
  }
}

void LinkCuts::keep_publishing() {
  for (const unsigned qos : {1U, 2U}) {
    if (published_[qos] >= got_[qos].size() + kUnread) continue;
    field_.peer->publish("to/" + std::to_string(qos), std::to_string(published_[qos]++),
                         static_cast<int>(qos));
  }
}

void LinkCuts::break_link(Kind kind) {
  switch (kind) {
    case Kind::Carrier: return field_.device->modem().drop_call();
    case Kind::ModemPower: return field_.device->modem().power_cycle();
    case Kind::Gateway: return field_.wire.cut();
    default: {
      board::RadioConditions nothing;
      nothing.loss = 1;
      field_.device->radio()->set(nothing);
    }
  }
}

std::string LinkCuts::cut() {
  static constexpr std::array kKinds{Kind::Gateway, Kind::Gateway, Kind::Gateway,
                                     Kind::Gateway, Kind::Gateway, Kind::Carrier,
                                     Kind::Carrier, Kind::Silence, Kind::ModemPower};
  std::string line;
  ++cuts_;
  if (!await("in use", kComesBack, line)) return "the channels were not opened again";
  const double moment = static_cast<double>(random_() % 1000) / 1000;
  static_cast<void>(run_until([] { return false; }, moment));
  break_link(kKinds[random_() % kKinds.size()]);
  const bool told = await("reasons", kComesBack, line);
  field_.device->radio()->set({});
  if (!told) return "the application does not hear of it";
  std::string wrong = check_reasons(line);
  if (!wrong.empty()) return wrong;
  if (!await("quiet", kComesBack, line)) return "the device does not come back";
  return check_cloud(1);
}

/// 3: the network was lost. 9: the application had closed it and not opened it again yet.
std::string LinkCuts::check_reasons(const std::string& line) const {
  std::istringstream words(line.substr(line.find(' ')));
  bool lost = false;
  for (unsigned reason = 0; words >> reason;) {
    if (reason != 3 && reason != 9) return "a wrong reason: " + line;
    lost = lost || reason == 3;
  }
  return lost ? "" : "no channel was open: " + line;
}

/// No channel is open on the device at this moment.
std::string LinkCuts::check_cloud(int devices) {
  static constexpr std::array kGauges{"microvisor_http_requests_open", "microvisor_mqtt_sessions_open",
                                      "microvisor_byte_streams_open"};
  for (const char* gauge : kGauges) {
    if (!eventually([&] { return field_.metric(gauge) == 0; }))
      return std::string(gauge) + " is " + std::to_string(field_.metric(gauge));
  }
  if (!eventually([&] { return field_.metric("microvisor_devices_connected") == devices; }))
    return "sessions are left";
  if (!eventually([&] { return field_.wire.standing() == devices; })) return "the gateway keeps connections";
  if (!eventually([&] { return field_.pages.open() == 0; }))
    return "connections to the HTTPS server are left";
  if (!eventually([&] { return field_.echo.served() == field_.echo.connections(); }))
    return "connections to the stream's far end are left";
  return said_wrong_;
}

std::map<unsigned, unsigned> LinkCuts::with_the_peer(const std::string& topic) const {
  std::map<unsigned, unsigned> counts;
  for (const auto& message : field_.peer->messages) {
    if (message.topic == topic) ++counts[static_cast<unsigned>(std::stoul(message.payload))];
  }
  return counts;
}

bool LinkCuts::all_read() const {
  return got_[1].size() == published_[1] && got_[2].size() == published_[2] &&
         field_.peer->published == static_cast<int>(published_[1] + published_[2]);
}

bool LinkCuts::peer_has_all() const {
  for (const unsigned qos : {1U, 2U}) {
    const auto peer = with_the_peer("from/" + std::to_string(qos));
    for (const auto& [number, count] : acknowledged_[qos])
      if (!peer.contains(number)) return false;
  }
  return true;
}

std::string LinkCuts::check_messages() const {
  const auto twice = [](const std::map<unsigned, unsigned>& counts) {
    return std::any_of(counts.begin(), counts.end(), [](const auto& entry) { return entry.second > 1; });
  };
  if (!all_read()) return "messages for the application are lost";
  if (!peer_has_all()) return "publications that were acknowledged are lost";
  if (twice(got_[2])) return "the application has got a message of QoS 2 twice";
  if (twice(with_the_peer("from/2"))) return "the broker has got a publication of QoS 2 twice";
  if (acknowledged_[1].size() < cuts_ || acknowledged_[2].size() < cuts_)
    return "hardly anything was published";
  return "";
}

std::string LinkCuts::finish() {
  finishing_ = true;
  publishing_ = false;
  static_cast<void>(run_until([this] { return all_read(); }, 60));
  static_cast<void>(eventually([this] {
    field_.peer->poll();
    return peer_has_all();
  }));
  if (std::string wrong = check_messages(); !wrong.empty()) return wrong;
  if (!said_wrong_.empty()) return said_wrong_;
  field_.power_off();
  return check_cloud(0);
}

std::string LinkCuts::done() {
  std::ostringstream text;
  text << cuts_ << " cuts; of QoS 1 and 2 " << published_[1] << " and " << published_[2]
       << " messages to the device, " << acknowledged_[1].size() << " and " << acknowledged_[2].size()
       << " from it acknowledged; "
       << static_cast<std::uint64_t>(field_.metric("microvisor_http_responses_total")) << " HTTP responses, "
       << static_cast<std::uint64_t>(field_.metric("microvisor_byte_stream_bytes_to_devices_total"))
       << " bytes of streams came back";
  return text.str();
}

}  // namespace microvisor::test
