// Blocking sockets; shutdown() is what wakes a thread that waits on one.
#include "cloud/test/https_server.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "cloud/relay/http_request.hpp"

namespace microvisor::cloud::test {
namespace {

bool read_request(SSL* tls, HttpsServer::Request& request) {
  std::string bytes;
  std::size_t length = 0;
  std::size_t end = std::string::npos;
  char piece[16384];
  while (end == std::string::npos || bytes.size() < end + 4 + length) {
    const int count = SSL_read(tls, piece, sizeof piece);
    if (count <= 0) return false;
    bytes.append(piece, static_cast<std::size_t>(count));
    if (end != std::string::npos || (end = bytes.find("\r\n\r\n")) == std::string::npos) continue;
    for (std::size_t at = 0; at < end;) {
      const std::size_t stop = std::min(bytes.find("\r\n", at), end);
      (at == 0 ? request.line : request.headers.emplace_back()) = bytes.substr(at, stop - at);
      at = stop + 2;
    }
    const std::string announced = request.header("Content-Length");
    length = announced.empty() ? 0 : std::stoul(announced);
  }
  request.body = bytes.substr(end + 4);
  return true;
}

}  // namespace

std::string HttpsServer::Request::header(const std::string& name) const {
  for (const std::string& each : headers) {
    if (same_name(each.substr(0, each.find(':')), name))
      return std::string(trimmed(std::string_view(each).substr(name.size() + 1)));
  }
  return {};
}

bool HttpsServer::Peer::write(const std::string& bytes) {
  if (bytes.empty()) return true;
  return SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

void HttpsServer::Peer::wait_until_gone() {
  char byte = 0;
  while (SSL_read(tls_, &byte, 1) > 0) {
  }
}

void HttpsServer::Peer::reset() {
  const linger abortive{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
  SSL_set_quiet_shutdown(tls_, 1);
}

HttpsServer::HttpsServer(const Credential& identity, Handler handler, bool v6)
    : context_(server_context(identity)),
      handler_(std::move(handler)),
      listener_([this](int socket) { serve(socket); }, v6) {}

void HttpsServer::serve(int socket) {
  const OwnedSsl tls(SSL_new(context_.get()));
  SSL_set_fd(tls.get(), socket);
  Request request;
  if (SSL_accept(tls.get()) != 1 || !read_request(tls.get(), request)) return;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  Peer peer(tls.get(), socket);
  handler_(request, peer);
  SSL_shutdown(tls.get());
}

std::vector<HttpsServer::Request> HttpsServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace microvisor::cloud::test
