// TLS 1.2 to the gateway: mbedTLS over a TcpStream, with the device's certificate and the gateway's CA from
// the vault.
//
// One cipher suite (ECDHE-ECDSA, AES-128-GCM, SHA-256), records of at most 2 KiB (RFC 6066 maximum fragment
// length), sessions resumed by ticket (RFC 5077) for as long as the kernel runs. Owned by the link, lives in
// the worker; the memory of mbedTLS is the arena of crypto::initialise_memory().
#pragma once

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <cstdint>
#include <span>

#include "firmware/net/tcp_stream.hpp"
#include "firmware/vault/identity.hpp"

namespace microvisor::firmware::net {

enum class TlsResult : std::uint8_t {
  Connected,
  BadIdentity,  ///< a certificate or key in the vault cannot be used
  NotReached,   ///< no TCP connection
  Refused,      ///< the gateway broke the handshake off: it does not take this device
  WrongServer,  ///< the gateway's certificate is not what the vault wants
  TimedOut,
  NoMemory,
  Failed,
};

class TlsClient {
 public:
  explicit TlsClient(Stack& stack);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// What a session takes, its ticket being at most as long as a client hello of ours can hold.
  static constexpr std::size_t kSessionMemory = 2560;
  /// Memory that outlives a reset of the chip, in which the session is kept. What is found there is used if
  /// it is whole. A session that does not fit is not resumed.
  void keep_session_in(std::span<std::uint8_t> memory) { retained_ = memory; }
  /// Takes certificates and key. `identity` must outlive the client: the certificates are used where they
  /// are. False: they cannot be used.
  [[nodiscard]] bool configure(const vault::Identity& identity);
  /// Connects and authenticates both ways. Blocks up to `timeout` microseconds.
  [[nodiscard]] TlsResult connect(std::uint64_t timeout);
  /// Takes decrypted bytes; 0 if there are none now. After the end of the stream ended() is true.
  [[nodiscard]] std::size_t read(std::span<std::uint8_t> into);
  /// Encrypts and queues all of it, waiting for room. False if the connection is gone or takes nothing for 30
  /// s.
  [[nodiscard]] bool write(std::span<const std::uint8_t> bytes);
  /// Waits until the gateway has acknowledged everything. False at the deadline.
  [[nodiscard]] bool flush(std::uint64_t deadline) { return stream_.flush(deadline); }
  /// Whether all that was written is with the peer's TCP.
  [[nodiscard]] bool delivered() const { return stream_.delivered(); }
  /// Whether what is written now would wait behind something else.
  [[nodiscard]] bool held_back() const { return stream_.held_back(); }
  [[nodiscard]] bool ended() const { return ended_; }
  /// Orderly: close_notify and FIN.
  void close();
  [[nodiscard]] Stack& stack() { return stream_.stack(); }

  [[nodiscard]] bool resumed() const { return resumed_; }
  /// What mbedTLS said last, for diagnosis.
  [[nodiscard]] int last_error() const { return last_error_; }

 private:
  static int send(void* context, const unsigned char* bytes, std::size_t size);
  static int receive(void* context, unsigned char* bytes, std::size_t size);
  [[nodiscard]] bool take_key(const crypto::PrivateKey& key);
  [[nodiscard]] TlsResult handshake(std::uint64_t deadline);
  [[nodiscard]] TlsResult classify(int error) const;
  [[nodiscard]] bool offer_session();
  [[nodiscard]] std::span<const std::uint8_t> retained_session() const;
  void keep_session();
  void forget_session() { retain(0); }
  void retain(std::size_t size);

  TcpStream stream_;
  const vault::Identity* identity_ = nullptr;
  mbedtls_ssl_config config_{};
  mbedtls_ssl_context ssl_{};
  mbedtls_x509_crt ca_{};
  mbedtls_x509_crt certificate_{};
  mbedtls_pk_context key_{};
  std::span<std::uint8_t> retained_;  // the session of the last connection, with its ticket
  bool open_ = false;                 // ssl_ is set up
  bool resumed_ = false;
  bool ended_ = true;
  int last_error_ = 0;
};

}  // namespace microvisor::firmware::net
