// Owners for the TLS objects of OpenSSL, beside those of keys and certificates.
#pragma once

#include <openssl/ssl.h>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::cloud {

using namespace protocol::openssl;

using OwnedSslContext = Owned<SSL_CTX, SSL_CTX_free>;
using OwnedSsl = Owned<SSL, SSL_free>;

}  // namespace microvisor::cloud
