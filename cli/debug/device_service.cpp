// The session with the device stands before the server listens, so that GDB never waits for a handshake; it
// outlives the GDBs that come and go. When it ends (another debugger, an update, the connection), so does the
// service.
#include "cli/debug/device_service.hpp"

#include <memory>
#include <optional>

#include "cli/client.hpp"
#include "cli/debug/gdb_listener.hpp"
#include "cli/debug/line_pipe.hpp"
#include "cli/debug/monitor_words.hpp"
#include "cli/debug/parties.hpp"
#include "cli/debug/remote_target.hpp"
#include "cli/debug/web_socket_pipe.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "protocol/debug/openssl_crypto.hpp"

namespace microvisor::cli::debug {
namespace {

/// True: another GDB may come.
bool serve_one(GdbConnection& gdb, RemoteTarget& target, const Pipe& pipe,
               const std::function<bool()>& keep_going) {
  if (const auto attached = target.attach(); !attached) throw Failure(attached.error());
  note("GDB is connected, the application is halted");
  switch (gdb.serve(target, pipe.descriptor(), keep_going, note_text)) {
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
      note_text(event->text);
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
