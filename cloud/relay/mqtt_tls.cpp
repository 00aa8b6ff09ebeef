// The first thing that OpenSSL finds wrong decides.
#include "cloud/relay/mqtt_tls.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace microvisor::cloud::mqtt {
namespace {

using OwnedStore = Owned<X509_STORE, X509_STORE_free>;
using OwnedPkcs8 = Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

/// Null also if anything stands behind it.
template <class Object, class Read>
Object from_der(const std::string& der, Read read) {
  const auto* start = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = start;
  Object object(read(nullptr, &at, static_cast<long>(der.size())));
  if (at != start + der.size()) object.reset();
  return object;
}

OwnedCertificate certificate_of(const std::string& der) { return from_der<OwnedCertificate>(der, d2i_X509); }

OwnedKey key_of(const std::string& der) {
  const auto wrapped = from_der<OwnedPkcs8>(der, d2i_PKCS8_PRIV_KEY_INFO);
  return OwnedKey(wrapped ? EVP_PKCS82PKEY(wrapped.get()) : nullptr);
}

/// Whoever the device names is trusted, whether they have issued themselves or not.
bool use_authorities(SSL_CTX* context, const std::vector<std::string>& authorities) {
  const OwnedStore store(X509_STORE_new());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  for (const std::string& der : authorities) {
    const OwnedCertificate certificate = certificate_of(der);
    if (!certificate || X509_STORE_add_cert(store.get(), certificate.get()) != 1) return false;
  }
  SSL_CTX_set1_cert_store(context, store.get());
  return true;
}

bool use_identity(SSL_CTX* context, const TlsParameters& parameters) {
  for (std::size_t i = 0; i < parameters.certificates.size(); ++i) {
    const OwnedCertificate certificate = certificate_of(parameters.certificates[i]);
    if (!certificate) return false;
    const long used = i == 0 ? SSL_CTX_use_certificate(context, certificate.get())
                             : SSL_CTX_add1_chain_cert(context, certificate.get());
    if (used != 1) return false;
  }
  const OwnedKey key = key_of(parameters.private_key);
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1;
}

}  // namespace

OwnedSslContext client_context(const TlsParameters& parameters, X509_STORE* otherwise) {
  OwnedSslContext context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (parameters.authorities.empty()) {
    SSL_CTX_set1_cert_store(context.get(), otherwise);
  } else if (!use_authorities(context.get(), parameters.authorities)) {
    context.reset();
  }
  if (context && !parameters.certificates.empty() && !use_identity(context.get(), parameters))
    context.reset();
  ERR_clear_error();
  return context;
}

bool expect_host(SSL* ssl, std::string host) {
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1) return true;
  ERR_clear_error();
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1 &&
         SSL_set1_host(ssl, host.c_str()) == 1;
}

RequestState failure_of(const SSL* ssl, unsigned long error) {
  switch (SSL_get_verify_result(ssl)) {
    case X509_V_OK: break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return RequestState::CertificateExpired;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_CERT_UNTRUSTED: return RequestState::UnknownAuthority;
    default: return RequestState::SocketError;
  }
  // The broker says so of ours.
  const bool ours =
      ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED;
  return ours ? RequestState::CertificateExpired : RequestState::SocketError;
}

}  // namespace microvisor::cloud::mqtt
