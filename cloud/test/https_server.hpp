// A server on loopback that says what a test tells it to, well-formed or not, behind TLS with certificates
// made for the purpose.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "cloud/test/loopback_listener.hpp"

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
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  /// That have been made to it, whatever became of them.
  [[nodiscard]] int connections() const { return listener_.connections(); }
  /// Of the requests that were read as a whole.
  [[nodiscard]] std::vector<Request> requests();
  [[nodiscard]] int open() const { return listener_.connections() - listener_.closed(); }

 private:
  void serve(int socket);

  OwnedSslContext context_;
  Handler handler_;
  std::mutex mutex_;
  std::vector<Request> requests_;
  LoopbackListener listener_;
};

}  // namespace microvisor::cloud::test
