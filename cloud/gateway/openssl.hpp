// Owners for the OpenSSL objects that this folder uses.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace microvisor::cloud {

template <auto Free>
struct OpenSslDeleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using OwnedBio = std::unique_ptr<BIO, OpenSslDeleter<BIO_free_all>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, OpenSslDeleter<EVP_PKEY_free>>;
using OwnedCertificate = std::unique_ptr<X509, OpenSslDeleter<X509_free>>;
using OwnedSslContext = std::unique_ptr<SSL_CTX, OpenSslDeleter<SSL_CTX_free>>;
using OwnedSsl = std::unique_ptr<SSL, OpenSslDeleter<SSL_free>>;

/// Throws with OpenSSL's last reason.
[[noreturn]] inline void throw_openssl(const std::string& what) {
  char reason[160] = "unknown reason";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  throw std::runtime_error(what + ": " + reason);
}

inline OwnedBio bio_of(std::string_view text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace microvisor::cloud
