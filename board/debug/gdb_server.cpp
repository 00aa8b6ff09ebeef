#include "board/debug/gdb_server.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace microvisor::board {
namespace {

/// Text for a GDB that does not read is dropped beyond this.
constexpr std::size_t kLargestOutbox = std::size_t{1} << 20;
/// How long the last bytes may take when the board is done.
constexpr int kFarewellMilliseconds = 1000;

struct Where {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

std::optional<Where> parse(std::string_view text) {
  Where where;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon != 0) {
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    where.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  }
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), where.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return where;
}

struct Addresses {
  addrinfo* list = nullptr;
  Addresses(const Where& where, int& error) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    error = getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &list);
  }
  ~Addresses() {
    if (list != nullptr) freeaddrinfo(list);
  }
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;
};

bool is_loopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
}

std::string name_of(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
  inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
}

}  // namespace

/// A file descriptor and its end.
class GdbServer::Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  void reset() {
    if (number_ >= 0) close(std::exchange(number_, -1));
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }

 private:
  int number_;
};

struct GdbServer::Endpoint {
  Descriptor listener, connection, bell;
};

tl::expected<std::unique_ptr<GdbServer>, std::string> GdbServer::listen(std::string_view where,
                                                                        Board& board) {
  const auto parsed = parse(where);
  if (!parsed) return tl::unexpected(fmt::format("not a port or ADDRESS:PORT: {}", where));
  int error = 0;
  const Addresses addresses(*parsed, error);
  if (error != 0) return tl::unexpected(fmt::format("not an address of this machine: {}", parsed->host));
  const addrinfo& first = *addresses.list;
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->listener = Descriptor(socket(first.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  endpoint->bell = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int on = 1;
  setsockopt(endpoint->listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!endpoint->bell.valid() || bind(endpoint->listener.get(), first.ai_addr, first.ai_addrlen) != 0 ||
      ::listen(endpoint->listener.get(), 4) != 0) {
    return tl::unexpected(fmt::format("cannot listen for GDB at {}: {}", where, std::strerror(errno)));
  }
  std::string address = name_of(endpoint->listener.get());
  return std::unique_ptr<GdbServer>(
      new GdbServer(board, std::move(endpoint), std::move(address), !is_loopback(*first.ai_addr)));
}

GdbServer::GdbServer(Board& board, std::unique_ptr<Endpoint> endpoint, std::string address,
                     bool open_to_others)
    : board_(board),
      target_(board),
      endpoint_(std::move(endpoint)),
      address_(std::move(address)),
      open_to_others_(open_to_others) {
  board_.on_halt([this](HaltReason reason) {
    if (session_) session_->halted(target_.halt_now(reason));
  });
  thread_ = std::thread([this] { serve(); });
}

GdbServer::~GdbServer() {
  ending_ = true;
  wake();
  thread_.join();
  board_.on_halt({});
}

// --- the thread of the socket
// -------------------------------------------------------------------------------

void GdbServer::serve() {
  while (!ending_) {
    std::array<pollfd, 2> wait{pollfd{endpoint_->listener.get(), POLLIN, 0},
                               pollfd{endpoint_->bell.get(), POLLIN, 0}};
    poll(wait.data(), wait.size(), -1);
    if (ending_) break;
    endpoint_->connection =
        Descriptor(accept4(endpoint_->listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (endpoint_->connection.valid()) converse();
  }
}

void GdbServer::converse() {
  const int on = 1;
  setsockopt(endpoint_->connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  {
    const std::lock_guard lock(mutex_);
    ++connection_;
    outbox_.clear();
    hang_up_ = false;
  }
  attached_ = true;
  board_.post([this, connection = connection_] { open_session(connection); });
  bool open = true;
  while (open) {
    bool sending = false;
    {
      const std::lock_guard lock(mutex_);
      sending = !outbox_.empty();
      if (!sending && (hang_up_ || ending_)) break;
    }
    const auto events = static_cast<short>(sending ? POLLIN | POLLOUT : POLLIN);
    std::array<pollfd, 3> wait{pollfd{endpoint_->connection.get(), events, 0},
                               pollfd{endpoint_->bell.get(), POLLIN, 0},
                               pollfd{endpoint_->listener.get(), POLLIN, 0}};
    const int ready = poll(wait.data(), wait.size(), ending_ ? kFarewellMilliseconds : -1);
    if (ending_ && ready == 0) break;
    std::uint64_t rings = 0;
    if (wait[1].revents != 0) (void)!read(endpoint_->bell.get(), &rings, sizeof rings);
    if ((wait[0].revents & POLLOUT) != 0) open = send_bytes();
    if (open && (wait[0].revents & ~POLLOUT) != 0) open = take_bytes();
    // While there is something to read here, it may be the end that makes room for the other.
    if (open && wait[0].revents == 0 && wait[2].revents != 0) turn_away();
  }
  endpoint_->connection.reset();
  attached_ = false;
  board_.post([this] { close_session(); });
}

bool GdbServer::take_bytes() {
  std::array<char, 4096> buffer{};
  const ssize_t got = recv(endpoint_->connection.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  board_.post([this, bytes = std::string(buffer.data(), static_cast<std::size_t>(got))] { receive(bytes); });
  return true;
}

bool GdbServer::send_bytes() {
  const std::lock_guard lock(mutex_);
  const ssize_t sent = send(endpoint_->connection.get(), outbox_.data(), outbox_.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  outbox_.erase(0, static_cast<std::size_t>(sent));
  return true;
}

/// One debugger at a time; one that comes while another takes leave has its turn next.
void GdbServer::turn_away() {
  {
    const std::lock_guard lock(mutex_);
    if (hang_up_) return;
  }
  const Descriptor other(accept4(endpoint_->listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

// --- the board's thread
// ---------------------------------------------------------------------------------------

void GdbServer::open_session(std::uint64_t connection) {
  session_.emplace(target_, [this, connection](std::string_view bytes) { queue(connection, bytes); });
  board_.set_attended(true);
  board_.halt(HaltReason::Request);
}

void GdbServer::receive(const std::string& bytes) {
  if (!session_) return;
  session_->receive(bytes);
  if (!session_->over()) return;
  const std::lock_guard lock(mutex_);
  hang_up_ = true;
  wake();
}

void GdbServer::close_session() {
  if (!session_) return;
  session_.reset();
  target_.release();
}

void GdbServer::console(std::string_view text) {
  if (session_) session_->console(text);
}

void GdbServer::exited(int status) {
  if (session_) session_->exited(status);
}

void GdbServer::queue(std::uint64_t connection, std::string_view bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (connection != connection_ || outbox_.size() + bytes.size() > kLargestOutbox) return;
    outbox_ += bytes;
    hang_up_ = hang_up_ || session_->over();  // known before the other side can know
  }
  wake();
}

void GdbServer::wake() const {
  const std::uint64_t one = 1;
  (void)!write(endpoint_->bell.get(), &one, sizeof one);
}

}  // namespace microvisor::board
