// A device in the field: the kernel image on the virtual board, behind a radio link that the test has in its
// hands, and the whole cloud as it is shipped, with a broker, an HTTPS server and a byte stream's far end.
//
// The board runs in slices on the test's thread; time is the board's and passes no faster than the host's, in
// real time always, else while an answer from the cloud is awaited. Everything else has threads of its own,
// which end with this.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "board/modem/radio_link.hpp"
#include "cli/board_clock.hpp"
#include "cli/client.hpp"
#include "cli/virtual_device.hpp"
#include "cloud/server.hpp"
#include "cloud/test/far_end.hpp"
#include "cloud/test/https_server.hpp"
#include "cloud/test/mosquitto_broker.hpp"
#include "protocol/bundle/bundle.hpp"
#include "tests/network/cut_line.hpp"

namespace microvisor::test {

/// A record of the log stream, and the board's time when a reader of the stream got it.
struct Arrival {
  std::string type;
  std::string message;
  std::uint64_t microseconds = 0;
};

/// A line that the application has said on USART2, when it was whole, and what the air had carried until
/// then.
struct Said {
  std::string line;
  std::uint64_t microseconds = 0;
  std::uint64_t bytes = 0;  ///< of IP packets, both ways
};

class Field {
 public:
  enum class Pace : std::uint8_t { Fast, RealTime };
  explicit Field(const board::RadioConditions& conditions, Pace pace = Pace::Fast);
  ~Field();
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;

  /// An image for the application's flash, with `kind` in its parameters and, behind it, bytes that cannot be
  /// compressed.
  static protocol::Bytes image(const std::string& elf, std::uint32_t kind = 0, std::size_t ballast = 0);
  /// Makes it the device's target.
  void deploy(const protocol::Bytes& image, std::uint32_t politeness_seconds = 0);
  /// Until `done`, looked at every 20 ms of board time, or for `seconds`. What the hosts' threads do is
  /// waited for by it.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, double seconds);

  /// From the cloud's side: it is gone. The board is not to run any more.
  void power_off();

  [[nodiscard]] std::uint64_t now() const { return device->microseconds(); }
  [[nodiscard]] std::uint64_t on_the_air() const;
  [[nodiscard]] bool has_said(const std::string& line) const;
  [[nodiscard]] std::vector<Arrival> arrived() const;
  [[nodiscard]] bool has_arrived(const std::string& type, const std::string& message) const;
  /// A figure of /metrics.
  [[nodiscard]] double metric(const std::string& name);
  /// A file of the authority that all servers here are of.
  [[nodiscard]] std::string authorities() const { return directory_ + "/authorities.pem"; }
  /// All that has been said and arrived, for a test that fails.
  [[nodiscard]] std::string story() const;

  cloud::test::TlsAuthority authority{"Authority of a test"};
  cloud::test::HttpsServer pages;
  cloud::test::FarEnd echo;
  cloud::test::MosquittoBroker broker;
  std::uint16_t broker_port = 0, broker_tls_port = 0;
  std::unique_ptr<cloud::test::MqttPeer> peer;  ///< another client of the broker
  CutLine wire;                                 ///< between the device's network and the gateway
  std::unique_ptr<cloud::Server> server;
  std::unique_ptr<cli::Client> client;
  std::string sid;
  std::unique_ptr<cli::VirtualDevice> device;
  std::vector<Said> said;

 private:
  void start_servers();
  void start_device(const board::RadioConditions& conditions, Pace pace);
  void follow_log();

  std::string directory_;
  cli::BoardClock clock_;
  mutable std::mutex mutex_;
  std::vector<Arrival> arrived_;
  std::thread log_;
};

}  // namespace microvisor::test
