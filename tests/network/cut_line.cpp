// See cut_line.hpp. A socket is closed by whoever joins the two threads that use it.
#include "tests/network/cut_line.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace microvisor::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// Closing it is a reset from now on.
void reset_at_close(int socket) {
  const linger at_once{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::uint64_t carried_by(int socket) {
  constexpr std::uint64_t kHeaders = 40;  // of IP and TCP, without options
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_bytes_received + info.tcpi_bytes_acked +
         kHeaders * (std::uint64_t{info.tcpi_segs_in} + info.tcpi_segs_out);
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  close(socket);
  return -1;
}

}  // namespace

CutLine::CutLine() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port for a line");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

CutLine::~CutLine() {
  stop_ = true;
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  close(listener_);
  cut();
}

void CutLine::accept_all() {
  while (!stop_) {
    const int near = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (near < 0) continue;
    const int far = connect_to(target_);
    if (far < 0) {
      close(near);
      continue;
    }
    const int yes = 1;
    for (const int socket : {near, far}) setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const std::lock_guard lock(mutex_);
    forget_dead();
    Pair& pair = pairs_.emplace_back();
    pair.near = near;
    pair.far = far;
    pair.running = 2;
    ++standing_;
    pair.up = std::thread([this, &pair] { pass_on(pair, pair.near, pair.far); });
    pair.down = std::thread([this, &pair] { pass_on(pair, pair.far, pair.near); });
  }
}

/// An end in one direction is passed on; a failure ends both.
void CutLine::pass_on(Pair& pair, int from, int to) {
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t count = recv(from, bytes.data(), bytes.size(), 0);
    if (count > 0 && send(to, bytes.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count) continue;
    if (pair.cut) {
      // whoever cuts it closes the sockets
    } else if (count == 0) {
      shutdown(to, SHUT_WR);
    } else {
      shutdown(from, SHUT_RDWR);
      shutdown(to, SHUT_RDWR);
    }
    break;
  }
  if (from == pair.far) --standing_;
  --pair.running;
}

void CutLine::forget_dead() {
  for (auto pair = pairs_.begin(); pair != pairs_.end();) {
    if (pair->running != 0) {
      ++pair;
      continue;
    }
    pair->up.join();
    pair->down.join();
    carried_ += carried_by(pair->near);
    close(pair->near);
    close(pair->far);
    pair = pairs_.erase(pair);
  }
}

std::uint64_t CutLine::carried() {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = carried_;
  for (const Pair& pair : pairs_) sum += carried_by(pair.near);
  return sum;
}

void CutLine::cut() {
  const std::lock_guard lock(mutex_);
  for (Pair& pair : pairs_) {
    pair.cut = true;
    for (const int socket : {pair.near, pair.far}) {
      reset_at_close(socket);
      shutdown(socket, SHUT_RD);  // wakes its reader
    }
    pair.up.join();
    pair.down.join();
    close(pair.near);
    close(pair.far);
  }
  pairs_.clear();
}

}  // namespace microvisor::test
