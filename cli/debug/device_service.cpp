// The session with the device stands before the server listens, so that GDB never waits for a handshake; it
// outlives the GDBs that come and go. When it ends (another debugger, an update, the connection), so does the
// service.
#include "cli/debug/device_service.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/debug/gdb_listener.hpp"
#include "cli/debug/remote_target.hpp"
#include "cli/debug/web_socket_pipe.hpp"
#include "cli/device_certificate.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "protocol/debug/openssl_crypto.hpp"

namespace microvisor::cli::debug {
namespace {

using nlohmann::json;

/// What both sides have to mean: who they are, and which application it is.
struct Parties {
  std::string sid;
  wire::Scalar own_secret{};
  wire::Point own_point{};
  wire::Point device_point{};
  wire::Prologue prologue{};
};

protocol::SigningKey read_key(const std::string& file) {
  const auto pem = read_file(file);
  auto key = protocol::SigningKey::from_pem(protocol::as_text(pem));
  if (!key) throw Failure(file + ": " + key.error().message);
  return std::move(*key);
}

protocol::Hash manifest_hash_of(Client& client, const json& device) {
  const json& app = device.at("app");
  const std::string sid = text_of(app, "reported_sid");
  if (sid.empty())
    throw Failure(text_of(device, "sid") + " has not reported an application that this account knows");
  std::string text = text_of(client.get("/v1/Apps/" + Client::escape(sid)), "hash");
  text.erase(0, std::string_view("sha256:").size());
  const auto bytes = protocol::from_hex(text);
  protocol::Hash hash{};
  if (!bytes || bytes->size() != hash.size())
    throw Failure("the cloud does not say which application " + sid + " is");
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

protocol::PublicKey device_point_of(Client& client, const std::string& sid, const std::string& certificate) {
  const json all = client.get("/api/decrypters").at("devices");
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const json& d) { return text_of(d, "sid") == sid; });
  if (found == all.end()) throw Failure("there is no device " + sid);
  return device_key_of(*found, certificate);
}

Parties find_parties(Client& client, const ServiceArguments& arguments) {
  const protocol::SigningKey key = read_key(arguments.key);
  const json device = client.get("/v1/Devices/" + Client::escape(arguments.device));
  Parties parties{.sid = text_of(device, "sid")};
  const auto secret = key.private_scalar();
  std::copy(secret.begin(), secret.end(), parties.own_secret.begin());
  parties.own_point = key.public_key();
  parties.device_point = device_point_of(client, parties.sid, arguments.certificate);
  if (parties.sid.size() != wire::kDeviceSidBytes) throw Failure(parties.sid + " is no SID of a device");
  const std::span<const std::uint8_t, wire::kDeviceSidBytes> sid(
      reinterpret_cast<const std::uint8_t*>(parties.sid.data()), wire::kDeviceSidBytes);
  parties.prologue = wire::prologue_of(sid, manifest_hash_of(client, device));
  return parties;
}

std::string link_words(const DeviceSession& session) {
  const LinkStatistics& s = session.statistics();
  return fmt::format(
      "{} exchanges, {} messages and {} bytes to the device, {} messages and {} bytes from it\n", s.exchanges,
      s.messages_sent, s.bytes_sent, s.messages_received, s.bytes_received);
}

/// The last lines of the log stream.
std::string log_words(Client& client, const std::string& sid, std::string_view arguments) {
  const std::string count = arguments.empty() ? "20" : std::string(arguments);
  if (count.find_first_not_of("0123456789") != std::string::npos)
    return "monitor log takes a number of lines\n";
  std::string text;
  client.stream(
      "/api/devices/" + Client::escape(sid) + "/logs?Since=" + count,
      [&](const json& record) {
        text += format_log_record(record) + "\n";
        return true;
      },
      [until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500)] {
        return std::chrono::steady_clock::now() < until;
      });
  return text.empty() ? "no lines\n" : text;
}

void add_words(RemoteTarget& target, const DeviceSession& session, Client& client, const std::string& sid) {
  target.add_monitor_word(
      {"status", "what the application does, and what the device is", [&target, &client, sid](auto) {
         const json state = client.get("/api/devices/" + Client::escape(sid));
         return fmt::format("{}: {}; kernel {}\n", sid, target.state(), text_of(state, "kernel_version"));
       }});
  target.add_monitor_word(
      {"reset", "starts the application anew and halts it before its first instruction",
       [&target](auto) { return std::string(target.reset() ? "" : "the application does not start\n"); }});
  target.add_monitor_word(
      {"log", "[N]: the last N lines of the log stream (20)",
       [&client, sid](std::string_view arguments) { return log_words(client, sid, arguments); }});
  target.add_monitor_word(
      {"link", "how much has gone over the link", [&session](auto) { return link_words(session); }});
}

void tell(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.empty()) note(text);
}

/// True: another GDB may come.
bool serve_one(GdbConnection& gdb, RemoteTarget& target, const WebSocketPipe& pipe,
               const std::function<bool()>& keep_going) {
  if (const auto attached = target.attach(); !attached) throw Failure(attached.error());
  note("GDB is connected, the application is halted");
  switch (gdb.serve(target, pipe.descriptor(), keep_going, tell)) {
    case GdbConnection::End::Left: note("GDB has left, the application runs"); return true;
    case GdbConnection::End::TargetOver: throw ExitStatus{1};
    case GdbConnection::End::Stopped: break;
  }
  return false;
}

GdbListener listen_at(const std::string& where) {
  auto listener = GdbListener::listen(where);
  if (!listener) throw Failure(listener.error());
  return std::move(*listener);
}

std::unique_ptr<WebSocketPipe> connect(const Credentials& credentials, const std::string& sid) {
  auto pipe = WebSocketPipe::connect(credentials, "/api/devices/" + Client::escape(sid) + "/debug");
  if (!pipe) throw Failure(pipe.error());
  return std::move(*pipe);
}

}  // namespace

/// In the order in which each needs what stands above it.
struct DeviceService::State {
  State(const Credentials& credentials, const ServiceArguments& arguments)
      : client(credentials),
        parties(find_parties(client, arguments)),
        listener(listen_at(arguments.listen)),
        pipe(connect(credentials, parties.sid)) {
    session.wait_while([] { return !InterruptGuard::requested(); });
    if (const auto begun = session.begin(); !begun) throw Failure(begun.error());
    add_words(target, session, client, parties.sid);
    if (const auto opened = target.open(); !opened) throw Failure(opened.error());
    session.wait_while({});  // later it is the end that waits, for the device to hear of it
  }

  Client client;
  Parties parties;
  GdbListener listener;
  std::unique_ptr<WebSocketPipe> pipe;
  wire::OpensslCrypto crypto;
  wire::StaticKeys keys{parties.own_secret, parties.own_point, parties.device_point};
  DeviceSession session{*pipe, crypto, keys, parties.prologue};
  RemoteTarget target{session};
};

DeviceService::DeviceService(const Credentials& credentials, const ServiceArguments& arguments)
    : state_(std::make_unique<State>(credentials, arguments)) {}
DeviceService::~DeviceService() = default;

const std::string& DeviceService::address() const { return state_->listener.address(); }

void DeviceService::serve(bool once, const std::function<bool()>& keep_going) {
  bool over = false;
  const auto meanwhile = [&] {
    for (auto event = state_->target.poll(std::chrono::milliseconds(0)); event && !over;
         event = state_->target.poll(std::chrono::milliseconds(0))) {
      tell(event->text);
      over = event->over;
    }
    return !over && keep_going();
  };
  while (auto gdb = state_->listener.wait(meanwhile)) {
    if (!serve_one(*gdb, state_->target, *state_->pipe, keep_going) || once) break;
  }
  state_->target.leave();
  if (over) throw ExitStatus{1};
}

}  // namespace microvisor::cli::debug
