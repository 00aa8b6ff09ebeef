// A server with a data directory of its own, for the time of a test.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "cloud/server.hpp"
#include "cloud/test/http_client.hpp"
#include "protocol/bundle/bundle.hpp"

namespace microvisor::cloud::test {

struct RunningServer {
  std::string directory;
  std::unique_ptr<Server> server;

  RelayOptions relay;

  explicit RunningServer(RelayOptions relay_options = {}) : relay(std::move(relay_options)) {
    static std::atomic<int> count{0};
    directory = std::filesystem::temp_directory_path() /
                ("mv-cloud-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::remove_all(directory);
    start();
  }
  ~RunningServer() {
    server.reset();
    std::filesystem::remove_all(directory);
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] ServerOptions options() const {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.gateway = "127.0.0.1:0";
    options.data = directory;
    options.quiet = true;
    options.relay = relay;
    return options;
  }
  void start() { start(options()); }
  void start(const ServerOptions& with) {
    auto started = Server::start(with);
    if (!started) throw std::runtime_error(started.error());
    server = std::move(*started);
  }
  void restart() { restart(options()); }
  void restart(const ServerOptions& with) {
    server.reset();
    start(with);
  }
  [[nodiscard]] HttpClient client() const {
    return {server->api_port(), server->credentials().account_sid, server->credentials().auth_token};
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server->api_port()) + path;
  }
};

/// The zip of an unsigned bundle whose image is `size` bytes made from `seed`.
inline std::string bundle_zip(unsigned seed, std::size_t size = 3000) {
  protocol::Bytes image(size);
  for (std::size_t i = 0; i < size; ++i)
    image[i] = static_cast<std::uint8_t>((i * 31 + seed * 17) ^ (i >> 8));
  const auto bundle = protocol::make_bundle(image, {});
  const auto zip = protocol::write_bundle(*bundle);
  return {zip.begin(), zip.end()};
}

}  // namespace microvisor::cloud::test
