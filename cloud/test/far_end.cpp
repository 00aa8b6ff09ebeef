// Blocking sockets; shutdown() is what wakes a thread that waits on one.
#include "cloud/test/far_end.hpp"

#include <openssl/evp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace microvisor::cloud::test {
namespace {

/// RFC 6455, section 4.2.2: base 64 of SHA-1 over the key and a constant.
std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[20];
  unsigned char encoded[32] = {};
  EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha1(), nullptr);
  const int length = EVP_EncodeBlock(encoded, digest, sizeof digest);
  return {reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(length)};
}

}  // namespace

std::string FarEnd::Wire::read(std::size_t limit) {
  std::string bytes(limit, '\0');
  errno = 0;
  const auto count = tls_ != nullptr ? SSL_read(tls_, bytes.data(), static_cast<int>(limit))
                                     : ::recv(socket_, bytes.data(), limit, 0);
  if (count < 0) failure_ = errno != 0 ? errno : EPROTO;
  if (count <= 0 && tls_ != nullptr && SSL_get_shutdown(tls_) != 0) failure_ = 0;
  bytes.resize(static_cast<std::size_t>(std::max<decltype(count)>(count, 0)));
  return bytes;
}

std::string FarEnd::Wire::read_exactly(std::size_t count) {
  std::string bytes;
  while (bytes.size() < count) {
    const std::string piece = read(count - bytes.size());
    if (piece.empty()) break;
    bytes += piece;
  }
  return bytes;
}

bool FarEnd::Wire::write(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto count = tls_ != nullptr
                           ? SSL_write(tls_, bytes.data() + done, static_cast<int>(bytes.size() - done))
                           : ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count <= 0) {
      failure_ = errno;
      return false;
    }
    done += static_cast<std::size_t>(count);
  }
  return true;
}

void FarEnd::Wire::finish() {
  if (tls_ != nullptr) {
    SSL_shutdown(tls_);
  } else {
    ::shutdown(socket_, SHUT_WR);
  }
}

void FarEnd::Wire::reset() {
  const linger abortive{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
}

void FarEnd::Wire::cut() { ::shutdown(socket_, SHUT_RDWR); }

std::string FarEnd::Wire::accept_web_socket() {
  std::string request;
  while (!request.ends_with("\r\n\r\n")) {
    const std::string piece = read(1);
    if (piece.empty()) return request;
    request += piece;
  }
  const std::string name = "Sec-WebSocket-Key: ";
  const std::size_t start = request.find(name) + name.size();
  const std::string key = request.substr(start, request.find("\r\n", start) - start);
  write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: " +
      accept_of(key) + "\r\n\r\n");
  return request;
}

bool FarEnd::Wire::write_frame(const std::string& content, int opcode) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (content.size() < 126) {
    frame += static_cast<char>(content.size());
  } else {  // in as few bytes as there can be
    const bool is_short = content.size() < 65536;
    frame += is_short ? '\x7E' : '\x7F';
    for (int shift = is_short ? 8 : 56; shift >= 0; shift -= 8)
      frame += static_cast<char>(content.size() >> shift);
  }
  return write(frame + content);
}

std::string FarEnd::Wire::read_frame(int& opcode) {
  const std::string head = read_exactly(2);
  opcode = head.size() == 2 ? head[0] & 15 : 0;
  if (head.size() < 2) return {};
  std::size_t length = static_cast<unsigned char>(head[1]) & 0x7F;
  const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (more != 0) length = 0;
  for (const char byte : read_exactly(more)) length = length << 8 | static_cast<unsigned char>(byte);
  const std::string mask = read_exactly(4);
  std::string content = read_exactly(length);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] ^= mask[i % 4];
  return content;
}

FarEnd::FarEnd(Handler handler, const Credential* identity)
    : context_(identity != nullptr ? server_context(*identity) : nullptr),
      handler_(std::move(handler)),
      listener_([this](int socket) { serve(socket); }) {}

void FarEnd::serve(int socket) {
  const OwnedSsl tls(context_ ? SSL_new(context_.get()) : nullptr);
  if (tls) SSL_set_fd(tls.get(), socket);
  Wire wire(socket, tls.get());
  if (!tls || SSL_accept(tls.get()) == 1) handler_(wire);
}

}  // namespace microvisor::cloud::test
