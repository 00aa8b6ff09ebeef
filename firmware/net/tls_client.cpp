// See tls_client.hpp.
#include "firmware/net/tls_client.hpp"

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>

#include <algorithm>
#include <array>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::net {
namespace {

constexpr std::uint64_t kStuckWrite = 30 * kSeconds;
constexpr std::size_t kRetainedHeader = 2 + sizeof(crypto::Digest);

int random(void*, unsigned char* out, std::size_t size) {
  return crypto::random({out, size}) ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/// Host names are kept without the zero that mbedTLS wants at their end.
std::array<char, kMaximumHostNameSize + 1> terminated(std::string_view text) {
  std::array<char, kMaximumHostNameSize + 1> copy{};
  std::copy_n(text.begin(), std::min(text.size(), copy.size() - 1), copy.begin());
  return copy;
}

}  // namespace

TlsClient::TlsClient(Stack& stack) : stream_(stack) {
  mbedtls_ssl_config_init(&config_);
  mbedtls_ssl_init(&ssl_);
  mbedtls_x509_crt_init(&ca_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_pk_init(&key_);
}

TlsClient::~TlsClient() {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_config_free(&config_);
  mbedtls_pk_free(&key_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&ca_);
}

bool TlsClient::configure(const vault::Identity& identity) {
  identity_ = &identity;
  const auto ca = identity.gateway_ca.span();
  const auto certificate = identity.device_certificate.span();
  last_error_ = mbedtls_x509_crt_parse_der_nocopy(&ca_, ca.data(), ca.size());
  if (last_error_ != 0) return false;
  last_error_ = mbedtls_x509_crt_parse_der_nocopy(&certificate_, certificate.data(), certificate.size());
  if (last_error_ != 0 || !take_key(identity.device_private_key)) return false;
  last_error_ = mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
  if (last_error_ != 0) return false;
  mbedtls_ssl_conf_rng(&config_, random, nullptr);
  mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&config_, &ca_, nullptr);
  mbedtls_ssl_conf_session_tickets(&config_, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
  last_error_ = mbedtls_ssl_conf_max_frag_len(&config_, MBEDTLS_SSL_MAX_FRAG_LEN_2048);
  if (last_error_ == 0) last_error_ = mbedtls_ssl_conf_own_cert(&config_, &certificate_, &key_);
  return last_error_ == 0;
}

/// The vault has the bare scalar; the public half is the certificate's.
bool TlsClient::take_key(const crypto::PrivateKey& key) {
  if (!mbedtls_pk_can_do(&certificate_.pk, MBEDTLS_PK_ECKEY)) return false;
  last_error_ = mbedtls_pk_setup(&key_, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (last_error_ != 0) return false;
  mbedtls_ecp_keypair& pair = *mbedtls_pk_ec(key_);
  last_error_ = mbedtls_ecp_read_key(MBEDTLS_ECP_DP_SECP256R1, &pair, key.data(), key.size());
  if (last_error_ == 0) last_error_ = mbedtls_ecp_copy(&pair.Q, &mbedtls_pk_ec(certificate_.pk)->Q);
  return last_error_ == 0;
}

TlsResult TlsClient::connect(std::uint64_t timeout) {
  close();
  if (identity_ == nullptr) return TlsResult::BadIdentity;
  const std::uint64_t deadline = stack().platform().now() + timeout;
  const ConnectResult reached =
      stream_.connect(identity_->gateway_host.text(), identity_->gateway_port, timeout);
  if (reached != ConnectResult::Connected) return TlsResult::NotReached;
  const TlsResult result = handshake(deadline);
  if (result == TlsResult::Connected) {
    ended_ = false;
    return result;
  }
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_init(&ssl_);
  open_ = false;
  stream_.abort();
  return result;
}

TlsResult TlsClient::handshake(std::uint64_t deadline) {
  last_error_ = mbedtls_ssl_setup(&ssl_, &config_);
  if (last_error_ != 0) return TlsResult::NoMemory;
  open_ = true;
  last_error_ = mbedtls_ssl_set_hostname(&ssl_, terminated(identity_->gateway_server_name.text()).data());
  if (last_error_ != 0) return TlsResult::NoMemory;
  mbedtls_ssl_set_bio(&ssl_, this, send, receive, nullptr);
  // The client hello's session id, echoed by the gateway, is what tells a resumption (RFC 5077 section 3.4).
  resumed_ = offer_session();
  for (;;) {
    if (ssl_.state == MBEDTLS_SSL_SERVER_CERTIFICATE) resumed_ = false;
    last_error_ = mbedtls_ssl_handshake_step(&ssl_);
    if (last_error_ == 0 && ssl_.state == MBEDTLS_SSL_HANDSHAKE_OVER) break;
    if (last_error_ == 0) continue;
    if (last_error_ != MBEDTLS_ERR_SSL_WANT_READ && last_error_ != MBEDTLS_ERR_SSL_WANT_WRITE) {
      forget_session();  // perhaps it was the ticket
      return classify(last_error_);
    }
    if (stack().platform().now() >= deadline) return TlsResult::TimedOut;
    stack().wait(deadline);
  }
  keep_session();
  return TlsResult::Connected;
}

TlsResult TlsClient::classify(int error) const {
  switch (error) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return TlsResult::WrongServer;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: return TlsResult::Refused;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_MPI_ALLOC_FAILED: return TlsResult::NoMemory;
    default: return TlsResult::Failed;
  }
}

bool TlsClient::offer_session() {
  const auto kept = retained_session();
  if (kept.empty()) return false;
  mbedtls_ssl_session session;  // ssl_ takes a copy
  mbedtls_ssl_session_init(&session);
  const bool offered = mbedtls_ssl_session_load(&session, kept.data(), kept.size()) == 0 &&
                       mbedtls_ssl_set_session(&ssl_, &session) == 0;
  mbedtls_ssl_session_free(&session);
  return offered;
}

/// After power-on the memory holds anything; the digest tells.
std::span<const std::uint8_t> TlsClient::retained_session() const {
  if (retained_.size() <= kRetainedHeader) return {};
  const std::size_t size = static_cast<std::size_t>(retained_[0]) | static_cast<std::size_t>(retained_[1])
                                                                        << 8;
  if (size == 0 || size > retained_.size() - kRetainedHeader) return {};
  const auto body = retained_.subspan(kRetainedHeader, size);
  crypto::Digest digest{};
  std::copy_n(retained_.begin() + 2, digest.size(), digest.begin());
  const bool whole = crypto::equal(crypto::sha256(body), digest) == crypto::Verdict::Valid;
  return whole ? body : std::span<const std::uint8_t>();
}

void TlsClient::keep_session() {
  if (retained_.size() <= kRetainedHeader) return;
  std::size_t size = 0;
  const auto body = retained_.subspan(kRetainedHeader);
  const bool saved = mbedtls_ssl_session_save(ssl_.session, body.data(), body.size(), &size) == 0;
  retain(saved && size <= 0xFFFF ? size : 0);
}

/// Retained memory: size of the session (2 bytes, little-endian), SHA-256 of what follows, the session.
void TlsClient::retain(std::size_t size) {
  if (retained_.size() <= kRetainedHeader) return;
  retained_[0] = static_cast<std::uint8_t>(size);
  retained_[1] = static_cast<std::uint8_t>(size >> 8);
  const crypto::Digest digest = crypto::sha256(retained_.subspan(kRetainedHeader, size));
  std::copy(digest.begin(), digest.end(), retained_.begin() + 2);
}

std::size_t TlsClient::read(std::span<std::uint8_t> into) {
  if (ended_ || into.empty()) return 0;
  const int result = mbedtls_ssl_read(&ssl_, into.data(), into.size());
  if (result > 0) return static_cast<std::size_t>(result);
  if (result != MBEDTLS_ERR_SSL_WANT_READ && result != MBEDTLS_ERR_SSL_WANT_WRITE) {
    last_error_ = result;
    ended_ = true;
  }
  return 0;
}

bool TlsClient::write(std::span<const std::uint8_t> bytes) {
  std::uint64_t deadline = stack().platform().now() + kStuckWrite;
  while (!ended_ && !bytes.empty()) {
    const int result = mbedtls_ssl_write(&ssl_, bytes.data(), bytes.size());
    if (result > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(result));
      deadline = stack().platform().now() + kStuckWrite;
    } else if (result != MBEDTLS_ERR_SSL_WANT_READ && result != MBEDTLS_ERR_SSL_WANT_WRITE) {
      last_error_ = result;
      ended_ = true;
    } else if (stack().platform().now() >= deadline) {
      ended_ = true;
    } else {
      stack().wait(deadline);
    }
  }
  return !ended_;
}

void TlsClient::close() {
  if (open_) {
    if (!ended_) static_cast<void>(mbedtls_ssl_close_notify(&ssl_));
    mbedtls_ssl_free(&ssl_);
    mbedtls_ssl_init(&ssl_);
    open_ = false;
  }
  ended_ = true;
  stream_.close();
}

int TlsClient::send(void* context, const unsigned char* bytes, std::size_t size) {
  auto& self = *static_cast<TlsClient*>(context);
  const std::size_t taken = self.stream_.write({bytes, size});
  if (taken != 0) return static_cast<int>(taken);
  return self.stream_.ended() ? MBEDTLS_ERR_SSL_CONN_EOF : MBEDTLS_ERR_SSL_WANT_WRITE;
}

int TlsClient::receive(void* context, unsigned char* bytes, std::size_t size) {
  auto& self = *static_cast<TlsClient*>(context);
  const std::size_t count = self.stream_.read({bytes, size});
  if (count != 0) return static_cast<int>(count);
  return self.stream_.ended() ? MBEDTLS_ERR_SSL_CONN_EOF : MBEDTLS_ERR_SSL_WANT_READ;
}

}  // namespace microvisor::firmware::net
