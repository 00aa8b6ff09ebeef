// A gateway for tests: OpenSSL over a socket on the host's loopback, in a thread, with the cloud's own
// session behind it.
//
// What the device says is recorded; what the operator does is a function called on the gateway's thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "board/modem/joined_network.hpp"
#include "cloud/gateway/session.hpp"
#include "tests/link/scripted_channel.hpp"
#include "tests/link/test_pki.hpp"

namespace microvisor::test {

/// What the gateway has seen. A copy is taken under the gateway's lock.
struct Seen {
  unsigned connections = 0;  // TCP
  unsigned handshakes = 0;
  unsigned resumed = 0;
  unsigned sessions = 0;  // welcomed
  unsigned goodbyes = 0;
  std::vector<std::string> hello_kernels;
  std::vector<std::string> log;
  std::vector<std::string> channel;
  std::vector<std::string> reports;  // "FETCHING", "FAILED 3" ...
  std::vector<std::string> kernel_reports;
  std::vector<std::string> kernel_hashes;  // of the manifests in Hello, hex
  std::vector<std::string> events;
  std::vector<link::KeysReport> keys;
  std::vector<link::Hello> hellos;
  std::vector<protocol::Hash> nonces;  // that devices have been asked with
  std::vector<link::Attestation> attestations;
  std::vector<protocol::Bytes> crashes;
  std::vector<std::string> ends;  // reasons of sessions
  std::uint64_t largest_record = 0;
  std::uint64_t bytes_sent = 0;        // inside TLS
  std::uint64_t object_bytes = 0;      // of these, of objects or their encodings
  std::vector<std::string> encodings;  // asked for and answered: "difference", "compressed" or "none"
};

class TestGateway final : private cloud::SessionHost {
 public:
  /// Listens at once. `server_name` stands in its certificate. All certificates are filled up to
  /// `certificate_size` bytes.
  explicit TestGateway(std::string device_sid, const std::string& server_name = "gateway.microvisor.internal",
                       std::size_t certificate_size = 0);
  ~TestGateway() override;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The same gateway as the peer of a joined network, on the board's thread and without sockets.
  [[nodiscard]] std::unique_ptr<board::JoinedPeer> join(board::JoinedConnection& connection);
  [[nodiscard]] const Authority& gateway_authority() const { return gateway_authority_; }
  [[nodiscard]] const Authority& device_authority() const { return device_authority_; }
  [[nodiscard]] Seen seen();

  /// The target of Welcome and, from now on, of connected devices.
  void set_target(const protocol::Hash& manifest);
  /// Likewise, of Microvisor itself.
  void set_kernel_target(const protocol::Hash& manifest);
  /// Welcome names no application any more.
  void clear_target();
  void add_object(const protocol::Bytes& bytes);
  /// An application of one layer, the target from now on.
  void offer(const protocol::Bytes& layer, const protocol::Bytes& manifest);
  /// Serves `bytes` under a name that is not theirs.
  void replace_object(const protocol::Hash& name, const protocol::Bytes& bytes);
  /// Objects travel encoded from now on where that is less, against what the gateway believes that devices
  /// run, which begins at `start`: their application, or their kernel. It does not look at the hash.
  void encode_against(const protocol::Bytes& running, std::uint32_t start = cloud::kApplicationFlash);
  /// Of connected devices, and of Welcome.
  void set_logging(bool enabled);
  /// What is at the far end of an opaque channel: called when something has come, there is room again, or the
  /// device has ended it.
  using ByteScript = std::function<void(cloud::ByteStream&)>;
  /// Likewise: the endpoints that there are.
  void set_endpoints(std::map<std::string, ByteScript> endpoints);
  /// Sent after each Welcome from now on.
  void set_key_changes(const std::vector<protocol::Bytes>& messages);
  /// Crash reports cannot be stored.
  void refuse_crashes(bool refuse) { refuses_crashes_ = refuse; }
  /// False: devices are not asked to attest, as by a gateway that does not know it.
  void ask_for_attestation(bool ask) { asks_ = ask; }
  /// The next device that introduces itself is asked for calm.
  void ask_for_calm(std::uint32_t seconds) { calm_ = seconds; }
  void restart_app();
  /// What serves the applications' channels for HTTP, configuration and MQTT.
  [[nodiscard]] ScriptedChannels& channels() { return channels_; }
  /// Has `action` done to the latest channel for `service`, if there is one, by the gateway.
  void with_channel(link::Service service, std::function<void(cloud::Channel&)> action);
  /// Cuts the TCP connection hard after the gateway has sent this many more bytes; 0: never.
  void cut_after(std::uint64_t bytes) { cut_after_ = bytes; }
  void cut_now();
  /// Breaks off what joined boards have opened. On their thread.
  void cut_joined();
  /// Sessions that it has granted until now are not resumed.
  void forget_sessions();
  /// Connections are accepted and not answered.
  void play_dead(bool dead) { dead_ = dead; }
  /// The gateway's time of day stays what it is at some moment of 2026, for runs that are to be repeated
  /// exactly.
  void stand_still();
  void set_keep_alive(std::uint32_t seconds) { limits_.keep_alive_seconds = seconds; }

 private:
  struct Tls;
  class Joined;
  // SessionHost
  [[nodiscard]] cloud::Timestamp now() const override;
  tl::expected<cloud::Greeting, cloud::Refusal> greet(cloud::Session&, const link::Hello& hello) override;
  std::shared_ptr<const protocol::Bytes> object(const cloud::Session&, const protocol::Hash& hash) override;
  void encoding(const cloud::Session&, const link::Open& open, const cloud::SharedBytes& object,
                cloud::Encodings::Answer answer) override;
  void object_sent(const cloud::Session&, const protocol::Hash&, std::size_t bytes) override;
  void kernel_report(const cloud::Session&, const link::UpdateReport& report) override;
  void update_report(const cloud::Session&, const link::UpdateReport& report) override;
  void keys_report(const cloud::Session&, const link::KeysReport& report) override;
  void attestation(const cloud::Session&, const link::Attestation& answer) override;
  void device_event(const cloud::Session&, const link::DeviceEvent& event) override;
  void log_record(const cloud::Session&, const link::LogRecord& record) override;
  bool crash_report(const cloud::Session&, const protocol::Bytes& report) override;
  std::unique_ptr<cloud::Channel> channel(const cloud::Session&, link::Service service,
                                          std::size_t receive_buffer) override;
  tl::expected<std::shared_ptr<cloud::ByteStream>, link::StreamError> byte_stream(
      const cloud::Session& session, const std::string& endpoint) override;
  void channel_line(const cloud::Session&, std::string line) override;

  [[nodiscard]] cloud::DeviceSettings settings() const;
  void send_settings();
  void serve();
  void serve_connection(int socket);
  void note_handshake(bool resumed);
  bool hear(Tls& tls, cloud::Session& session, bool wait, bool& heard);
  void act(cloud::Session& session);
  void say(Tls& tls, protocol::Bytes& output, std::uint64_t& sent);
  void exchange(Tls& tls, cloud::Session& session);
  void post(std::function<void(cloud::Session&)> action);

  std::string device_sid_;
  Authority gateway_authority_;
  Authority device_authority_;
  Key key_ = Key::generate();
  Certificate certificate_;
  std::shared_ptr<struct ssl_ctx_st> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  cloud::SessionLimits limits_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> dead_{false};
  std::atomic<bool> stands_still_{false};
  std::atomic<bool> refuses_crashes_{false};
  std::atomic<bool> asks_{true};
  std::atomic<std::uint32_t> calm_{0};
  std::atomic<std::uint64_t> cut_after_{0};
  std::atomic<bool> cut_{false};
  std::mutex mutex_;
  Seen seen_;
  std::optional<protocol::Hash> target_;
  std::optional<protocol::Hash> kernel_target_;
  bool logging_ = true;
  std::map<std::string, ByteScript> endpoints_;
  cloud::ByteStreamCounters byte_counters_;
  std::vector<protocol::Bytes> key_changes_;
  std::map<protocol::Hash, std::shared_ptr<const protocol::Bytes>> objects_;
  std::optional<protocol::Bytes> running_;  // what encodings are made against; none: there are none
  std::uint32_t running_start_ = 0;
  ScriptedChannels channels_;
  std::vector<std::function<void(cloud::Session&)>> actions_;
  std::vector<Joined*> joined_;
  std::thread thread_;
};

}  // namespace microvisor::test
