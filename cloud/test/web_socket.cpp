// Frames as RFC 6455, section 5.2, lays them out.
#include "cloud/test/web_socket.hpp"

namespace microvisor::cloud::test {

WebSocket::WebSocket(const HttpClient& client, const std::string& target) : socket_(client.port) {
  socket_.send(client.head("GET", target) +
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  reply_ = read_reply(socket_);
  if (reply_.status == 101) raw_ = reply_.body;
}

bool WebSocket::send(const std::string& bytes, int opcode) const {
  constexpr int kFinal = 0x80, kMasked = 0x80;
  std::string frame(1, static_cast<char>(kFinal | opcode));
  if (bytes.size() < 126) {
    frame += static_cast<char>(kMasked | static_cast<int>(bytes.size()));
  } else {
    frame += static_cast<char>(kMasked | 126);
    frame += static_cast<char>(bytes.size() >> 8);
    frame += static_cast<char>(bytes.size());
  }
  return socket_.send(frame + std::string(4, '\0') + bytes);
}

/// At least so many bytes that have not been looked at.
bool WebSocket::fill(std::size_t size) {
  while (raw_.size() < size) {
    const std::string more = socket_.receive();
    if (more.empty()) return false;
    raw_ += more;
  }
  return true;
}

std::string WebSocket::receive() {
  while (close_code_ == 0 && fill(2)) {
    const int opcode = raw_[0] & 0x0F;
    std::size_t size = static_cast<unsigned char>(raw_[1]) & 0x7FU;
    std::size_t header = 2;
    if (size == 126) {
      header = 4;
      if (!fill(header)) return {};
      size = static_cast<std::size_t>(static_cast<unsigned char>(raw_[2])) << 8 |
             static_cast<unsigned char>(raw_[3]);
    }
    if (!fill(header + size)) return {};
    std::string contents = raw_.substr(header, size);
    raw_.erase(0, header + size);
    if (opcode == kPing) send(contents, kPong);
    if (opcode == kClose) {
      close_code_ = contents.size() < 2 ? 1005
                                        : static_cast<unsigned char>(contents[0]) << 8 |
                                              static_cast<unsigned char>(contents[1]);
      if (contents.size() > 2) close_reason_ = contents.substr(2);
      send(contents.substr(0, 2), kClose);
      return {};
    }
    if (opcode == kBinary || opcode == 0) return contents;
  }
  return {};
}

std::string WebSocket::receive(std::size_t count) {
  while (rest_.size() < count) {
    const std::string more = receive();
    if (more.empty()) break;
    rest_ += more;
  }
  std::string bytes = rest_.substr(0, count);
  rest_.erase(0, bytes.size());
  return bytes;
}

}  // namespace microvisor::cloud::test
