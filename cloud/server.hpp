// The cloud in one process: REST API, device gateway and store behind two ports.
//
// A Server owns one thread, on which everything in it runs; its own functions may be called from any other
// thread. It is what `microvisor cloud serve` runs as a daemon and what `microvisor run` runs inside itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "cloud/relay/options.hpp"

namespace microvisor::cloud {

class Clock;

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";   ///< REST API; port 0 picks a free one. Loopback only (no TLS here)
  std::string gateway = "127.0.0.1:8883";  ///< device gateway (TLS); port 0 picks a free one
  std::string data;                        ///< directory of store, keys and credentials.json; made if missing
  std::string base_url;                    ///< written into credentials.json; empty: http://<listen address>
  /// What devices are told to connect to, HOST:PORT; empty: the address of the gateway.
  std::string advertised_gateway;
  bool quiet = false;  ///< no diagnostics on stderr
  RelayOptions relay;  ///< what devices reach through the cloud beside the public internet
  /// The time of day; null: the system's. Read on the server's thread, must outlive the server. A private
  /// cloud beside a virtual board that is not paced keeps the board's time, so that periods in the log are
  /// the board's.
  const Clock* clock = nullptr;
};

/// What DIR/credentials.json holds.
struct Credentials {
  std::string account_sid;
  std::string auth_token;
  std::string base_url;
  std::string gateway;  ///< HOST:PORT
};

/// Reads a credentials file. The error is one line.
tl::expected<Credentials, std::string> read_credentials(const std::string& path);

class Server {
 public:
  /// Opens the store, makes the first account and credentials.json if the directory is empty or missing,
  /// binds both ports and starts the thread: when it returns, GET /health answers. The error is one line.
  static tl::expected<std::unique_ptr<Server>, std::string> start(const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Says goodbye to devices, ends log streams, closes the store. Also done by the destructor.
  void stop();
  /// Blocks until stop() has been called (from a signal handler's thread, for example).
  void wait();

  [[nodiscard]] std::uint16_t api_port() const;
  [[nodiscard]] std::uint16_t gateway_port() const;
  [[nodiscard]] const std::string& base_url() const;
  /// Of the data directory's credentials.json (also when it existed before; URL and gateway are those of this
  /// start).
  [[nodiscard]] const Credentials& credentials() const;
  [[nodiscard]] const std::string& credentials_path() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace microvisor::cloud
