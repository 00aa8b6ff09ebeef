// The session with the device stands before the server listens, so that GDB never waits for a handshake; it
// outlives the GDBs that come and go. When it ends (another debugger, an update, the connection), so does the
// service.
#include "cli/debug/device_service.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/client.hpp"
#include "cli/debug/gdb_listener.hpp"
#include "cli/debug/line_pipe.hpp"
#include "cli/debug/remote_target.hpp"
#include "cli/debug/web_socket_pipe.hpp"
#include "cli/device_certificate.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "protocol/bundle/bundle.hpp"
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

/// "sha256:" and 64 hexadecimal digits.
std::optional<protocol::Hash> parse_hash(std::string_view text) {
  constexpr std::string_view kName = "sha256:";
  if (!text.starts_with(kName)) return std::nullopt;
  const auto bytes = protocol::from_hex(text.substr(kName.size()));
  protocol::Hash hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

protocol::Hash manifest_hash_of(Client& client, const json& device) {
  const json& app = device.at("app");
  const std::string sid = text_of(app, "reported_sid");
  if (sid.empty())
    throw Failure(text_of(device, "sid") + " has not reported an application that this account knows");
  const auto hash = parse_hash(text_of(client.get("/v1/Apps/" + Client::escape(sid)), "hash"));
  if (!hash) throw Failure("the cloud does not say which application " + sid + " is");
  return *hash;
}

/// The signature is part of the manifest, so a bundle that has none is not what any device has installed.
protocol::Hash manifest_hash_of(const DirectArguments& arguments) {
  if (!arguments.hash.empty()) {
    const auto hash = parse_hash(arguments.hash);
    if (!hash) throw Failure(arguments.hash + " is no hash of an application (sha256:...)");
    return *hash;
  }
  if (arguments.bundle.empty())
    throw Failure("--direct needs to know the application: its signed --bundle, or its --hash");
  const auto bundle = protocol::read_bundle(read_file(arguments.bundle));
  if (!bundle) throw Failure(arguments.bundle + ": " + bundle.error().message);
  if (bundle->info.signer_id == 0)
    throw Failure(arguments.bundle +
                  " is not signed, so no device has it installed: give the --hash that "
                  "'microvisor apps show' says");
  return protocol::sha256(bundle->manifest);
}

protocol::PublicKey device_point_of(Client& client, const std::string& sid, const std::string& certificate) {
  const json all = client.get("/api/decrypters").at("devices");
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const json& d) { return text_of(d, "sid") == sid; });
  if (found == all.end()) throw Failure("there is no device " + sid);
  return device_key_of(*found, certificate);
}

Parties parties_of(const std::string& key_file, std::string sid) {
  if (sid.size() != wire::kDeviceSidBytes) throw Failure(sid + " is no SID of a device");
  const protocol::SigningKey key = read_key(key_file);
  Parties parties{.sid = std::move(sid)};
  const auto secret = key.private_scalar();
  std::copy(secret.begin(), secret.end(), parties.own_secret.begin());
  parties.own_point = key.public_key();
  return parties;
}

void set_application(Parties& parties, const protocol::Hash& manifest) {
  const std::span<const std::uint8_t, wire::kDeviceSidBytes> sid(
      reinterpret_cast<const std::uint8_t*>(parties.sid.data()), wire::kDeviceSidBytes);
  parties.prologue = wire::prologue_of(sid, manifest);
}

Parties find_parties(Client& client, const ServiceArguments& arguments) {
  const json device = client.get("/v1/Devices/" + Client::escape(arguments.device));
  Parties parties = parties_of(arguments.key, text_of(device, "sid"));
  parties.device_point = device_point_of(client, parties.sid, arguments.certificate);
  set_application(parties, manifest_hash_of(client, device));
  return parties;
}

Parties find_parties(const DirectArguments& arguments) {
  if (arguments.certificate.empty()) throw Failure("--direct needs the device's --certificate");
  const auto pem = read_file(arguments.certificate);
  const auto certified = protocol::key_from_certificate(protocol::as_text(pem));
  if (!certified) throw Failure(arguments.certificate + ": " + certified.error().message);
  Parties parties = parties_of(arguments.key, certified->common_name);
  parties.device_point = certified->key;
  set_application(parties, manifest_hash_of(arguments));
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

/// Words that ask the cloud.
void add_cloud_words(RemoteTarget& target, Client& client, const std::string& sid) {
  target.add_monitor_word(
      {"status", "what the application does, and what the device is", [&target, &client, sid](auto) {
         const json state = client.get("/api/devices/" + Client::escape(sid));
         return fmt::format("{}: {}; kernel {}\n", sid, target.state(), text_of(state, "kernel_version"));
       }});
  target.add_monitor_word(
      {"log", "[N]: the last N lines of the log stream (20)",
       [&client, sid](std::string_view arguments) { return log_words(client, sid, arguments); }});
}

void add_direct_words(RemoteTarget& target, const std::string& sid) {
  target.add_monitor_word({"status", "what the application does", [&target, sid](auto) {
                             return fmt::format("{}: {}; without a cloud\n", sid, target.state());
                           }});
}

void add_words(RemoteTarget& target, const DeviceSession& session) {
  target.add_monitor_word(
      {"reset", "starts the application anew and halts it before its first instruction",
       [&target](auto) { return std::string(target.reset() ? "" : "the application does not start\n"); }});
  target.add_monitor_word(
      {"link", "how much has gone over the link", [&session](auto) { return link_words(session); }});
}

void tell(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.empty()) note(text);
}

/// True: another GDB may come.
bool serve_one(GdbConnection& gdb, RemoteTarget& target, const Pipe& pipe,
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

std::unique_ptr<Pipe> connect(const Credentials& credentials, const std::string& sid) {
  auto pipe = WebSocketPipe::connect(credentials, "/api/devices/" + Client::escape(sid) + "/debug");
  if (!pipe) throw Failure(pipe.error());
  return std::move(*pipe);
}

}  // namespace

/// In the order in which each needs what stands above it.
struct DeviceService::State {
  State(const Credentials& credentials, const ServiceArguments& arguments)
      : client(credentials),
        parties(find_parties(*client, arguments)),
        listener(listen_at(arguments.listen)),
        pipe(connect(credentials, parties.sid)) {
    begin();
  }
  State(const DirectArguments& arguments, const std::function<bool()>& keep_going)
      : parties(find_parties(arguments)),
        listener(listen_at(arguments.listen)),
        pipe(std::make_unique<LinePipe>(arguments.line, keep_going)) {
    begin();
  }

  void begin() {
    session.wait_while([] { return !InterruptGuard::requested(); });
    if (const auto begun = session.begin(); !begun) throw Failure(begun.error());
    if (client) {
      add_cloud_words(target, *client, parties.sid);
    } else {
      add_direct_words(target, parties.sid);
    }
    add_words(target, session);
    if (const auto opened = target.open(); !opened) throw Failure(opened.error());
    session.wait_while({});  // later it is the end that waits, for the device to hear of it
  }

  std::optional<Client> client;  // none: there is no cloud
  Parties parties;
  GdbListener listener;
  std::unique_ptr<Pipe> pipe;
  wire::OpensslCrypto crypto;
  wire::StaticKeys keys{parties.own_secret, parties.own_point, parties.device_point};
  DeviceSession session{*pipe, crypto, keys, parties.prologue};
  RemoteTarget target{session};
};

DeviceService::DeviceService(const Credentials& credentials, const ServiceArguments& arguments)
    : state_(std::make_unique<State>(credentials, arguments)) {}
DeviceService::DeviceService(const DirectArguments& arguments, const std::function<bool()>& keep_going)
    : state_(std::make_unique<State>(arguments, keep_going)) {}
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
