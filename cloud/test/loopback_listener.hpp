// A port on loopback, and a thread for each connection that is made to it.
//
// Its threads belong to it and end with it, whatever they are waiting for on their sockets: so it is the last
// member of who has it, and ends before what its threads use.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "cloud/gateway/openssl.hpp"
#include "cloud/test/tls_authority.hpp"

namespace microvisor::cloud::test {

/// A server's context with this certificate and key.
[[nodiscard]] OwnedSslContext server_context(const Credential& identity);

class LoopbackListener {
 public:
  /// Called on a thread for each connection, which is closed afterwards.
  using Serve = std::function<void(int socket)>;

  explicit LoopbackListener(Serve serve, bool v6 = false);
  ~LoopbackListener();
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// That have been made, whatever became of them.
  [[nodiscard]] int connections() const { return connections_; }
  /// Of these, closed.
  [[nodiscard]] int closed() const { return closed_; }

 private:
  void listen(bool v6);
  void accept_all();
  void serve(int socket);

  Serve serve_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> closed_{0};
  std::mutex mutex_;
  bool stop_ = false;
  std::vector<int> sockets_;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace microvisor::cloud::test
