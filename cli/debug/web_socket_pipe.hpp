// The stream to a device through the cloud: a WebSocket of the REST API (cloud/API.md).
//
// A thread of its own runs the socket; send() and receive() are the GDB server's.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "cli/credentials.hpp"
#include "cli/debug/device_session.hpp"

namespace microvisor::cli::debug {

class WebSocketPipe final : public Pipe {
 public:
  /// Connects to `path` of the API. The error is one line.
  [[nodiscard]] static tl::expected<std::unique_ptr<WebSocketPipe>, std::string> connect(
      const Credentials& credentials, const std::string& path);
  ~WebSocketPipe() override;
  WebSocketPipe(const WebSocketPipe&) = delete;
  WebSocketPipe& operator=(const WebSocketPipe&) = delete;

  bool send(std::span<const std::uint8_t> bytes) override;
  std::optional<Bytes> receive(std::chrono::milliseconds wait) override;
  std::string why() const override;
  int descriptor() const override;

 private:
  class Socket;
  explicit WebSocketPipe(std::unique_ptr<Socket> socket);
  std::unique_ptr<Socket> socket_;
};

}  // namespace microvisor::cli::debug
