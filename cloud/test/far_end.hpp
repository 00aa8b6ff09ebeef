// The far end of a relayed stream as a test wants it: a server on loopback that hands each connection, behind
// TLS if it has a certificate, to a function of the test's.
#pragma once

#include <functional>
#include <string>

#include "cloud/test/loopback_listener.hpp"

namespace microvisor::cloud::test {

class FarEnd {
 public:
  class Wire {
   public:
    Wire(int socket, SSL* tls) : socket_(socket), tls_(tls) {}
    /// What has come, at most `limit` bytes; empty at the end, or when it has been broken off.
    std::string read(std::size_t limit = 4096);
    /// Exactly so many, or fewer at the end.
    std::string read_exactly(std::size_t count);
    /// False: the other side is gone.
    bool write(const std::string& bytes);
    /// Ends this direction in order, and goes on with the other.
    void finish();
    /// Breaks it off by a reset.
    void reset();
    /// Ends without a word of TLS.
    void cut();
    /// errno of the last read() or write() that failed; 0: there was an end in order.
    [[nodiscard]] int failure() const { return failure_; }

    // As a WebSocket (RFC 6455).
    /// Answers the upgrade. The request.
    std::string accept_web_socket();
    bool write_frame(const std::string& content, int opcode = 2);
    /// Content of the next frame; its opcode, 0 at the end.
    std::string read_frame(int& opcode);

   private:
    int socket_;
    SSL* tls_;
    int failure_ = 0;
    std::string rest_;
  };
  using Handler = std::function<void(Wire&)>;

  explicit FarEnd(Handler handler, const Credential* identity = nullptr);
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  /// That have been made to it, whatever became of them.
  [[nodiscard]] int connections() const { return listener_.connections(); }
  /// Whose function has returned.
  [[nodiscard]] int served() const { return listener_.closed(); }

 private:
  void serve(int socket);

  OwnedSslContext context_;
  Handler handler_;
  LoopbackListener listener_;
};

}  // namespace microvisor::cloud::test
