// See test_gateway.hpp.
#include "tests/link/test_gateway.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include "protocol/bundle/crypto.hpp"
#include "protocol/link/endpoint_name.hpp"

namespace microvisor::test {
namespace {

constexpr int kPollMilliseconds = 2;

bool readable(int socket) {
  pollfd entry{socket, POLLIN, 0};
  return poll(&entry, 1, kPollMilliseconds) > 0;
}

void close_hard(int socket) {
  const linger now{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(socket);
}

/// Notes the largest record the device sends and is sent.
void note_record(int, int, int type, const void* bytes, std::size_t size, SSL*, void* argument) {
  if (type != SSL3_RT_HEADER || size < 5) return;
  const auto* header = static_cast<const std::uint8_t*>(bytes);
  auto& largest = *static_cast<std::uint64_t*>(argument);
  largest = std::max<std::uint64_t>(largest, static_cast<std::uint64_t>(header[3]) << 8 | header[4]);
}

/// The report's text, unless it says again what the last one said.
/// Of gateways that stand still: seconds, in 2026.
constexpr long kSomeMoment = 1'780'000'000;

void note_report(std::vector<std::string>& reports, const link::UpdateReport& report) {
  std::string text = link::UpdateState_Name(report.state()).substr(13);
  if (report.error() != link::UPDATE_ERROR_NONE) text += " " + std::to_string(report.error());
  if (reports.empty() || reports.back() != text) reports.push_back(text);
}

}  // namespace

struct TestGateway::Tls {
  Tls(SSL_CTX* context, int socket_) : socket(socket_), ssl(SSL_new(context)) {
    SSL_set_fd(ssl, socket);
    fcntl(socket, F_SETFL, O_NONBLOCK);
  }
  ~Tls() {
    SSL_free(ssl);
    if (hard) {
      close_hard(socket);
    } else {
      close(socket);
    }
  }
  int socket;
  SSL* ssl;
  bool hard = false;
};

TestGateway::TestGateway(std::string device_sid, const std::string& server_name, std::size_t certificate_size)
    : device_sid_(std::move(device_sid)),
      gateway_authority_("Test gateway CA", certificate_size),
      device_authority_("Test device CA", certificate_size),
      certificate_(gateway_authority_.leaf(key_, server_name, server_name)),
      context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_use_certificate(context, certificate_.handle.get());
  SSL_CTX_use_PrivateKey(context, key_.handle.get());
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), device_authority_.certificate.handle.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("test"), 4);
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 8) != 0) {
    throw std::runtime_error("cannot listen");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

TestGateway::~TestGateway() {
  stop_ = true;
  thread_.join();
  close(listener_);
}

/// TLS between memory buffers: every byte from the board is answered before the call returns.
class TestGateway::Joined final : public board::JoinedPeer {
 public:
  Joined(TestGateway& gateway, board::JoinedConnection& connection)
      : gateway_(gateway), connection_(connection), ssl_(SSL_new(gateway.context_.get())) {
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
    gateway_.joined_.push_back(this);
  }
  ~Joined() override {
    std::erase(gateway_.joined_, this);
    SSL_free(ssl_);
  }
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;

  void received(std::span<const std::uint8_t> bytes) override {
    BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    if (!session_ && SSL_do_handshake(ssl_) == 1) {
      gateway_.note_handshake(SSL_session_reused(ssl_) == 1);
      cloud::SessionHost& host = gateway_;
      session_ = std::make_unique<cloud::Session>(host, gateway_.device_sid_, gateway_.limits_);
    }
    std::uint8_t buffer[4096];
    for (int count = 0; session_ && (count = SSL_read(ssl_, buffer, sizeof buffer)) > 0;) {
      session_->receive({buffer, static_cast<std::size_t>(count)});
    }
    ERR_clear_error();
    answer();
    // The session is over: so is the connection, once the output is with the board.
    if (session_ && session_->finished()) connection_.close();
  }

  /// False if there is no session yet.
  bool act(const std::function<void(cloud::Session&)>& action) {
    if (!session_) return false;
    action(*session_);
    answer();
    return true;
  }

  void ended() override {
    if (session_) session_->flush_lines();
    session_.reset();
  }

  void cut() { connection_.reset(); }

 private:
  void answer() {
    for (protocol::Bytes output; session_;) {
      output.clear();
      session_->take_output(output);
      if (output.empty()) break;
      for (std::size_t sent = 0; sent < output.size();) {  // one record a call
        const int written = SSL_write(ssl_, output.data() + sent, static_cast<int>(output.size() - sent));
        if (written <= 0) return connection_.reset();
        sent += static_cast<std::size_t>(written);
      }
    }
    protocol::Bytes wire(BIO_ctrl_pending(SSL_get_wbio(ssl_)));
    if (!wire.empty()) {
      BIO_read(SSL_get_wbio(ssl_), wire.data(), static_cast<int>(wire.size()));
      connection_.send(wire);
    }
  }

  TestGateway& gateway_;
  board::JoinedConnection& connection_;
  SSL* ssl_;
  std::unique_ptr<cloud::Session> session_;
};

std::unique_ptr<board::JoinedPeer> TestGateway::join(board::JoinedConnection& connection) {
  return std::make_unique<Joined>(*this, connection);
}

void TestGateway::serve() {
  while (!stop_) {
    if (!readable(listener_)) continue;
    const int socket = accept(listener_, nullptr, nullptr);
    if (socket < 0) continue;
    {
      const std::lock_guard lock(mutex_);
      ++seen_.connections;
    }
    serve_connection(socket);
  }
}

/// One connection at a time: enough for one device, whose new connection means that the old one is gone.
void TestGateway::serve_connection(int socket) {
  Tls tls(context_.get(), socket);
  std::uint64_t largest = 0;
  SSL_set_msg_callback(tls.ssl, note_record);
  SSL_set_msg_callback_arg(tls.ssl, &largest);
  for (;;) {
    if (stop_) return;
    if (dead_) {
      if (readable(listener_)) return;
      continue;
    }
    const int result = SSL_accept(tls.ssl);
    if (result == 1) break;
    const int reason = SSL_get_error(tls.ssl, result);
    ERR_clear_error();
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return;
    readable(socket);
  }
  note_handshake(SSL_session_reused(tls.ssl) == 1);
  cloud::Session session(*this, device_sid_, limits_);
  exchange(tls, session);
  session.flush_lines();
  const std::lock_guard lock(mutex_);
  seen_.largest_record = std::max(seen_.largest_record, largest);
  seen_.ends.push_back(session.reason());
  if (session.finished() && session.reason().empty()) ++seen_.goodbyes;
}

void TestGateway::note_handshake(bool resumed) {
  const std::lock_guard lock(mutex_);
  ++seen_.handshakes;
  if (resumed) ++seen_.resumed;
}

/// Hears what has come; false when the connection is over. `heard` says whether there was anything.
bool TestGateway::hear(Tls& tls, cloud::Session& session, bool wait, bool& heard) {
  std::uint8_t buffer[4096];
  const int count = SSL_read(tls.ssl, buffer, sizeof buffer);
  heard = count > 0;
  if (heard) {
    session.receive({buffer, static_cast<std::size_t>(count)});
  } else if (const int reason = SSL_get_error(tls.ssl, count);
             reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
    return false;
  } else if (wait) {
    readable(tls.socket);
  }
  ERR_clear_error();
  return true;
}

void TestGateway::act(cloud::Session& session) {
  std::vector<std::function<void(cloud::Session&)>> actions;
  {
    const std::lock_guard lock(mutex_);
    actions.swap(actions_);
  }
  for (const auto& action : actions) action(session);
}

/// Sends the beginning of `output`; notes the cut when as much has gone out as was asked for.
void TestGateway::say(Tls& tls, protocol::Bytes& output, std::uint64_t& sent) {
  const std::uint64_t limit = cut_after_;
  const int written =
      SSL_write(tls.ssl, output.data(), static_cast<int>(std::min<std::size_t>(output.size(), 1400)));
  if (written > 0) {
    sent += static_cast<std::uint64_t>(written);
    const std::lock_guard lock(mutex_);
    seen_.bytes_sent += static_cast<std::uint64_t>(written);
    output.erase(output.begin(), output.begin() + written);
  }
  ERR_clear_error();
  if (limit != 0 && sent >= limit) {
    cut_after_ = 0;
    cut_ = true;
  }
}

void TestGateway::exchange(Tls& tls, cloud::Session& session) {
  std::uint64_t sent = 0;
  protocol::Bytes output;
  while (!stop_) {
    bool heard = false;
    if (!hear(tls, session, output.empty(), heard)) return;
    act(session);
    session.take_output(output);
    if (!output.empty()) say(tls, output, sent);
    if (cut_.exchange(false)) {
      tls.hard = true;
      return;
    }
    if (session.finished() && output.empty()) {
      SSL_shutdown(tls.ssl);
      return;
    }
    if (!heard && readable(listener_)) return;  // the device has come anew, and has been heard to the end
  }
}

void TestGateway::post(std::function<void(cloud::Session&)> action) {
  bool done = false;  // by a joined board, whose thread this is
  for (Joined* const board : joined_) done |= board->act(action);
  if (done) return;
  const std::lock_guard lock(mutex_);
  actions_.push_back(std::move(action));
}

Seen TestGateway::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void TestGateway::set_target(const protocol::Hash& manifest) {
  {
    const std::lock_guard lock(mutex_);
    target_ = manifest;
  }
  post([manifest](cloud::Session& session) {
    if (session.welcomed()) session.send_target(manifest);
  });
}

void TestGateway::clear_target() {
  const std::lock_guard lock(mutex_);
  target_.reset();
}

void TestGateway::set_kernel_target(const protocol::Hash& manifest) {
  {
    const std::lock_guard lock(mutex_);
    kernel_target_ = manifest;
  }
  post([manifest](cloud::Session& session) {
    if (session.welcomed()) session.send_kernel_target(manifest);
  });
}

void TestGateway::add_object(const protocol::Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  objects_[protocol::sha256(bytes)] = std::make_shared<const protocol::Bytes>(bytes);
}

void TestGateway::offer(const protocol::Bytes& layer, const protocol::Bytes& manifest) {
  add_object(layer);
  add_object(manifest);
  set_target(protocol::sha256(manifest));
}

void TestGateway::replace_object(const protocol::Hash& name, const protocol::Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  objects_[name] = std::make_shared<const protocol::Bytes>(bytes);
}

void TestGateway::set_key_changes(const std::vector<protocol::Bytes>& messages) {
  const std::lock_guard lock(mutex_);
  key_changes_ = messages;
}

void TestGateway::set_logging(bool enabled) {
  {
    const std::lock_guard lock(mutex_);
    logging_ = enabled;
  }
  send_settings();
}

void TestGateway::set_endpoints(std::map<std::string, ByteScript> endpoints) {
  {
    const std::lock_guard lock(mutex_);
    endpoints_ = std::move(endpoints);
  }
  send_settings();
}

/// With the lock held.
cloud::DeviceSettings TestGateway::settings() const {
  cloud::DeviceSettings settings{logging_};
  for (const auto& [name, script] : endpoints_) settings.endpoints.push_back(protocol::endpoint_hash(name));
  return settings;
}

void TestGateway::send_settings() {
  cloud::DeviceSettings now;
  {
    const std::lock_guard lock(mutex_);
    now = settings();
  }
  post([now](cloud::Session& session) { session.send_settings(now); });
}

/// A script is asked whenever something has changed, and as long as the stream is there.
tl::expected<std::shared_ptr<cloud::ByteStream>, link::StreamError> TestGateway::byte_stream(
    const cloud::Session& session, const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto found = endpoints_.find(endpoint);
  if (found == endpoints_.end()) return tl::unexpected(link::STREAM_ERROR_NOT_FOUND);
  auto stream = std::make_shared<cloud::ByteStream>(cloud::ChannelOwner{"AC", session.device_sid()}, endpoint,
                                                    byte_counters_, nullptr);
  stream->set_server([script = found->second, raw = stream.get()] { script(*raw); });
  return stream;
}

void TestGateway::restart_app() {
  post([](cloud::Session& session) { session.send_restart_app(); });
}

void TestGateway::with_channel(link::Service service, std::function<void(cloud::Channel&)> action) {
  post([this, service, action = std::move(action)](cloud::Session&) {
    if (cloud::Channel* const channel = channels_.latest(service)) action(*channel);
  });
}

void TestGateway::cut_now() { cut_ = true; }

void TestGateway::cut_joined() {
  for (Joined* const board : std::vector(joined_)) board->cut();
}

/// They are in the tickets only, so other keys for these are enough (SSL_CTX_set_tlsext_ticket_keys).
void TestGateway::forget_sessions() {
  std::array<unsigned char, 80> keys{};
  RAND_bytes(keys.data(), static_cast<int>(keys.size()));
  SSL_CTX_set_tlsext_ticket_keys(context_.get(), keys.data(), static_cast<long>(keys.size()));
}

/// Tickets have the time in them at which a session began.
void TestGateway::stand_still() {
  constexpr long kDecades = 1'000'000'000;
  stands_still_ = true;
  const auto begun_then = [](SSL* ssl, void*) {
    SSL_SESSION* const session = SSL_get_session(ssl);
    SSL_SESSION_set_time(session, kSomeMoment);
    SSL_SESSION_set_timeout(session, kDecades);
    return 1;
  };
  SSL_CTX_set_session_ticket_cb(context_.get(), begun_then, nullptr, nullptr);
}

cloud::Timestamp TestGateway::now() const {
  return stands_still_ ? kSomeMoment * cloud::kSecond : cloud::SystemClock().now();
}

tl::expected<cloud::Greeting, cloud::Refusal> TestGateway::greet(cloud::Session&, const link::Hello& hello) {
  const std::lock_guard lock(mutex_);
  ++seen_.sessions;
  seen_.hello_kernels.push_back(hello.kernel_version());
  seen_.hellos.push_back(hello);
  seen_.kernel_hashes.push_back(protocol::to_hex(protocol::as_bytes(hello.kernel_manifest_hash())));
  cloud::Greeting greeting{settings(), {target_}, {kernel_target_}, key_changes_};
  if (asks_) {
    protocol::Hash& nonce = greeting.nonce.emplace();
    RAND_bytes(nonce.data(), static_cast<int>(nonce.size()));
    seen_.nonces.push_back(*greeting.nonce);
  }
  if (const std::uint32_t calm = calm_.exchange(0); calm != 0)
    return tl::unexpected(cloud::Refusal{"calm", calm});
  return greeting;
}

void TestGateway::attestation(const cloud::Session&, const link::Attestation& answer) {
  const std::lock_guard lock(mutex_);
  seen_.attestations.push_back(answer);
}

std::shared_ptr<const protocol::Bytes> TestGateway::object(const cloud::Session&,
                                                           const protocol::Hash& hash) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(hash);
  return found == objects_.end() ? nullptr : found->second;
}

void TestGateway::encode_against(const protocol::Bytes& running, std::uint32_t start) {
  const std::lock_guard lock(mutex_);
  running_ = running;
  running_start_ = start;
}

void TestGateway::encoding(const cloud::Session&, const link::Open& open, const cloud::SharedBytes& object,
                           cloud::Encodings::Answer answer) {
  protocol::transfer::Base base;
  {
    const std::lock_guard lock(mutex_);
    const std::uint32_t offset = open.base_address() - running_start_;
    if (running_ && !open.base_hash().empty() && offset < running_->size())
      base = {protocol::ByteView(*running_).subspan(offset), open.base_address()};
    seen_.encodings.emplace_back(!running_ ? "none" : base.bytes.empty() ? "compressed" : "difference");
    if (!running_) return answer(nullptr);
  }
  answer(std::make_shared<const cloud::SharedEncoding>(protocol::transfer::encode(*object, base)));
}

void TestGateway::object_sent(const cloud::Session&, const protocol::Hash&, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  seen_.object_bytes += bytes;
}

void TestGateway::update_report(const cloud::Session&, const link::UpdateReport& report) {
  const std::lock_guard lock(mutex_);
  note_report(seen_.reports, report);
}

void TestGateway::kernel_report(const cloud::Session&, const link::UpdateReport& report) {
  const std::lock_guard lock(mutex_);
  note_report(seen_.kernel_reports, report);
}

void TestGateway::keys_report(const cloud::Session&, const link::KeysReport& report) {
  const std::lock_guard lock(mutex_);
  seen_.keys.push_back(report);
}

void TestGateway::device_event(const cloud::Session&, const link::DeviceEvent& event) {
  const std::lock_guard lock(mutex_);
  seen_.events.push_back(event.text());
}

void TestGateway::log_record(const cloud::Session&, const link::LogRecord& record) {
  const std::lock_guard lock(mutex_);
  seen_.log.push_back(record.text());
}

bool TestGateway::crash_report(const cloud::Session&, const protocol::Bytes& report) {
  if (refuses_crashes_) return false;
  const std::lock_guard lock(mutex_);
  seen_.crashes.push_back(report);
  return true;
}

std::unique_ptr<cloud::Channel> TestGateway::channel(const cloud::Session&, link::Service service,
                                                     std::size_t receive_buffer) {
  return channels_.open(service, device_sid_, receive_buffer);
}

void TestGateway::channel_line(const cloud::Session&, std::string line) {
  const std::lock_guard lock(mutex_);
  seen_.channel.push_back(std::move(line));
}

}  // namespace microvisor::test
