// Blocking sockets; shutdown() is what wakes a thread that waits on one.
#include "cloud/test/https_server.hpp"

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>

#include "cloud/relay/http_request.hpp"
#include "protocol/bundle/crypto.hpp"

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
    : context_(SSL_CTX_new(TLS_server_method())), handler_(std::move(handler)) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto& [certificate_pem, key_pem, certificate, key] = identity;
  const auto bytes = [](const std::string& der) {
    return reinterpret_cast<const unsigned char*>(der.data());
  };
  if (SSL_CTX_use_certificate_ASN1(context_.get(), static_cast<int>(certificate.size()),
                                   bytes(certificate)) != 1 ||
      SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, context_.get(), bytes(key), static_cast<long>(key.size())) !=
          1)
    throw_openssl("the server's certificate and key");
  listener_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage address{};
  address.ss_family = v6 ? AF_INET6 : AF_INET;
  auto& v4_address = reinterpret_cast<sockaddr_in&>(address);
  auto& v6_address = reinterpret_cast<sockaddr_in6&>(address);
  if (v6) {
    v6_address.sin6_addr = in6addr_loopback;
  } else {
    v4_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  socklen_t length = v6 ? sizeof v6_address : sizeof v4_address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, raw, length) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, raw, &length) != 0)
    throw std::runtime_error("cannot listen on loopback");
  port_ = ntohs(v6 ? v6_address.sin6_port : v4_address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

HttpsServer::~HttpsServer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

void HttpsServer::accept_all() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    if (stop_) {
      ::close(socket);
      return;
    }
    ++connections_;
    ++open_;
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void HttpsServer::serve(int socket) {
  {
    const OwnedSsl tls(SSL_new(context_.get()));
    SSL_set_fd(tls.get(), socket);
    Request request;
    if (SSL_accept(tls.get()) == 1 && read_request(tls.get(), request)) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      Peer peer(tls.get(), socket);
      handler_(request, peer);
      SSL_shutdown(tls.get());
    }
    ERR_clear_error();
  }
  const std::lock_guard lock(mutex_);
  std::erase(sockets_, socket);
  ::close(socket);
  --open_;
}

std::vector<HttpsServer::Request> HttpsServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace microvisor::cloud::test
