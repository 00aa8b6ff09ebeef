// The device gateway: who is connected, and what connects sessions to the rest of the cloud.
//
// A Connection is TLS and a session as one byte machine; the listener (sockets) and a board with a joined
// network (same process) drive it the same way. Everything lives on the service thread, and connections must
// be gone before the gateway.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>

#include "cloud/attestation/attestations.hpp"
#include "cloud/bus/bus.hpp"
#include "cloud/deployments/deployments.hpp"
#include "cloud/deployments/kernel_updates.hpp"
#include "cloud/gateway/session.hpp"
#include "cloud/gateway/tls.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud {

class Connection;

struct GatewayCounters {
  std::uint64_t handshakes = 0;
  std::uint64_t resumed = 0;
  std::uint64_t failed_handshakes = 0;
  std::uint64_t sessions = 0;
  std::uint64_t log_records = 0;
  std::uint64_t objects = 0;
  DebugCounters debug;
  ByteStreamCounters byte_streams;
};

/// Why a debug session cannot be relayed to a device.
enum class DebugRefusal : std::uint8_t { NotConnected, NotSupported, TooMany };

class Gateway final : public SessionHost {
 public:
  Gateway(Store& store, Bus& bus, Deployments& deployments, KernelUpdates& kernels,
          Attestations& attestations, Encodings& encodings, const Clock& clock, TlsContext tls,
          SessionLimits limits = {});
  ~Gateway() override;

  /// From now on `service` serves the channels of this type.
  void serve(link::Service type, ChannelService service) { services_[type] = std::move(service); }

  /// Likewise the opaque channels to endpoints of the account's.
  void serve_endpoints(ByteStreamService service) { endpoint_service_ = std::move(service); }

  /// A new connection. `on_output` is called when it has something to send although nothing was received.
  std::unique_ptr<Connection> accept(std::function<void()> on_output);

  [[nodiscard]] bool is_connected(const std::string& device_sid) const {
    return sessions_.contains(device_sid);
  }
  [[nodiscard]] std::size_t connected() const { return sessions_.size(); }
  [[nodiscard]] const GatewayCounters& counters() const { return counters_; }
  [[nodiscard]] const AttestationCounters& attestations() const { return attestations_.counters(); }
  /// A debug session with the device, whose account has been looked at.
  tl::expected<std::shared_ptr<DebugRelay>, DebugRefusal> open_debug(const std::string& device_sid);
  /// Those that are open at this moment.
  [[nodiscard]] std::vector<std::shared_ptr<const DebugRelay>> debug_relays(
      const std::string& device_sid) const;
  /// About once a second: settings that expire, questions without an answer.
  void tick();
  /// Goodbye to everybody.
  void end_all(const std::string& reason);

 private:
  friend class Connection;
  struct Online {
    Connection* connection = nullptr;
    std::string account_sid;
    std::optional<Timestamp> logging_expires;
    bool logging_enabled = true;
  };

  // SessionHost
  [[nodiscard]] Timestamp now() const override { return clock_.now(); }
  tl::expected<Greeting, Refusal> greet(Session& session, const link::Hello& hello) override;
  SharedBytes object(const Session& session, const protocol::Hash& hash) override;
  void encoding(const Session& session, const link::Open& open, const SharedBytes& object,
                Encodings::Answer answer) override;
  void object_sent(const Session& session, const protocol::Hash& object, std::size_t bytes) override;
  void update_report(const Session& session, const link::UpdateReport& report) override;
  void kernel_report(const Session& session, const link::UpdateReport& report) override;
  void keys_report(const Session& session, const link::KeysReport& report) override;
  void attestation(const Session& session, const link::Attestation& answer) override;
  void device_event(const Session& session, const link::DeviceEvent& event) override;
  void log_record(const Session& session, const link::LogRecord& record) override;
  bool crash_report(const Session& session, const protocol::Bytes& report) override;
  std::unique_ptr<Channel> channel(const Session& session, link::Service service,
                                   std::size_t receive_buffer) override;
  tl::expected<std::shared_ptr<ByteStream>, link::StreamError> byte_stream(
      const Session& session, const std::string& endpoint) override;
  void channel_line(const Session& session, std::string line) override;

  void command(const DeviceCommand& command);
  void signers_changed(const std::string& account_sid);
  void endpoints_changed(const std::string& account_sid);
  [[nodiscard]] DeviceSettings settings_of(const Online& device);
  void send_settings(const Online& device);
  void ended(Connection& connection);
  void debug_ended(const std::string& device_sid, const DebugRelay& relay);
  void log(const Session& session, const char* type, std::string message, Timestamp time = 0);
  Online* online(const Session& session);
  [[nodiscard]] bool comes_too_often(const std::string& device_sid);
  SharedBytes account_object(const std::string& account_sid, const protocol::Hash& hash);
  std::optional<RunningImage> running_image(const Device& device, const link::Open& open, std::string& key);
  std::vector<RunningLayer> layers_of(const App& app);
  void app_running(const Session& session, bool running);

  Store& store_;
  Bus& bus_;
  Deployments& deployments_;
  KernelUpdates& kernels_;
  Attestations& attestations_;
  Encodings& encodings_;
  const Clock& clock_;
  TlsContext tls_;
  SessionLimits limits_;
  Connection* greeting_ =
      nullptr;  // whose bytes are being handled: greet() needs the connection of its session
  GatewayCounters counters_;
  std::map<link::Service, ChannelService> services_;
  ByteStreamService endpoint_service_;
  std::unordered_map<std::string, Online> sessions_;
  /// When devices may connect again without more ado: a bucket that each connection moves on.
  std::unordered_map<std::string, Timestamp> connections_;
  /// Objects that somebody is fetching at this moment: many devices take the same one.
  std::unordered_map<std::string, std::weak_ptr<const protocol::Bytes>> objects_;
};

class Connection {
 public:
  Connection(Gateway& gateway, std::function<void()> on_output);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Bytes of the TCP stream from the device.
  void receive(protocol::ByteView wire);
  /// Bytes for the device, at most some tens of KiB at a time; call again until there are none.
  protocol::Bytes take_output();
  /// To be closed once take_output() gives nothing more.
  [[nodiscard]] bool finished() const;
  void tick();
  /// The TCP stream has ended.
  void disconnected();

 private:
  friend class Gateway;
  void wake() const {
    if (on_output_) on_output_();
  }

  Gateway& gateway_;
  std::function<void()> on_output_;
  TlsChannel tls_;
  std::unique_ptr<Session> session_;
  Timestamp opened_;
  bool over_ = false;
};

/// Whether application logging is on at this moment.
bool logging_is_enabled(const Device& device, Timestamp now);

}  // namespace microvisor::cloud
