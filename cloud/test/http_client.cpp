// Plain sockets, plain strings: the tests see the bytes.
#include "cloud/test/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud::test {
namespace {

constexpr const char* kBoundary = "----test-boundary";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

HttpReply parse_head(const std::string& head) {
  HttpReply reply;
  reply.status = std::stoi(head.substr(9, 3));
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos) reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = end + 2;
  }
  return reply;
}

std::string part(const std::string& name, const std::string& content, const std::string& extra) {
  return std::string("--") + kBoundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"" + extra +
         "\r\n\r\n" + content + "\r\n";
}

}  // namespace

Socket::Socket(std::uint16_t port) : handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{20, 0};
  ::setsockopt(handle_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(handle_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(handle_);
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
}

Socket::~Socket() { ::close(handle_); }

bool Socket::send(const std::string& bytes) const {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::send(handle_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

std::string Socket::receive() const {
  char buffer[16384];
  const ssize_t count = ::recv(handle_, buffer, sizeof buffer, 0);
  return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
}

HttpReply read_reply(const Socket& socket) {
  std::string bytes;
  std::size_t end = std::string::npos;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = socket.receive();
    if (more.empty()) throw std::runtime_error("the connection ended before an answer");
    bytes += more;
  }
  HttpReply reply = parse_head(bytes.substr(0, end + 2));
  reply.body = bytes.substr(end + 4);
  const auto length = reply.headers.find("content-length");
  const std::size_t size = length == reply.headers.end() ? 0 : std::stoul(length->second);
  while (reply.body.size() < size) {
    const std::string more = socket.receive();
    if (more.empty()) throw std::runtime_error("the answer is cut off");
    reply.body += more;
  }
  return reply;
}

HttpClient::HttpClient(std::uint16_t port_, std::string user_, std::string password_)
    : port(port_), user(std::move(user_)), password(std::move(password_)) {}

std::string HttpClient::head(const std::string& method, const std::string& target) const {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n";
  if (!user.empty()) {
    text += "Authorization: Basic " + protocol::to_base64(protocol::as_bytes(user + ":" + password)) + "\r\n";
  }
  return text;
}

HttpReply HttpClient::request(const std::string& method, const std::string& target, const std::string& type,
                              const std::string& body) const {
  std::string text = head(method, target) + "Connection: close\r\n";
  if (!type.empty()) text += "Content-Type: " + type + "\r\n";
  if (method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  const Socket socket(port);
  socket.send(text + "\r\n" + body);
  return read_reply(socket);
}

HttpReply HttpClient::upload(const std::string& bundle, const std::string& unique_name) const {
  std::string body =
      part("File", bundle, "; filename=\"bundle.zip\"\r\nContent-Type: application/octet-stream");
  if (!unique_name.empty()) body += part("UniqueName", unique_name, "");
  body += std::string("--") + kBoundary + "--\r\n";
  return request("POST", "/v1/Apps", std::string("multipart/form-data; boundary=") + kBoundary, body);
}

LineStream::LineStream(const HttpClient& client, const std::string& target) : socket_(client.port) {
  socket_.send(client.head("GET", target) + "\r\n");
  std::size_t end = std::string::npos;
  while ((end = raw_.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = socket_.receive();
    if (more.empty()) return;
    raw_ += more;
  }
  status_ = parse_head(raw_.substr(0, end + 2)).status;
  raw_.erase(0, end + 4);
}

/// Takes one chunk (RFC 9112, section 7.1) out of what has been received. False at the last one.
bool LineStream::read_more() {
  for (;;) {
    const std::size_t line = raw_.find("\r\n");
    if (line != std::string::npos) {
      const std::size_t size = std::stoul(raw_.substr(0, line), nullptr, 16);
      if (size == 0) return false;
      if (raw_.size() >= line + 2 + size + 2) {
        text_ += raw_.substr(line + 2, size);
        raw_.erase(0, line + 2 + size + 2);
        return true;
      }
    }
    const std::string more = socket_.receive();
    if (more.empty()) return false;
    raw_ += more;
  }
}

std::string LineStream::next() {
  for (;;) {
    const std::size_t end = text_.find('\n');
    if (end == std::string::npos) {
      if (!read_more()) return "";
      continue;
    }
    const std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    if (!line.empty()) return line;
  }
}

}  // namespace microvisor::cloud::test
