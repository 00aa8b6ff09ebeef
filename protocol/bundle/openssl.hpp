// Owners for OpenSSL's objects, and its memory BIOs as text: for source files that speak to OpenSSL
// themselves.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace microvisor::protocol::openssl {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;

using OwnedBio = Owned<BIO, BIO_free_all>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedCertificate = Owned<X509, X509_free>;
using OwnedNumber = Owned<BIGNUM, BN_clear_free>;

/// Throws with OpenSSL's last reason.
[[noreturn]] inline void throw_openssl(const std::string& what) {
  char reason[160] = "unknown reason";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  throw std::runtime_error(what + ": " + reason);
}

/// Reads from `text`, which has to outlive it.
inline OwnedBio bio_of(std::string_view text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// What `write` writes into the memory BIO it is given; throws naming `what` if it does not answer 1.
template <class Write>
std::string written(const std::string& what, Write write) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  if (write(bio.get()) != 1) throw_openssl(what);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace microvisor::protocol::openssl
