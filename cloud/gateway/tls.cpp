// OpenSSL between two memory BIOs. Its error queue is emptied after each call: it belongs to the thread, not
// to the channel.
#include "cloud/gateway/tls.hpp"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "cloud/gateway/openssl.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cloud {
namespace {

// Devices have little room for a record (RFC 8446, section 5.1 allows 16 KiB); frames are at most 2 KiB
// anyway.
constexpr long kMaxRecordBytes = 2048;
constexpr std::string_view kSessionContext = "microvisor gateway";

OwnedCertificate certificate_of(const std::string& pem) {
  OwnedCertificate certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) throw_openssl("certificate");
  return certificate;
}

}  // namespace

struct TlsContext::Impl {
  OwnedSslContext context;
};

TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

TlsContext::TlsContext(const Pki& pki) : impl_(std::make_unique<Impl>()) {
  impl_->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = impl_->context.get();
  if (context == nullptr) throw_openssl("TLS");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384");
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_max_send_fragment(context, kMaxRecordBytes);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // thousands of idle connections
  const OwnedKey key(PEM_read_bio_PrivateKey(bio_of(pki.gateway().key).get(), nullptr, nullptr, nullptr));
  if (!key || SSL_CTX_use_certificate(context, certificate_of(pki.gateway().certificate).get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    throw_openssl("certificate of the gateway");
  }
  const OwnedCertificate root = certificate_of(pki.device_ca());
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get());
  SSL_CTX_add_client_CA(context, root.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_id_context(context, protocol::as_bytes(kSessionContext).data(),
                                 static_cast<unsigned>(kSessionContext.size()));
}

struct TlsChannel::Impl {
  OwnedSsl ssl;
  BIO* in = nullptr;   // owned by ssl
  BIO* out = nullptr;  // owned by ssl
};

TlsChannel::TlsChannel(const TlsContext& context) : impl_(std::make_unique<Impl>()) {
  impl_->ssl.reset(SSL_new(context.impl_->context.get()));
  impl_->in = BIO_new(BIO_s_mem());
  impl_->out = BIO_new(BIO_s_mem());
  if (!impl_->ssl || impl_->in == nullptr || impl_->out == nullptr) throw_openssl("TLS channel");
  SSL_set_bio(impl_->ssl.get(), impl_->in, impl_->out);
  SSL_set_accept_state(impl_->ssl.get());
}

TlsChannel::~TlsChannel() = default;

TlsChannel::Status TlsChannel::receive(protocol::ByteView wire, protocol::Bytes& plain) {
  if (status_ == Status::Failed || status_ == Status::Closed) return status_;
  BIO_write(impl_->in, wire.data(), static_cast<int>(wire.size()));
  if (status_ == Status::Handshaking) handshake();
  if (status_ == Status::Open) read(plain);
  return status_;
}

void TlsChannel::handshake() {
  const int result = SSL_do_handshake(impl_->ssl.get());
  if (result == 1) {
    status_ = Status::Open;
    read_identity();
    return;
  }
  const int reason = SSL_get_error(impl_->ssl.get(), result);
  if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) fail("TLS handshake");
  ERR_clear_error();
}

void TlsChannel::read(protocol::Bytes& plain) {
  std::uint8_t buffer[4096];
  for (;;) {
    const int count = SSL_read(impl_->ssl.get(), buffer, sizeof buffer);
    if (count > 0) {
      plain.insert(plain.end(), buffer, buffer + count);
      continue;
    }
    const int reason = SSL_get_error(impl_->ssl.get(), count);
    if (reason == SSL_ERROR_ZERO_RETURN) {
      status_ = Status::Closed;
    } else if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
      fail("TLS");
    }
    ERR_clear_error();
    return;
  }
}

void TlsChannel::read_identity() {
  const OwnedCertificate certificate(SSL_get1_peer_certificate(impl_->ssl.get()));
  if (!certificate) return fail("no client certificate");
  char name[128] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
  common_name_ = name;
  protocol::Hash hash{};
  unsigned int size = 0;
  X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size);
  fingerprint_ = protocol::to_hex(hash);
  certificate_ =
      written("writing a certificate", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
  // Its keys are on P-256, and encoded as points (pki.cpp issues no other certificates).
  std::size_t length = 0;
  EVP_PKEY_get_octet_string_param(X509_get0_pubkey(certificate.get()), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                  public_key_.data(), public_key_.size(), &length);
  if (length != public_key_.size()) fail("no client certificate of P-256");
}

void TlsChannel::fail(const std::string& what) {
  status_ = Status::Failed;
  char reason[160] = "ended by the other side";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  error_ = what + ": " + reason;
}

void TlsChannel::send(protocol::ByteView plain) {
  if (status_ != Status::Open || plain.empty()) return;
  // A memory BIO takes everything, so the write is never partial.
  if (SSL_write(impl_->ssl.get(), plain.data(), static_cast<int>(plain.size())) <= 0) fail("TLS");
}

void TlsChannel::close() {
  if (status_ != Status::Open) return;
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
  status_ = Status::Closed;
}

void TlsChannel::take_output(protocol::Bytes& wire) {
  const auto pending = BIO_ctrl_pending(impl_->out);
  if (pending == 0) return;
  const std::size_t start = wire.size();
  wire.resize(start + pending);
  BIO_read(impl_->out, &wire[start], static_cast<int>(pending));
}

bool TlsChannel::resumed() const { return SSL_session_reused(impl_->ssl.get()) == 1; }

}  // namespace microvisor::cloud
