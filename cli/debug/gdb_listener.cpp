// See gdb_listener.hpp.
#include "cli/debug/gdb_listener.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "board/debug/gdb_session.hpp"

namespace microvisor::cli::debug {

using namespace std::chrono_literals;

namespace {

constexpr int kTurn = 200;  // milliseconds: how often keep_going is asked
/// How long GDB may leave what it has asked for unread, until it counts as gone.
constexpr timeval kSendTime{.tv_sec = 5, .tv_usec = 0};

/// What is left of a socket's bytes to be sent or read.
class Stream {
 public:
  explicit Stream(int descriptor) : descriptor_(descriptor) {}

  /// GDB reads what it has asked for, so waiting for room does not last. Who does not read has gone: a part
  /// of the bytes is sent only where the socket's time for it is over.
  void send_all(std::string_view bytes) {
    ssize_t sent = -1;
    while (sent < 0 && !broken_) {
      sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      broken_ = sent < 0 ? errno != EINTR : static_cast<std::size_t>(sent) != bytes.size();
    }
  }
  /// Nothing: the other side has gone.
  std::optional<std::string_view> receive() {
    const ssize_t size = ::recv(descriptor_, buffer_.data(), buffer_.size(), 0);
    if (size <= 0) return std::nullopt;
    return std::string_view(buffer_.data(), static_cast<std::size_t>(size));
  }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  int descriptor_;
  bool broken_ = false;
  std::array<char, 4096> buffer_{};
};

bool parse(std::string_view where, sockaddr_in& address) {
  std::string host = "127.0.0.1";
  if (const auto colon = where.rfind(':'); colon != std::string_view::npos) {
    host = where.substr(0, colon);
    where.remove_prefix(colon + 1);
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(where.data(), where.data() + where.size(), port);
  if (error != std::errc{} || end != where.data() + where.size()) return false;
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
}

bool readable(const pollfd& entry) { return (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0; }

/// One GDB and the device, until either has gone.
class Conversation {
 public:
  Conversation(PolledTarget& target, int socket, const std::function<void(std::string_view)>& tell)
      : target_(target),
        socket_(socket),
        tell_(tell),
        session_(
            target, [this](std::string_view bytes) { socket_.send_all(bytes); }, target.last_halt()) {}

  /// False: GDB has left, or is not wanted any more.
  [[nodiscard]] bool hear_gdb() {
    const auto bytes = socket_.receive();
    if (!bytes) return false;
    session_.receive(*bytes);
    return !session_.over() && !socket_.broken();
  }

  /// False: the session with the device is over.
  [[nodiscard]] bool hear_device() {
    const auto event = target_.poll(0ms);
    if (!event) return true;
    if (!event->text.empty()) {
      tell_(event->text);
      session_.console(event->text);
    }
    if (event->halt) session_.halted(*event->halt);
    if (event->over) session_.exited(0);
    return !event->over;
  }
  [[nodiscard]] bool detached() const { return session_.over(); }

 private:
  PolledTarget& target_;
  Stream socket_;
  const std::function<void(std::string_view)>& tell_;
  board::GdbSession session_;
};

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

tl::expected<GdbListener, std::string> GdbListener::listen(std::string_view where) {
  sockaddr_in address{};
  if (!parse(where, address)) return tl::unexpected(fmt::format("{} is no port and no ADDRESS:PORT", where));
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (socket.get() < 0 || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(socket.get(), 1) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return tl::unexpected(fmt::format("cannot listen at {}: {}", where, std::strerror(errno)));
  }
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return GdbListener(std::move(socket), fmt::format("{}:{}", text.data(), ntohs(address.sin_port)));
}

std::optional<GdbConnection> GdbListener::wait(const std::function<bool()>& meanwhile) const {
  while (meanwhile()) {
    pollfd entry{socket_.get(), POLLIN, 0};
    if (::poll(&entry, 1, kTurn) <= 0 || !readable(entry)) continue;
    Descriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() < 0) continue;
    const int on = 1;
    ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTime, sizeof kSendTime);
    return GdbConnection(std::move(connection));
  }
  return std::nullopt;
}

GdbConnection::End GdbConnection::serve(PolledTarget& target, int target_descriptor,
                                        const std::function<bool()>& keep_going,
                                        const std::function<void(std::string_view)>& tell) {
  Conversation gdb(target, socket_.get(), tell);
  while (keep_going()) {
    std::array<pollfd, 2> waits{pollfd{socket_.get(), POLLIN, 0}, pollfd{target_descriptor, POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), kTurn) < 0 && errno != EINTR) break;
    if (readable(waits[0]) && !gdb.hear_gdb()) {
      if (!gdb.detached()) target.release();
      return End::Left;
    }
    if (!gdb.hear_device()) return End::TargetOver;
  }
  target.release();
  return End::Stopped;
}

}  // namespace microvisor::cli::debug
