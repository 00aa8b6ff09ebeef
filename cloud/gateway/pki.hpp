// The certificates of the device link: a CA for devices, a CA for the gateway, and what they issue.
//
// Two roots, because they are trusted by different sides: devices hold the gateway's root for good, the
// gateway holds the devices'. All keys are P-256, all signatures SHA-256 (what devices can verify). Nothing
// expires: a device that has been in a drawer for years, or has no idea of the date, has to be able to come
// back; a certificate is withdrawn by the gateway forgetting it.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "cloud/accounts/vault.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud {

/// The name in the gateway's certificate, whatever address it has.
inline constexpr const char* kGatewayName = "gateway.microvisor.internal";

struct KeyAndCertificate {
  std::string key;          ///< PEM, PKCS #8
  std::string certificate;  ///< PEM
};

class Pki {
 public:
  /// Reads the certificates from the store, or makes them. Throws std::runtime_error if the sealed keys do
  /// not open.
  static Pki open(Store& store, const Vault& vault);

  /// Client certificate with common name `sid` for the public key (PEM). The error is one line: not a P-256
  /// key.
  [[nodiscard]] tl::expected<std::string, std::string> issue_device_certificate(
      const std::string& sid, const std::string& public_key) const;

  [[nodiscard]] const std::string& device_ca() const { return device_ca_.certificate; }
  [[nodiscard]] const std::string& gateway_ca() const { return gateway_ca_; }
  [[nodiscard]] const KeyAndCertificate& gateway() const { return gateway_; }

 private:
  KeyAndCertificate device_ca_;
  std::string gateway_ca_;
  KeyAndCertificate gateway_;
};

/// SHA-256 of the certificate's DER form, hex. Empty if the PEM cannot be read.
std::string certificate_fingerprint(const std::string& pem);

}  // namespace microvisor::cloud
