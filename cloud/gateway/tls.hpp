// The gateway's end of TLS as bytes in, bytes out: no sockets, no waiting.
//
// The same channel serves TCP connections and boards whose network is joined in the same process. OpenSSL
// stays behind this file.
#pragma once

#include <memory>
#include <string>

#include "cloud/gateway/pki.hpp"
#include "protocol/bundle/bytes.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cloud {

/// Server side settings, shared by all channels: TLS 1.2 or later, client certificate of the device CA
/// required, session tickets on.
class TlsContext {
 public:
  /// Throws std::runtime_error if the certificates cannot be used.
  explicit TlsContext(const Pki& pki);
  ~TlsContext();
  TlsContext(TlsContext&&) noexcept;

 private:
  friend class TlsChannel;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class TlsChannel {
 public:
  explicit TlsChannel(const TlsContext& context);
  ~TlsChannel();

  enum class Status : std::uint8_t { Handshaking, Open, Closed, Failed };

  /// Takes bytes from the network and appends what they decrypt to.
  Status receive(protocol::ByteView wire, protocol::Bytes& plain);
  /// Encrypts. Only when Open.
  void send(protocol::ByteView plain);
  /// Sends the closing alert.
  void close();
  /// Moves what has to go to the network behind `wire`.
  void take_output(protocol::Bytes& wire);

  [[nodiscard]] Status status() const { return status_; }
  /// Of the verified client certificate, once Open.
  [[nodiscard]] const std::string& common_name() const { return common_name_; }
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
  [[nodiscard]] const std::string& certificate() const { return certificate_; }  ///< PEM
  [[nodiscard]] const protocol::PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] bool resumed() const;
  /// Why it Failed.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void handshake();
  void read(protocol::Bytes& plain);
  void read_identity();
  void fail(const std::string& what);

  struct Impl;
  std::unique_ptr<Impl> impl_;
  Status status_ = Status::Handshaking;
  std::string common_name_;
  std::string fingerprint_;
  std::string certificate_;
  protocol::PublicKey public_key_{};
  std::string error_;
};

}  // namespace microvisor::cloud
