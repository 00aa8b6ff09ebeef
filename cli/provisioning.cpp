// Keys and certificates by OpenSSL, the claim by the REST API, flash contents by the image builder.
#include "cli/provisioning.hpp"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/factory.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "protocol/bundle/crypto.hpp"
#include "protocol/bundle/openssl.hpp"

namespace microvisor::cli {
namespace {

using firmware::image::Identity;
using nlohmann::json;
using namespace protocol::openssl;

std::vector<std::uint8_t> der_of(X509* certificate) {
  std::vector<std::uint8_t> der(static_cast<std::size_t>(std::max(0, i2d_X509(certificate, nullptr))));
  unsigned char* end = der.data();
  if (der.empty() || i2d_X509(certificate, &end) < 0) throw_openssl("encoding a certificate");
  return der;
}

std::vector<std::uint8_t> certificate_der(const std::string& pem) {
  const OwnedCertificate certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) throw Failure("the cloud's answer holds no certificate");
  return der_of(certificate.get());
}

OwnedKey private_key(const protocol::SigningKey& key) {
  OwnedKey loaded(PEM_read_bio_PrivateKey(bio_of(key.private_pem()).get(), nullptr, nullptr, nullptr));
  if (!loaded) throw_openssl("reading the device key");
  return loaded;
}

std::array<std::uint8_t, 32> scalar_of(const protocol::SigningKey& key) {
  BIGNUM* number = nullptr;
  std::array<std::uint8_t, 32> scalar{};
  if (EVP_PKEY_get_bn_param(private_key(key).get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
    throw_openssl("exporting the device key");
  const OwnedNumber owned(number);
  if (BN_bn2binpad(number, scalar.data(), static_cast<int>(scalar.size())) < 0)
    throw_openssl("encoding the device key");
  return scalar;
}

/// A certificate that a device without a cloud shows to nobody.
std::vector<std::uint8_t> self_signed(const protocol::SigningKey& key, const std::string& common_name) {
  const OwnedKey pair = private_key(key);
  const OwnedCertificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60L * 60 * 24 * 365 * 20);
  X509_set_pubkey(certificate.get(), pair.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (X509_sign(certificate.get(), pair.get(), EVP_sha256()) == 0) throw_openssl("signing a certificate");
  return der_of(certificate.get());
}

/// The gateway as the device sees it: the modem's network shows this machine's loopback at 10.0.2.2.
void set_gateway(Identity& identity, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const std::string_view port =
      std::string_view(address).substr(colon == std::string::npos ? address.size() : colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), identity.gateway_port);
  if (error != std::errc() || end != port.data() + port.size())
    throw Failure("the cloud names a gateway without a port: " + address);
  identity.gateway_host = address.substr(0, colon);
  if (identity.gateway_host.starts_with("127.") || identity.gateway_host == "localhost" ||
      identity.gateway_host == "[::1]") {
    identity.gateway_host = "10.0.2.2";
  }
}

std::array<std::uint8_t, 65> signer_of(const std::string& pem) {
  const auto key = protocol::public_key_from_pem(pem);
  if (!key) throw Failure("the cloud's key of a signer: " + key.error().message);
  return *key;
}

Identity claimed_identity(Client& client, const protocol::SigningKey& key, const std::string& sid) {
  const json answer = client.post_json("/api/devices", {{"sid", sid}, {"public_key", key.public_pem()}});
  Identity identity;
  identity.device_sid = text_of(answer, "sid");
  identity.device_certificate = certificate_der(text_of(answer, "certificate"));
  set_gateway(identity, text_of(answer, "gateway"));
  identity.gateway_server_name = text_of(answer, "gateway_name");
  identity.gateway_ca = certificate_der(text_of(answer, "gateway_ca"));
  identity.manifest_signers.push_back(signer_of(text_of(answer, "owner_public_key")));
  return identity;
}

Identity lonely_identity(const protocol::SigningKey& key, const std::string& sid) {
  Identity identity;
  identity.device_sid = sid;
  identity.device_certificate = self_signed(key, sid);
  identity.gateway_host = "gateway.invalid";
  identity.gateway_port = 1;
  identity.gateway_server_name = "gateway.invalid";
  identity.gateway_ca = identity.device_certificate;
  return identity;
}

}  // namespace

Identity common_identity(Client& client) {
  const json answer = client.get("/api/factory");
  Identity identity;
  identity.device_certificate = certificate_der(text_of(answer, "device_ca"));
  set_gateway(identity, text_of(answer, "gateway"));
  identity.gateway_server_name = text_of(answer, "gateway_name");
  identity.gateway_ca = certificate_der(text_of(answer, "gateway_ca"));
  for (const json& pem : answer.at("signers"))
    identity.manifest_signers.push_back(signer_of(pem.get<std::string>()));
  identity.keys_sequence = answer.at("keys_sequence").get<std::uint64_t>();
  return identity;
}

std::string provision(board::BoardMemories& memories, Client* client, bool factory_test) {
  const protocol::SigningKey key = protocol::SigningKey::generate();
  const std::string& sid = memories.identity().sid;
  Identity identity = client != nullptr ? claimed_identity(*client, key, sid) : lonely_identity(key, sid);
  identity.device_private_key = scalar_of(key);
  firmware::image::FlashImage image = firmware::image::build_flash_image(identity);
  if (factory_test) firmware::image::begin_factory_test(image.bank2);
  program(memories.flash(), image);
  return sid;
}

}  // namespace microvisor::cli
