// Only the current connection of a device counts: what an earlier one still delivers is dropped (online()).
#include "cloud/gateway/gateway.hpp"

#include <algorithm>

#include "cloud/accounts/custody.hpp"
#include "cloud/accounts/signers.hpp"
#include "protocol/bundle/crypto.hpp"
#include "protocol/bundle/manifest.hpp"
#include "protocol/link/endpoint_name.hpp"
#include "protocol/link/update_error.hpp"

namespace microvisor::cloud {
namespace {

constexpr Timestamp kHandshakeTime = 60 * kSecond;  // public-key operations take a device in software seconds
constexpr Timestamp kConnectionInterval = 2 * kSecond;
constexpr Timestamp kConnectionBurst = 100;
constexpr std::uint32_t kCalmSeconds = 60;  // for a device that is told to come back later
constexpr const char* kReplaced = "replaced by a newer connection";

/// A kernel that does not know of this says nothing, and nothing is known then: not what an earlier one said.
BearerState bearer_of(const link::Hello& hello) {
  return {.kind = hello.bearer(),
          .signal_dbm = hello.signal_dbm(),
          .roaming = hello.roaming(),
          .other_failed = hello.other_failed()};
}

/// What a device says of itself.
void keep(Device& device, const link::Hello& hello) {
  device.kernel_version = clean_text(hello.kernel_version().substr(0, 64));
  device.kernel_version_number = hello.kernel_version_number();
  device.app_running = hello.app_running();
  device.boot_count = hello.boot_count();
  device.wake_reason = hello.wake_reason();
  device.signers.assign(hello.signers().begin(), hello.signers().end());
  device.keys_sequence = hello.keys_sequence();
  device.layer_keys.assign(hello.layer_keys().begin(), hello.layer_keys().end());
  device.bearer = bearer_of(hello);
}

}  // namespace

bool logging_is_enabled(const Device& device, Timestamp now) {
  return device.logging_enabled && (!device.logging_expires || *device.logging_expires > now);
}

Gateway::Gateway(Store& store, Bus& bus, Deployments& deployments, KernelUpdates& kernels,
                 Attestations& attestations, Encodings& encodings, const Clock& clock, TlsContext tls,
                 SessionLimits limits)
    : store_(store),
      bus_(bus),
      deployments_(deployments),
      kernels_(kernels),
      attestations_(attestations),
      encodings_(encodings),
      clock_(clock),
      tls_(std::move(tls)),
      limits_(limits) {
  bus_.subscribe(Bus::Handler<SignersChanged>(
      [this](const SignersChanged& message) { signers_changed(message.account_sid); }));
  bus_.subscribe(Bus::Handler<EndpointsChanged>(
      [this](const EndpointsChanged& message) { endpoints_changed(message.account_sid); }));
  bus_.subscribe(Bus::Handler<DeviceCommand>([this](const DeviceCommand& message) { command(message); }));
}

Gateway::~Gateway() = default;

std::unique_ptr<Connection> Gateway::accept(std::function<void()> on_output) {
  return std::make_unique<Connection>(*this, std::move(on_output));
}

Gateway::Online* Gateway::online(const Session& session) {
  const auto found = sessions_.find(session.device_sid());
  const bool current = found != sessions_.end() && found->second.connection->session_.get() == &session;
  return current ? &found->second : nullptr;
}

/// No bad link makes so many connections of one, unless something that fails at once begins again and again.
bool Gateway::comes_too_often(const std::string& device_sid) {
  Timestamp& due = connections_[device_sid];
  const Timestamp now = clock_.now();
  due = std::max(due, now);
  if (due - now > (kConnectionBurst - 1) * kConnectionInterval) return true;
  due += kConnectionInterval;
  return false;
}

tl::expected<Greeting, Refusal> Gateway::greet(Session& session, const link::Hello& hello) {
  if (comes_too_often(session.device_sid()))
    return tl::unexpected(Refusal{"connects too often", kCalmSeconds});
  auto device = store_.device_by_sid(session.device_sid());
  if (!device) return tl::unexpected(Refusal{"unknown device", kCalmSeconds});
  const auto previous = sessions_.find(device->sid);
  if (previous != sessions_.end()) {
    Connection& old = *previous->second.connection;
    old.session_->end(kReplaced);
    old.session_->flush_lines();
    old.session_->end_relays(RelayEnd::By::Connection);
    old.wake();
    sessions_.erase(previous);
  }
  deployments_.connected(*device, hello);
  kernels_.connected(*device, hello);
  const Timestamp moment = clock_.now();
  const Timestamp seen = device->last_seen.value_or(0);
  const NamedTarget target{Deployments::target_of(*device), device->targeted.value_or(0) > seen};
  const NamedTarget kernel{KernelUpdates::target_of(*device),
                           KernelUpdates::targeted(*device).value_or(0) > seen};
  device->last_seen = moment;
  device->certificate = greeting_->tls_.certificate();
  keep(*device, hello);
  store_.update_device(*device);
  if (hand_over_if_due(store_, *device)) device = store_.device_by_sid(device->sid);
  ++counters_.sessions;
  const Online& entry = sessions_[device->sid] =
      Online{greeting_, device->account_sid, device->logging_expires, logging_is_enabled(*device, moment)};
  log(session, log_type::kConnection, "Connection established for device " + device->sid);
  bus_.publish(DeviceChanged{device->sid});
  return Greeting{settings_of(entry), target, kernel, store_.pending_key_changes(*device),
                  attestations_.connected(device->sid, hello)};
}

SharedBytes Gateway::object(const Session& session, const protocol::Hash& hash) {
  const Online* device = online(session);
  return device == nullptr ? nullptr : account_object(device->account_sid, hash);
}

SharedBytes Gateway::account_object(const std::string& account_sid, const protocol::Hash& hash) {
  // The key holds the account, because an object is only for devices of the accounts that have it.
  const std::string key = account_sid + protocol::to_hex(hash);
  if (auto shared = objects_[key].lock()) return shared;
  auto content = store_.object(account_sid, hash);
  std::erase_if(objects_, [](const auto& entry) { return entry.second.expired(); });
  if (!content) return nullptr;
  ++counters_.objects;
  auto shared = std::make_shared<const protocol::Bytes>(std::move(*content));
  objects_[key] = shared;
  return shared;
}

std::vector<RunningLayer> Gateway::layers_of(const App& app) {
  std::vector<RunningLayer> layers;
  const auto manifest = protocol::parse_manifest(app.manifest);
  if (!manifest) return layers;
  for (const protocol::LayerInfo& layer : manifest->layers) {
    if (layer.kind != protocol::RegionKind::InternalFlash) continue;
    const SharedBytes bytes = account_object(app.account_sid, layer.fetch_hash);
    if (bytes) layers.push_back({layer.start, bytes});
  }
  return layers;
}

/// What the device runs by its own word, as far as the cloud has that; the key then stands for it too. An
/// application is put together from its layers, a kernel is an object of a release.
std::optional<RunningImage> Gateway::running_image(const Device& device, const link::Open& open,
                                                   std::string& key) {
  const auto base = protocol::as_hash(open.base_hash());
  if (!base) return std::nullopt;
  const std::string name = open.base_hash() + std::to_string(open.base_address());
  if (open.base_address() - kApplicationFlash >= protocol::kFlashBytes) {
    const SharedBytes kernel = account_object(device.account_sid, *base);
    if (!kernel) return std::nullopt;
    key += name;
    return RunningImage{*base, open.base_address(), open.base_address(), {{0, kernel}}};
  }
  const auto app = device.reported_hash ? store_.app_with_manifest(device.account_sid, *device.reported_hash)
                                        : std::nullopt;
  if (!app) return std::nullopt;
  key += name + app->sid;
  RunningImage running{.hash = *base, .address = open.base_address()};
  if (!encodings_.knows(key)) running.layers = layers_of(*app);
  return running;
}

void Gateway::encoding(const Session& session, const link::Open& open, const SharedBytes& object,
                       Encodings::Answer answer) {
  const auto device = online(session) == nullptr ? std::nullopt : store_.device_by_sid(session.device_sid());
  if (!device || !device->encodings_allowed) return answer(nullptr);
  std::string key = device->account_sid + open.object_hash();
  std::optional<RunningImage> running = running_image(*device, open, key);
  encodings_.request(key, object, std::move(running),
                     [this, sid = device->sid, answer = std::move(answer)](const EncodingPtr& encoding) {
                       answer(encoding);
                       const auto found = sessions_.find(sid);
                       if (found != sessions_.end()) found->second.connection->wake();
                     });
}

void Gateway::object_sent(const Session& session, const protocol::Hash& object, std::size_t bytes) {
  if (online(session) == nullptr || kernels_.object_sent(session.device_sid(), object, bytes)) return;
  deployments_.object_sent(session.device_sid(), bytes);
}

void Gateway::update_report(const Session& session, const link::UpdateReport& report) {
  if (online(session) != nullptr) deployments_.reported(session.device_sid(), report);
}

void Gateway::kernel_report(const Session& session, const link::UpdateReport& report) {
  if (online(session) != nullptr) kernels_.reported(session.device_sid(), report);
}

void Gateway::keys_report(const Session& session, const link::KeysReport& report) {
  auto device = online(session) == nullptr ? std::nullopt : store_.device_by_sid(session.device_sid());
  if (!device) return;
  device->signers.assign(report.signers().begin(), report.signers().end());
  device->keys_sequence = report.sequence();
  device->layer_keys.assign(report.layer_keys().begin(), report.layer_keys().end());
  device->keys_error = report.error();
  store_.update_device(*device);
  bus_.publish(DeviceChanged{device->sid});
  // It comes back as the other account's.
  if (hand_over_if_due(store_, *device))
    bus_.publish(DeviceCommand{device->sid, DeviceCommand::Kind::OwnerChanged});
  if (report.error() != link::KEYS_ERROR_NONE)
    log(session, log_type::kEvent,
        "change of keys refused: " + protocol::describe_keys_error(report.error()));
}

void Gateway::attestation(const Session& session, const link::Attestation& answer) {
  const Online* device = online(session);
  if (device == nullptr) return;
  attestations_.answered(session.device_sid(), device->connection->tls_.public_key(), answer);
}

void Gateway::device_event(const Session& session, const link::DeviceEvent& event) {
  if (online(session) == nullptr) return;
  const std::string text = clean_text(event.text());
  switch (event.kind()) {
    case link::DEVICE_EVENT_APP_CRASHED:
      app_running(session, false);
      log(session, log_type::kEvent, text.empty() ? "the application crashed" : text);
      return deployments_.crashed(session.device_sid());
    case link::DEVICE_EVENT_KERNEL_FAILED:
      return log(session, log_type::kEvent, text.empty() ? "Microvisor failed" : text);
    case link::DEVICE_EVENT_TESTING_COMPLETE:
      store_.add_test_record({session.device_sid(), clock_.now(), event.value(), ""});
      return log(session, log_type::kEvent, "testing complete: " + std::to_string(event.value()));
    case link::DEVICE_EVENT_APP_STARTED: return app_running(session, true);
    default: return;
  }
}

void Gateway::app_running(const Session& session, bool running) {
  auto device = store_.device_by_sid(session.device_sid());
  if (!device || device->app_running == running) return;
  device->app_running = running;
  store_.update_device(*device);
  bus_.publish(DeviceChanged{device->sid});
}

void Gateway::log_record(const Session& session, const link::LogRecord& record) {
  Online* device = online(session);
  if (device == nullptr) return;
  ++counters_.log_records;
  if (!device->logging_enabled && !record.test_log()) return;
  const auto time = static_cast<Timestamp>(std::min<std::uint64_t>(record.unix_microseconds(), INT64_MAX));
  if (record.dropped() > 0) {
    log(session, log_type::kEvent,
        std::to_string(record.dropped()) + " log messages did not fit into the device's buffer", time);
  }
  if (record.text().empty() && record.dropped() > 0) return;
  // What a production line finds is kept.
  if (record.test_log())
    store_.add_test_record(
        {session.device_sid(), time > 0 ? time : clock_.now(), std::nullopt, clean_text(record.text())});
  log(session, record.test_log() ? log_type::kTest : log_type::kApplication, clean_text(record.text()), time);
}

bool Gateway::crash_report(const Session& session, const protocol::Bytes& report) {
  if (online(session) == nullptr) return false;
  CrashReport stored;
  stored.device_sid = session.device_sid();
  stored.hash = protocol::sha256(report);
  stored.received = clock_.now();
  stored.content = report;
  if (store_.add_crash_report(stored))
    log(session, log_type::kEvent, "crash report received, " + std::to_string(report.size()) + " bytes");
  return true;
}

void Gateway::channel_line(const Session& session, std::string line) {
  Online* device = online(session);
  if (device == nullptr || !device->logging_enabled) return;
  ++counters_.log_records;
  log(session, log_type::kApplication, clean_text(line));
}

/// The device's connection is there for as long as its session, and this for as long as the channel.
std::unique_ptr<Channel> Gateway::channel(const Session& session, link::Service service,
                                          std::size_t receive_buffer) {
  const Online* device = online(session);
  const auto found = services_.find(service);
  if (device == nullptr || found == services_.end()) return nullptr;
  auto channel =
      std::make_unique<Channel>(ChannelOwner{device->account_sid, session.device_sid()}, receive_buffer,
                                [connection = device->connection] { connection->wake(); });
  auto server = found->second(*channel);
  if (!server) return nullptr;
  channel->serve(std::move(server));
  return channel;
}

/// As with channel(); the server may outlive both and speak to them no more.
tl::expected<std::shared_ptr<ByteStream>, link::StreamError> Gateway::byte_stream(const Session& session,
                                                                                  const std::string& name) {
  const Online* device = online(session);
  if (device == nullptr) return tl::unexpected(link::STREAM_ERROR_REFUSED);
  const auto endpoints = store_.endpoints(device->account_sid);
  const auto found =
      std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& it) { return it.name == name; });
  if (found == endpoints.end()) return tl::unexpected(link::STREAM_ERROR_NOT_FOUND);
  auto stream = std::make_shared<ByteStream>(
      ChannelOwner{device->account_sid, session.device_sid()}, name, counters_.byte_streams,
      [this, sid = session.device_sid(), name](const std::string& why) {
        bus_.publish(
            LogRecord{clock_.now(), sid, log_type::kConnection, "Channel to " + name + " ended: " + why});
      });
  stream->set_device([connection = device->connection] { connection->wake(); });
  if (!endpoint_service_ || !endpoint_service_(stream, found->url))
    return tl::unexpected(link::STREAM_ERROR_REFUSED);
  return stream;
}

void Gateway::log(const Session& session, const char* type, std::string message, Timestamp time) {
  bus_.publish(LogRecord{time > 0 ? time : clock_.now(), session.device_sid(), type, std::move(message)});
}

void Gateway::command(const DeviceCommand& message) {
  const auto found = sessions_.find(message.device_sid);
  if (found == sessions_.end()) return;
  Session& session = *found->second.connection->session_;
  const auto device = store_.device_by_sid(message.device_sid);
  if (!device) return session.end("unknown device");
  switch (message.kind) {
    case DeviceCommand::Kind::TargetChanged:
      if (const auto target = Deployments::target_of(*device)) session.send_target(*target);
      break;
    case DeviceCommand::Kind::KernelTargetChanged:
      if (const auto target = KernelUpdates::target_of(*device)) session.send_kernel_target(*target);
      break;
    case DeviceCommand::Kind::SettingsChanged:
      found->second.logging_expires = device->logging_expires;
      found->second.logging_enabled = logging_is_enabled(*device, clock_.now());
      send_settings(found->second);
      break;
    case DeviceCommand::Kind::RestartApp: session.send_restart_app(); break;
    case DeviceCommand::Kind::OwnerChanged: session.end("the device has another owner"); break;
    case DeviceCommand::Kind::CertificateChanged: session.end("the device has a new certificate"); break;
  }
  found->second.connection->wake();
}

void Gateway::signers_changed(const std::string& account_sid) {
  for (auto& [sid, online] : sessions_) {
    if (online.account_sid != account_sid) continue;
    const auto device = store_.device_by_sid(sid);
    if (!device) continue;
    for (const protocol::Bytes& message : store_.pending_key_changes(*device)) {
      online.connection->session_->send_key_change(message);
    }
    online.connection->wake();
  }
}

void Gateway::endpoints_changed(const std::string& account_sid) {
  for (const auto& [sid, online] : sessions_)
    if (online.account_sid == account_sid) send_settings(online);
}

DeviceSettings Gateway::settings_of(const Online& device) {
  DeviceSettings settings{device.logging_enabled, {}};
  for (const Endpoint& endpoint : store_.endpoints(device.account_sid))
    settings.endpoints.push_back(protocol::endpoint_hash(endpoint.name));
  return settings;
}

void Gateway::send_settings(const Online& device) {
  device.connection->session_->send_settings(settings_of(device));
  device.connection->wake();
}

void Gateway::tick() {
  attestations_.tick();
  const Timestamp moment = clock_.now();
  std::erase_if(connections_, [moment](const auto& entry) { return entry.second <= moment; });
  for (auto& [sid, device] : sessions_) {
    if (!device.logging_enabled || !device.logging_expires || *device.logging_expires > moment) continue;
    device.logging_enabled = false;
    send_settings(device);
  }
}

tl::expected<std::shared_ptr<DebugRelay>, DebugRefusal> Gateway::open_debug(const std::string& device_sid) {
  const auto found = sessions_.find(device_sid);
  if (found == sessions_.end()) return tl::unexpected(DebugRefusal::NotConnected);
  Connection& connection = *found->second.connection;
  if (!connection.session_->takes_debug()) return tl::unexpected(DebugRefusal::NotSupported);
  auto relay = std::make_shared<DebugRelay>(
      counters_.debug, [this, device_sid](const DebugRelay& ended) { debug_ended(device_sid, ended); });
  if (!connection.session_->open_debug(relay)) return tl::unexpected(DebugRefusal::TooMany);
  relay->set_device([&connection] { connection.wake(); });  // until the session's end_relays()
  log(*connection.session_, log_type::kConnection, "Debug session requested for device " + device_sid);
  connection.wake();
  return relay;
}

void Gateway::debug_ended(const std::string& device_sid, const DebugRelay& relay) {
  bus_.publish(LogRecord{clock_.now(), device_sid, log_type::kConnection,
                         "Debug session ended: " + describe(*relay.ended()) + "; " +
                             std::to_string(relay.bytes_to_device()) + " bytes to the device, " +
                             std::to_string(relay.bytes_from_device()) + " from it"});
}

std::vector<std::shared_ptr<const DebugRelay>> Gateway::debug_relays(const std::string& device_sid) const {
  const auto found = sessions_.find(device_sid);
  if (found == sessions_.end()) return {};
  return found->second.connection->session_->debug_relays();
}

void Gateway::end_all(const std::string& reason) {
  for (auto& [sid, device] : sessions_) {
    device.connection->session_->end_relays(RelayEnd::By::Stop);
    device.connection->session_->end(reason);
    device.connection->wake();
  }
}

void Gateway::ended(Connection& connection) {
  const auto found = sessions_.find(connection.session_->device_sid());
  if (found == sessions_.end() || found->second.connection != &connection) return;
  connection.session_->flush_lines();
  connection.session_->end_relays(RelayEnd::By::Connection);
  const std::string sid = found->first;
  sessions_.erase(found);
  deployments_.disconnected(sid);
  attestations_.disconnected(sid);
  if (auto device = store_.device_by_sid(sid)) {
    device->last_seen = clock_.now();
    store_.update_device(*device);
  }
  bus_.publish(DeviceChanged{sid});
}

Connection::Connection(Gateway& gateway, std::function<void()> on_output)
    : gateway_(gateway),
      on_output_(std::move(on_output)),
      tls_(gateway.tls_),
      opened_(gateway.clock_.now()) {}

Connection::~Connection() { disconnected(); }

void Connection::receive(protocol::ByteView wire) {
  if (finished()) return;
  protocol::Bytes plain;
  const auto before = tls_.status();
  const auto after = tls_.receive(wire, plain);
  if (before == TlsChannel::Status::Handshaking && after == TlsChannel::Status::Failed) {
    ++gateway_.counters_.failed_handshakes;
  }
  if (!session_ && !tls_.common_name().empty()) {
    ++gateway_.counters_.handshakes;
    if (tls_.resumed()) ++gateway_.counters_.resumed;
    session_ = std::make_unique<Session>(gateway_, tls_.common_name(), gateway_.limits_);
    const auto device = gateway_.store_.device_by_sid(tls_.common_name());
    if (!device || device->certificate_hash != tls_.fingerprint())
      session_->end("this certificate is not valid any more");
  }
  if (session_ && !plain.empty()) {
    gateway_.greeting_ = this;
    session_->receive(plain);
    gateway_.greeting_ = nullptr;
  }
}

protocol::Bytes Connection::take_output() {
  protocol::Bytes wire;
  if (session_) {
    protocol::Bytes plain;
    session_->take_output(plain);
    tls_.send(plain);
    if (session_->finished()) {
      gateway_.ended(*this);
      tls_.close();
    }
  }
  tls_.take_output(wire);
  return wire;
}

bool Connection::finished() const {
  const auto status = tls_.status();
  return over_ || status == TlsChannel::Status::Closed || status == TlsChannel::Status::Failed ||
         (session_ && session_->finished());
}

void Connection::tick() {
  if (session_) {
    session_->tick();
  } else if (gateway_.clock_.now() - opened_ > kHandshakeTime) {
    over_ = true;
  }
  if (finished()) wake();
}

void Connection::disconnected() {
  over_ = true;
  if (session_) gateway_.ended(*this);
}

}  // namespace microvisor::cloud
