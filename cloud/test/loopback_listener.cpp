// Blocking sockets; shutdown() is what wakes a thread that waits on one.
#include "cloud/test/loopback_listener.hpp"

#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::cloud::test {

OwnedSslContext server_context(const Credential& identity) {
  OwnedSslContext context(SSL_CTX_new(TLS_server_method()));
  const auto& [certificate_pem, key_pem, certificate, key] = identity;
  const auto bytes = [](const std::string& der) {
    return reinterpret_cast<const unsigned char*>(der.data());
  };
  if (SSL_CTX_use_certificate_ASN1(context.get(), static_cast<int>(certificate.size()), bytes(certificate)) !=
          1 ||
      SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, context.get(), bytes(key), static_cast<long>(key.size())) != 1)
    throw_openssl("the server's certificate and key");
  return context;
}

LoopbackListener::LoopbackListener(Serve serve, bool v6) : serve_(std::move(serve)) {
  std::signal(SIGPIPE, SIG_IGN);
  listen(v6);
  accepting_ = std::thread([this] { accept_all(); });
}

LoopbackListener::~LoopbackListener() {
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

void LoopbackListener::listen(bool v6) {
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
}

void LoopbackListener::accept_all() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    if (stop_) {
      ::close(socket);
      return;
    }
    ++connections_;
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void LoopbackListener::serve(int socket) {
  serve_(socket);
  ERR_clear_error();
  const std::lock_guard lock(mutex_);
  std::erase(sockets_, socket);
  ::close(socket);
  ++closed_;
}

}  // namespace microvisor::cloud::test
