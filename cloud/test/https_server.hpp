// A server on loopback that says what a test tells it to, well-formed or not, behind TLS with certificates
// made for the purpose.
//
// Its threads belong to it and end with it, whatever its handler is waiting for: a thread for those who come,
// one for each that has come.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cloud/gateway/openssl.hpp"
#include "cloud/test/tls_authority.hpp"

namespace microvisor::cloud::test {

class HttpsServer {
 public:
  struct Request {
    std::string line;
    std::vector<std::string> headers;
    std::string body;
    /// The value of the first header with this name; empty: there is none.
    [[nodiscard]] std::string header(const std::string& name) const;
  };
  class Peer {
   public:
    Peer(SSL* tls, int socket) : tls_(tls), socket_(socket) {}
    /// False: it has gone.
    bool write(const std::string& bytes);
    /// Until it goes away, or the server ends.
    void wait_until_gone();
    /// Ends the connection by a reset, without a word of TLS.
    void reset();

   private:
    SSL* tls_;
    int socket_;
  };
  using Handler = std::function<void(const Request&, Peer&)>;

  HttpsServer(const Credential& identity, Handler handler, bool v6 = false);
  ~HttpsServer();
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// That have been made to it, whatever became of them.
  [[nodiscard]] int connections() const { return connections_; }
  /// Of the requests that were read as a whole.
  [[nodiscard]] std::vector<Request> requests();
  [[nodiscard]] int open() const { return open_; }

 private:
  void accept_all();
  void serve(int socket);

  OwnedSslContext context_;
  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> open_{0};
  std::mutex mutex_;
  bool stop_ = false;
  std::vector<int> sockets_;
  std::vector<Request> requests_;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace microvisor::cloud::test
